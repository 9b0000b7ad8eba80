//! A stream of bytes: a file, which can seek, or standard input, which cannot.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Stdin};
use std::path::Path;

const BUFFER_BYTES: usize = 256 << 10;

/// A file or standard input, with a buffer.
pub enum ByteInput {
    File(BufReader<File>),
    Stdin(BufReader<Stdin>),
}

impl ByteInput {
    /// Opens a file at its beginning.
    pub fn open(path: &Path) -> io::Result<ByteInput> {
        Ok(ByteInput::File(BufReader::with_capacity(BUFFER_BYTES, File::open(path)?)))
    }

    pub fn stdin() -> ByteInput {
        ByteInput::Stdin(BufReader::with_capacity(BUFFER_BYTES, io::stdin()))
    }

    /// True if a position can be reached by a seek; otherwise everything before it must be read.
    pub fn can_seek(&self) -> bool {
        matches!(self, ByteInput::File(_))
    }

    /// Reads the next line, its line break included, and the number of bytes that it takes in the input;
    /// `None` at the end. Of a line longer than `max_bytes`, the first `max_bytes` + 1 bytes are returned,
    /// so that the caller can tell; the rest is dropped.
    pub fn read_line(&mut self, max_bytes: u64) -> io::Result<Option<(Vec<u8>, u64)>> {
        let mut line = Vec::new();
        let mut bytes_read = self.by_ref().take(max_bytes + 1).read_until(b'\n', &mut line)? as u64;
        if bytes_read == 0 {
            return Ok(None);
        }
        if line.last() != Some(&b'\n') && bytes_read > max_bytes {
            bytes_read += self.skip_line()?;
        }
        Ok(Some((line, bytes_read)))
    }

    /// Skips to the beginning of the next line. Returns the number of bytes skipped.
    fn skip_line(&mut self) -> io::Result<u64> {
        let mut skipped = 0;
        loop {
            let buffer = self.fill_buf()?;
            let line_break = buffer.iter().position(|byte| *byte == b'\n');
            let length = line_break.map_or(buffer.len(), |line_break| line_break + 1);
            self.consume(length);
            skipped += length as u64;
            if line_break.is_some() || length == 0 {
                return Ok(skipped);
            }
        }
    }
}

impl Read for ByteInput {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            ByteInput::File(file) => file.read(buffer),
            ByteInput::Stdin(stdin) => stdin.read(buffer),
        }
    }
}

impl Seek for ByteInput {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        match self {
            ByteInput::File(file) => file.seek(position),
            ByteInput::Stdin(_) => Err(io::ErrorKind::NotSeekable.into()),
        }
    }
}

impl BufRead for ByteInput {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self {
            ByteInput::File(file) => file.fill_buf(),
            ByteInput::Stdin(stdin) => stdin.fill_buf(),
        }
    }

    fn consume(&mut self, amount: usize) {
        match self {
            ByteInput::File(file) => file.consume(amount),
            ByteInput::Stdin(stdin) => stdin.consume(amount),
        }
    }
}
