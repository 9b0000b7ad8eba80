//! A client that takes next to no time: commands are packed before the clock starts, and replies are skipped
//! without being kept.

use crate::contender::Command;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Commands, packed into the bytes that are sent.
#[derive(Default)]
pub struct Batch {
    bytes: Vec<u8>,
    /// The offset at which each command ends.
    ends: Vec<usize>,
    /// The first argument of the first command; a batch that is measured has only one kind.
    command: Vec<u8>,
}

impl Batch {
    pub fn push(&mut self, arguments: &[Vec<u8>]) {
        self.bytes.extend(format!("*{}\r\n", arguments.len()).bytes());
        for argument in arguments {
            self.bytes.extend(format!("${}\r\n", argument.len()).bytes());
            self.bytes.extend_from_slice(argument);
            self.bytes.extend_from_slice(b"\r\n");
        }
        if self.ends.is_empty() {
            self.command.clone_from(&arguments[0]);
        }
        self.ends.push(self.bytes.len());
    }

    /// The name of the command that the batch is made of.
    pub fn command_name(&self) -> String {
        String::from_utf8(self.command.clone()).expect("a command's name is text")
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// The bytes of the commands in this range.
    fn bytes_of(&self, from: usize, to: usize) -> &[u8] {
        let start = from.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[to - 1]]
    }
}

impl FromIterator<Command> for Batch {
    fn from_iter<Commands: IntoIterator<Item = Command>>(commands: Commands) -> Batch {
        let mut batch = Batch::default();
        commands.into_iter().for_each(|command| batch.push(&command));
        batch
    }
}

/// A connection of RESP2.
pub struct Wire {
    reader: BufReader<TcpStream>,
    line: Vec<u8>,
}

impl Wire {
    pub fn connect(port: u16) -> Wire {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
        stream.set_nodelay(true).expect("a socket that does not wait");
        Wire { reader: BufReader::with_capacity(1 << 20, stream), line: Vec::new() }
    }

    /// Sends all commands, `pipeline` at a time, and gives the time that it took.
    pub fn send(&mut self, batch: &Batch, pipeline: usize) -> Duration {
        let start = Instant::now();
        for from in (0..batch.len()).step_by(pipeline) {
            self.exchange(batch, from, batch.len().min(from + pipeline));
        }
        start.elapsed()
    }

    /// Sends all commands, one after the other; gives the time from each to its reply.
    pub fn send_singly(&mut self, batch: &Batch) -> Vec<Duration> {
        (0..batch.len()).map(|command| self.send_one(batch, command)).collect()
    }

    /// Sends one of the commands, and gives the time to its reply.
    pub fn send_one(&mut self, batch: &Batch, command: usize) -> Duration {
        let start = Instant::now();
        self.exchange(batch, command, command + 1);
        start.elapsed()
    }

    fn exchange(&mut self, batch: &Batch, from: usize, to: usize) {
        self.reader.get_mut().write_all(batch.bytes_of(from, to)).expect("the server takes commands");
        for _ in from..to {
            self.skip_reply();
        }
    }

    /// Skips one reply with all its elements. An error reply ends the benchmark, which would measure nothing.
    ///
    /// Counts the lines that are still to come: an array adds its elements.
    fn skip_reply(&mut self) {
        let mut remaining = 1;
        while remaining > 0 {
            remaining -= 1;
            self.line.clear();
            self.reader.read_until(b'\n', &mut self.line).expect("a reply");
            match self.line.first() {
                Some(b'*') => remaining += self.length(),
                Some(b'$') if self.line[1] != b'-' => self.skip(self.length() + 2),
                Some(b'-') => panic!("the server replied {}", self.line.escape_ascii()),
                Some(_) => {}
                None => panic!("the server closed the connection"),
            }
        }
    }

    /// The number after the first byte of the line.
    fn length(&self) -> usize {
        let digits = self.line[1..].iter().take_while(|byte| byte.is_ascii_digit());
        digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0'))
    }

    fn skip(&mut self, mut bytes: usize) {
        while bytes > 0 {
            let buffered = self.reader.fill_buf().expect("a reply").len().min(bytes);
            assert!(buffered > 0, "the server closed the connection");
            self.reader.consume(buffered);
            bytes -= buffered;
        }
    }
}

/// Checks that no reply is left when a phase ends: the replies and the commands would be out of step.
impl Drop for Wire {
    fn drop(&mut self) {
        let socket = self.reader.get_mut();
        let _ = socket.shutdown(std::net::Shutdown::Write);
        let mut rest = Vec::new();
        let _ = self.reader.read_to_end(&mut rest);
        if !std::thread::panicking() {
            assert!(rest.is_empty(), "replies to no command: {}", rest.escape_ascii());
        }
    }
}
