//! The records of a stream of bytes: a *splitter* finds where a record ends, a *parser* makes an observation
//! of it, and this file keeps the position, with the proof that the input before it is the same as before.
//!
//! The proof is a *hash chain*: the hash after a record is made of the hash before it and the content of the
//! record. So one number stands for everything up to a position, and can be compared after any record. A load
//! that continues reads the beginning of its input again, and goes on only if the hash at the saved position
//! is the saved one. A rotated log, an edited line or a line that was only half written changes the hash.
//! The line break is not part of the content: a last line without one may get it later.

use super::byte_input::ByteInput;
use super::{Format, describe_other_input};
use super::{MAX_RECORD_BYTES, Observation, Position, Record, Source, describe_early_end, hash_after};
use crate::Result;
use std::io;

/// The bytes of a record.
pub struct RawRecord {
    /// With its line break. Of a record longer than [`MAX_RECORD_BYTES`], only the beginning.
    pub bytes: Vec<u8>,
    /// The number of these bytes that are the line break.
    pub line_break: usize,
    /// The number of bytes up to the next record, line break and blanks included.
    pub length: u64,
    /// False for a last record without a line break: it may not be written to its end yet.
    pub is_complete: bool,
    /// What is wrong with it, if the splitter can tell.
    pub problem: Option<String>,
}

impl RawRecord {
    /// The record without its line break.
    pub fn content(&self) -> &[u8] {
        &self.bytes[..self.bytes.len() - self.line_break]
    }

    fn is_too_long(&self) -> bool {
        self.content().len() as u64 > MAX_RECORD_BYTES
    }
}

/// Finds the ends of the records.
pub trait Splitter {
    /// Reads the next record; `None` at the end.
    ///
    /// # Errors
    /// The rest cannot be read or split.
    fn read_record(&mut self, input: &mut ByteInput) -> Result<Option<RawRecord>>;
}

/// Makes an observation of the content of a record.
pub trait Parser {
    /// `number` is that of the record, counted from 1.
    ///
    /// # Errors
    /// The record is malformed.
    fn parse(&mut self, content: &[u8], number: u64) -> std::result::Result<Observation, String>;

    /// True if this record is left out, without a word.
    fn skips(&self, content: &[u8]) -> bool {
        content.trim_ascii().is_empty()
    }
}

/// The records of a file or a pipe.
pub struct ByteSource<'a> {
    /// As the user gave it.
    name: String,
    format: Format,
    input: ByteInput,
    splitter: Box<dyn Splitter + 'a>,
    parser: Box<dyn Parser + 'a>,
    /// The position after the last record that was read.
    position: Position,
    /// The hash before the first record: of the header, if there is one.
    first_hash: u64,
    header_bytes: Vec<u8>,
    /// The last record, with its line break; empty if it was too long.
    record_bytes: Vec<u8>,
}

impl<'a> ByteSource<'a> {
    pub fn new(
        name: &str,
        format: Format,
        input: ByteInput,
        splitter: Box<dyn Splitter + 'a>,
        parser: Box<dyn Parser + 'a>,
    ) -> ByteSource<'a> {
        let (name, position) = (name.to_string(), Position::default());
        let (header_bytes, record_bytes) = (Vec::new(), Vec::new());
        ByteSource {
            name,
            format,
            input,
            splitter,
            parser,
            position,
            first_hash: 0,
            header_bytes,
            record_bytes,
        }
    }

    /// Includes a header, which was read already, in the proof.
    pub fn with_header(mut self, header: Option<RawRecord>) -> ByteSource<'a> {
        if let Some(header) = header {
            self.first_hash = hash_after(0, header.content());
            self.position.bytes = header.length;
            self.header_bytes = header.bytes;
        }
        self
    }

    /// Reads a record, and moves the position past it.
    fn read_record(&mut self) -> Result<Option<RawRecord>> {
        let record = self.splitter.read_record(&mut self.input);
        let record =
            record.map_err(|error| describe_read_error(&self.name, self.format, self.position, error))?;
        let Some(record) = record else { return Ok(None) };
        let hash = if self.position.records == 0 { self.first_hash } else { self.position.hash };
        self.position = Position {
            records: self.position.records + 1,
            bytes: self.position.bytes + record.length,
            hash: hash_after(hash, record.content()),
        };
        Ok(Some(record))
    }

    fn parse(&mut self, record: &RawRecord) -> std::result::Result<Observation, String> {
        if let Some(problem) = &record.problem {
            return Err(problem.clone());
        }
        if record.is_too_long() {
            return Err(format!("is longer than {} MiB", MAX_RECORD_BYTES >> 20));
        }
        self.parser.parse(record.content(), self.position.records)
    }
}

impl Source for ByteSource<'_> {
    fn next(&mut self) -> Result<Option<Record>> {
        while let Some(record) = self.read_record()? {
            if record.problem.is_none() && self.parser.skips(record.content()) {
                continue;
            }
            let (end, observation, is_complete) = (self.position, self.parse(&record), record.is_complete);
            self.record_bytes = if record.is_too_long() { Vec::new() } else { record.bytes };
            return Ok(Some(Record { end, observation, is_complete }));
        }
        Ok(None)
    }

    fn header_bytes(&self) -> &[u8] {
        &self.header_bytes
    }

    fn record_bytes(&self) -> &[u8] {
        &self.record_bytes
    }

    fn go_to(&mut self, position: Position) -> Result<()> {
        while self.position.records < position.records {
            if self.read_record()?.is_none() {
                return Err(describe_early_end(&self.name, self.format, self.position, position).into());
            }
        }
        if position.records > 0 && self.position.hash != position.hash {
            return Err(describe_other_input(&self.name, self.format, position).into());
        }
        Ok(())
    }
}

/// The error of an input whose rest cannot be read.
fn describe_read_error(
    name: &str,
    format: Format,
    position: Position,
    error: Box<dyn std::error::Error>,
) -> Box<dyn std::error::Error> {
    let after = format!("after {} {}", format.record_noun(), position.records);
    match error.downcast_ref::<io::Error>().map(io::Error::kind) {
        Some(io::ErrorKind::UnexpectedEof) => {
            format!("{name} ends in the middle of its compressed data, {after}: is the file complete?").into()
        }
        Some(_) => format!("{name} cannot be read further, {after}: {error}").into(),
        None => format!("{name}: {error}").into(),
    }
}
