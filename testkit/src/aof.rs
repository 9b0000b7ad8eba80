//! The commands in a server's append-only file, which are those that its replicas get.

use crate::{Reply, Server};
use redis::Parser;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// The commands in one append-only file that has no RDB preamble.
fn commands_in(file: &Path) -> Vec<Vec<Reply>> {
    let mut reader = BufReader::new(File::open(file).expect("an append-only file"));
    let mut parser = Parser::new();
    let mut commands = Vec::new();
    while let Ok(command) = parser.parse_value(&mut reader) {
        commands.push(Reply::from(command).array().to_vec());
    }
    commands
}

impl Server {
    /// The commands appended since the last rewrite, without the SELECT that opens every file.
    pub fn appended(&self) -> Vec<Vec<Reply>> {
        let directory = self.directory().join("appendonlydir");
        let mut files: Vec<_> = std::fs::read_dir(directory)
            .expect("the server has an append-only file")
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.to_string_lossy().ends_with(".incr.aof"))
            .collect();
        files.sort();
        let all = files.iter().flat_map(|file| commands_in(file));
        all.filter(|command| command[0].bytes() != b"SELECT").collect()
    }

    /// The names of the commands appended since the last rewrite.
    pub fn appended_names(&self) -> Vec<String> {
        self.appended().iter().map(|command| command[0].text().to_uppercase()).collect()
    }
}
