//! A stream of bytes, and a copy of those that its reader has not dropped yet.
//!
//! A parser tells the position after a record but not its bytes. They are cut out of the copy here.

use super::byte_input::ByteInput;
use std::io::{self, Read, Seek, SeekFrom};

/// The bytes that are read ahead.
const CHUNK_BYTES: usize = 64 << 10;

pub struct ByteCopy {
    input: Box<ByteInput>,
    /// The copy: what was read from the input since the last cut.
    copy: Vec<u8>,
    /// The position of the copy in the input.
    begin: u64,
    /// The bytes of the copy that the parser was given.
    given: usize,
    /// True if the first byte of the copy was returned with the last cut.
    has_returned_line_feed: bool,
}

impl ByteCopy {
    pub fn new(input: Box<ByteInput>) -> ByteCopy {
        ByteCopy { input, copy: Vec::new(), begin: 0, given: 0, has_returned_line_feed: false }
    }

    pub fn can_seek(&self) -> bool {
        self.input.can_seek()
    }

    /// Cuts off the bytes up to a position, and returns them. A parser takes a record for complete at the first byte
    /// of a line break of two: both are returned.
    pub fn cut(&mut self, end: u64) -> io::Result<Vec<u8>> {
        let length = (end.saturating_sub(self.begin) as usize).min(self.copy.len());
        if self.copy.len() == length {
            self.read_ahead()?;
        }
        let rest = self.copy.split_off(length);
        let mut cut = std::mem::replace(&mut self.copy, rest);
        self.begin += length as u64;
        self.given = self.given.saturating_sub(length);
        if std::mem::take(&mut self.has_returned_line_feed) && cut.first() == Some(&b'\n') {
            cut.remove(0);
        }
        if cut.last() == Some(&b'\r') && self.copy.first() == Some(&b'\n') {
            cut.push(b'\n');
            self.has_returned_line_feed = true;
        }
        Ok(cut)
    }

    /// Reads more bytes into the copy.
    fn read_ahead(&mut self) -> io::Result<()> {
        let length = self.copy.len();
        self.copy.resize(length + CHUNK_BYTES, 0);
        let read = self.input.read(&mut self.copy[length..]);
        self.copy.truncate(length + read.as_ref().map_or(0, |bytes| *bytes));
        read.map(drop)
    }
}

impl Read for ByteCopy {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given == self.copy.len() {
            self.read_ahead()?;
        }
        let bytes = (&self.copy[self.given..]).read(buffer)?;
        self.given += bytes;
        Ok(bytes)
    }
}

impl Seek for ByteCopy {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.begin = self.input.seek(position)?;
        self.copy.clear();
        self.given = 0;
        self.has_returned_line_feed = false;
        Ok(self.begin)
    }
}
