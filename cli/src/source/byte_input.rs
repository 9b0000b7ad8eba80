//! The bytes of an input as UTF-8 text: decompressed, without a byte order mark, and UTF-16 made UTF-8.
//!
//! What is done follows from the first bytes, never from a name, so it works for standard input too:
//!
//! ```text
//! file or pipe -> gzip or zstd, if it begins with their magic number -> UTF-16, if a byte order mark says so
//!              -> a buffer, whose beginning (the sample) can be looked at before anything is read
//! ```
//!
//! All members of a gzip file and all frames of a zstd file are read, as their own tools do, and a file that
//! ends within one is an error. The number of bytes always means bytes that come out here. Such a number is not
//! a place in the file, so a later load does not seek to it: it reads what is before it again, which is
//! also how it proves that the input is the same ([`super::byte_source`]).

use encoding_rs_io::DecodeReaderBytesBuilder;
use flate2::read::MultiGzDecoder;
use std::io::{self, BufRead, BufReader, Cursor, Read};

const BUFFER_BYTES: usize = 256 << 10;
/// The sample is at least this long, if the input is.
const SAMPLE_BYTES: usize = 64 << 10;
/// The longest byte order mark, that of UTF-8.
const MARK_BYTES: usize = 3;
/// The longest magic number; none has a line break.
const MAGIC_BYTES: usize = 16;
const GZIP_MAGIC: &[u8] = b"\x1f\x8b";
const ZSTD_MAGIC: &[u8] = b"\x28\xb5\x2f\xfd";
/// Files that the tool cannot read, each with its magic number and what to do about it.
const UNREADABLE_KINDS: [(&[u8], &str); 6] = [
    (b"\xfd7zXZ\0", "is compressed with xz: pipe it through xz -dc"),
    (b"BZh", "is compressed with bzip2: pipe it through bzip2 -dc"),
    (b"\x04\x22\x4d\x18", "is compressed with lz4: pipe it through lz4 -dc"),
    (b"PK\x03\x04", "is a zip archive or a spreadsheet: load the files in it, or export it as CSV"),
    (b"PAR1", "is a Parquet file: export it as CSV or JSON lines"),
    (b"SQLite format 3\0", "is an SQLite database: export a table as CSV or JSON lines"),
];

/// An input as UTF-8 text.
pub struct ByteInput {
    /// What was read from `rest` already and is still to be read from here: the sample, or what was unread.
    head: Cursor<Vec<u8>>,
    rest: BufReader<Box<dyn Read>>,
    /// True if the input ends with `head`.
    rest_is_empty: bool,
    /// The error of reading on after the sample.
    error_after_head: Option<io::Error>,
    is_converted: bool,
}

impl ByteInput {
    /// Prepares to read a file from its beginning, and reads the sample.
    ///
    /// # Errors
    /// It cannot be read, or is of a kind that the tool does not understand.
    pub fn open(file: Box<dyn Read>) -> io::Result<ByteInput> {
        ByteInput::open_with_sample(file, |sample| sample.len() >= SAMPLE_BYTES)
    }

    /// The same for a pipe. A writer may wait for its first line to be taken, so a line is enough for the sample.
    pub fn open_pipe(pipe: Box<dyn Read>) -> io::Result<ByteInput> {
        // The decoder gives the bytes that may be a mark by themselves: they are not a sample.
        let has_line =
            |sample: &[u8]| sample.len() > MARK_BYTES && sample.trim_ascii_start().contains(&b'\n');
        ByteInput::open_with_sample(pipe, |sample| has_line(sample) || sample.len() >= SAMPLE_BYTES)
    }

