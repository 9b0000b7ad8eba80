//! Lines: the records of JSON lines and of plain text. In plain text each line is a text.

use super::MAX_RECORD_BYTES;
use super::byte_input::ByteInput;
use super::byte_source::{Parser, RawRecord, Splitter};
use super::fields::{FieldOptions, decode_text};
use super::{Clause, Observation};
use crate::Result;

/// Splits at line breaks, LF or CR LF.
pub struct LineSplitter;

impl Splitter for LineSplitter {
    fn read_record(&mut self, input: &mut ByteInput) -> Result<Option<RawRecord>> {
        let Some((bytes, length)) = input.read_line(MAX_RECORD_BYTES)? else { return Ok(None) };
        let is_complete = bytes.last() == Some(&b'\n') || length > MAX_RECORD_BYTES;
        let line_break = line_break_length(&bytes);
        Ok(Some(RawRecord { bytes, line_break, length, is_complete, problem: None }))
    }
}

/// The length of the line break that some bytes end with: LF, CR LF, or none.
pub fn line_break_length(bytes: &[u8]) -> usize {
    match bytes {
        [.., b'\r', b'\n'] => 2,
        [.., b'\n'] => 1,
        _ => 0,
    }
}

/// Makes an observation of a line of plain text. The item is named by the input and the number of the line,
/// as `grep -n` does it: `app.log:17`, or by another name for the input.
pub struct TextParser {
    index: String,
    input_name: String,
    lossy: bool,
}

impl TextParser {
    /// # Errors
    /// The options name fields.
    pub fn new(input_name: &str, fields: &FieldOptions) -> Result<TextParser> {
        let index = fields.index_of_whole_text("plain text", "line")?;
        let input_name = fields.given_item().unwrap_or(input_name);
        Ok(TextParser { index, input_name: input_name.into(), lossy: fields.lossy })
    }
}

impl Parser for TextParser {
    fn parse(&mut self, content: &[u8], number: u64) -> std::result::Result<Observation, String> {
        let text = decode_text(content, self.lossy)?.into_owned();
        let item = format!("{}:{number}", self.input_name).into_bytes();
        let clauses = vec![Clause::Text { index: self.index.clone(), text }];
        Ok(Observation { item, timestamp: None, clauses })
    }
}
