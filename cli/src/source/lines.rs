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
        let Some((mut content, length)) = input.read_line(MAX_RECORD_BYTES)? else { return Ok(None) };
        let is_cut = content.len() as u64 > MAX_RECORD_BYTES;
        let is_complete = content.last() == Some(&b'\n') || is_cut;
        content.truncate(without_line_break(&content).len());
        Ok(Some(RawRecord { content, length, is_complete, problem: None }))
    }
}

/// A line without its line break.
pub fn without_line_break(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Makes an observation of a line of plain text. The item is named by the input and the number of the line,
/// as `grep -n` does it: `app.log:17`.
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