    fn open_with_sample(mut file: Box<dyn Read>, is_enough: impl Fn(&[u8]) -> bool) -> io::Result<ByteInput> {
        let magic = read_beginning(&mut *file)?;
        if let Some((_, reason)) = UNREADABLE_KINDS.iter().find(|(number, _)| magic.starts_with(number)) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, *reason));
        }
        let (is_gzip, is_zstd) = (magic.starts_with(GZIP_MAGIC), magic.starts_with(ZSTD_MAGIC));
        let is_utf16 = magic.starts_with(b"\xff\xfe") || magic.starts_with(b"\xfe\xff");
        let file = Cursor::new(magic).chain(file);
        let decompressed: Box<dyn Read> = match (is_gzip, is_zstd) {
            (true, _) => Box::new(MultiGzDecoder::new(file)),
            (_, true) => Box::new(zstd::Decoder::new(file)?),
            _ => Box::new(file),
        };
        // Without a mark the bytes stay as they are, valid UTF-8 or not.
        let mut decoder = DecodeReaderBytesBuilder::new();
        let decoder = decoder.utf8_passthru(true).strip_bom(true);
        let text: Box<dyn Read> = Box::new(decoder.build_with_buffer(decompressed, vec![0; BUFFER_BYTES])?);
        let mut input = ByteInput {
            head: Cursor::default(),
            rest: BufReader::with_capacity(BUFFER_BYTES, text),
            rest_is_empty: false,
            error_after_head: None,
            is_converted: is_gzip || is_zstd || is_utf16,
        };
        input.read_sample(is_enough)?;
        Ok(input)
    }

    /// True if the bytes that are read are not those of the file.
    pub fn is_converted(&self) -> bool {
        self.is_converted
    }

    /// The beginning of the input, as long as nothing has been read. Of a pipe it may be only the first line that is
    /// not blank.
    pub fn sample(&self) -> &[u8] {
        self.head.get_ref()
    }

    /// True if the sample is the whole input.
    pub fn sample_is_all(&self) -> bool {
        self.rest_is_empty
    }

    fn read_sample(&mut self, is_enough: impl Fn(&[u8]) -> bool) -> io::Result<()> {
        while !is_enough(self.sample()) {
            let sample_is_empty = self.sample().is_empty();
            let buffer = match self.rest.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                // What is before the place that cannot be read is given first.
                Err(error) if !sample_is_empty => {
                    self.error_after_head = Some(error);
                    break;
                }
                Err(error) => return Err(error),
            };
            let length = buffer.len();
            if length == 0 {
                self.rest_is_empty = true;
                break;
            }
            self.head.get_mut().extend_from_slice(buffer);
            self.rest.consume(length);
        }
        Ok(())
    }

    /// Takes back bytes that were read: the next reads return them again.
    pub fn unread(&mut self, mut bytes: Vec<u8>) {
        bytes.extend_from_slice(&self.head.get_ref()[self.head.position() as usize..]);
        self.head = Cursor::new(bytes);
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

/// Reads enough to recognize a magic number, and what comes with it. From a pipe it never waits for more than a line.
fn read_beginning(file: &mut dyn Read) -> io::Result<Vec<u8>> {
    let (mut beginning, mut length) = (vec![0; SAMPLE_BYTES], 0);
    while length < MAGIC_BYTES && !beginning[..length].contains(&b'\n') {
        match file.read(&mut beginning[length..]) {
            Ok(0) => break,
            Ok(bytes) => length += bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    beginning.truncate(length);
    Ok(beginning)
}

impl Read for ByteInput {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut available = self.fill_buf()?;
        let length = available.read(buffer)?;
        self.consume(length);
        Ok(length)
    }
}

impl BufRead for ByteInput {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.head.position() < self.head.get_ref().len() as u64 {
            return self.head.fill_buf();
        }
        match self.error_after_head.take() {
            Some(error) => Err(error),
            None => self.rest.fill_buf(),
        }
    }

    fn consume(&mut self, amount: usize) {
        match self.head.position() < self.head.get_ref().len() as u64 {
            true => self.head.consume(amount),
            false => self.rest.consume(amount),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn read(bytes: Vec<u8>) -> io::Result<String> {
        let mut text = String::new();
        ByteInput::open(Box::new(Cursor::new(bytes)))?.read_to_string(&mut text).map(|_| text)
    }

    fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).expect("memory");
        encoder.finish().expect("memory")
    }

    fn zstd(text: &str) -> Vec<u8> {
        zstd::encode_all(text.as_bytes(), 1).expect("memory")
    }

    #[test]
    fn every_member_and_every_frame_is_read_and_an_incomplete_one_is_an_error() {
        let long = "line\n".repeat(100_000);
        for compress in [gzip, zstd] {
            let twice = [compress(&long), compress("end")].concat();
            assert_eq!(read(twice.clone()).expect("text"), long.clone() + "end");
            for missing in [1, 5] {
                let error = read(twice[..twice.len() - missing].to_vec()).expect_err("an error");
                assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{error}");
            }
            assert!(read(compress("")).expect("text").is_empty());
            let marked = compress("\u{feff}text");
            assert_eq!(read(marked).expect("text"), "text");
        }
    }

    #[test]
    fn a_byte_order_mark_tells_the_encoding() {
        let units: Vec<u16> = "\u{feff}grün 🌿\n".encode_utf16().chain([0xd800]).collect();
        let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
        for encoded in [little, big] {
            assert_eq!(read(encoded).expect("text"), "grün 🌿\n\u{fffd}");
        }
        assert_eq!(read(b"\xef\xbb\xbfa\xef\xbb\xbf".to_vec()).expect("text"), "a\u{feff}");
    }

    #[test]
    fn bytes_that_are_unread_are_read_again() {
        let mut input = ByteInput::open(Box::new(&b"one\ntwo\nthree"[..])).expect("an input");
        let line = |input: &mut ByteInput| input.read_line(100).expect("a line").map(|(line, _)| line);
        assert_eq!(line(&mut input).as_deref(), Some(&b"one\n"[..]));
        input.unread(b"1\n".to_vec());
        let lines: Vec<_> = std::iter::from_fn(|| line(&mut input)).collect();
        assert_eq!(lines, [&b"1\n"[..], b"two\n", b"three"]);
    }

    #[test]
    fn a_line_may_not_fill_the_memory() {
        let mut input = ByteInput::open(Box::new(&b"123456789\nab"[..])).expect("an input");
        assert_eq!(input.read_line(3).expect("a line"), Some((b"1234".to_vec(), 10)));
        assert_eq!(input.read_line(3).expect("a line"), Some((b"ab".to_vec(), 2)));
    }
}
