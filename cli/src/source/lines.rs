//! An input of bytes: a file, which can seek, or standard input, which cannot.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Stdin};
use std::path::Path;

const BUFFER: usize = 256 << 10;

/// A file or standard input.
pub enum Input {
    File(BufReader<File>),
    Stdin(BufReader<Stdin>),
}

impl Input {
    /// A file from its beginning.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn file(path: &Path) -> io::Result<Input> {
        Ok(Input::File(BufReader::with_capacity(BUFFER, File::open(path)?)))
    }

    pub fn stdin() -> Input {
        Input::Stdin(BufReader::with_capacity(BUFFER, io::stdin()))
    }

    /// Whether it can go to a byte; else all before it must be read.
    pub fn can_seek(&self) -> bool {
        matches!(self, Input::File(_))
    }

    /// The next line without its end, at most so long: what is left of a longer one is dropped. `None`
    /// at the end. Beside it the bytes that the line took.
    ///
    /// # Errors
    /// Reading does.
    pub fn line(&mut self, longest: u64) -> io::Result<Option<(Vec<u8>, u64)>> {
        let mut line = Vec::new();
        let mut taken = self.by_ref().take(longest + 1).read_until(b'\n', &mut line)? as u64;
        if taken == 0 {
            return Ok(None);
        }
        if line.last() != Some(&b'\n') && taken > longest {
            taken += self.skip_line()?;
        }
        Ok(Some((line, taken)))
    }

    fn skip_line(&mut self) -> io::Result<u64> {
        let mut skipped = 0;
        loop {
            let buffer = self.fill_buf()?;
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let length = end.map_or(buffer.len(), |end| end + 1);
            self.consume(length);
            skipped += length as u64;
            if end.is_some() || length == 0 {
                return Ok(skipped);
            }
        }
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Input::File(file) => file.read(buffer),
            Input::Stdin(stdin) => stdin.read(buffer),
        }
    }
}

impl Seek for Input {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            Input::File(file) => file.seek(to),
            Input::Stdin(_) => Err(io::ErrorKind::NotSeekable.into()),
        }
    }
}

impl BufRead for Input {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self {
            Input::File(file) => file.fill_buf(),
            Input::Stdin(stdin) => stdin.fill_buf(),
        }
    }

    fn consume(&mut self, amount: usize) {
        match self {
            Input::File(file) => file.consume(amount),
            Input::Stdin(stdin) => stdin.consume(amount),
        }
    }
}
