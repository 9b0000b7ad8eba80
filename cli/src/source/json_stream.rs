//! JSON that is not one object a line: an array of objects, or objects one after another over any number of
//! lines, as jq prints them.
//!
//! An array may be larger than the memory, so it is not parsed as a whole. The splitter finds the end of each
//! value by counting brackets outside of strings, and hands its bytes to the parser, which checks them. Between
//! the values it checks what must be there: commas and the closing bracket of an array, otherwise blanks.

use super::MAX_RECORD_BYTES;
use super::byte_input::ByteInput;
use super::byte_source::{RawRecord, Splitter};
use crate::Result;
use std::io::BufRead;

/// Splits an array, or a sequence, into its values.
#[derive(Default)]
pub struct JsonSplitter {
    place: Place,
    /// Line breaks read so far.
    lines: u64,
}

/// What the splitter expects next.
#[derive(Clone, Copy, Default, PartialEq)]
enum Place {
    #[default]
    Beginning,
    /// A value of a sequence.
    Sequence,
    /// The first value of an array, or its end.
    ArrayBegin,
    /// A value of an array, after a comma.
    ArrayValue,
    /// A comma, or the end of the array.
    ArrayComma,
    /// Nothing: the array has ended.
    End,
}

impl Splitter for JsonSplitter {
    fn read_record(&mut self, input: &mut ByteInput) -> Result<Option<RawRecord>> {
        let mut length = 0;
        loop {
            let Some(byte) = peek_byte(input)? else { return self.at_end() };
            if matches!(self.place, Place::Sequence | Place::ArrayBegin | Place::ArrayValue)
                && !(byte.is_ascii_whitespace() || byte == b']' && self.place != Place::Sequence)
            {
                return self.read_value(input, length).map(Some);
            }
            self.place = match (self.place, byte) {
                (place, b'\n') => {
                    self.lines += 1;
                    place
                }
                (place, _) if byte.is_ascii_whitespace() => place,
                (Place::Beginning, b'[') => Place::ArrayBegin,
                (Place::Beginning, _) => {
                    self.place = Place::Sequence;
                    continue;
                }
                (Place::ArrayComma, b',') => Place::ArrayValue,
                (Place::ArrayComma | Place::ArrayBegin, b']') => Place::End,
                (Place::ArrayValue, _) => return Err(self.error("expected a value after the comma")),
                (Place::End, _) => return Err(self.error("there is something after the end of the array")),
                _ => return Err(self.error("expected a comma or the end of the array")),
            };
            input.consume(1);
            length += 1;
        }
    }
}

impl JsonSplitter {
    fn at_end(&self) -> Result<Option<RawRecord>> {
        match self.place {
            Place::ArrayBegin | Place::ArrayValue | Place::ArrayComma => {
                Err(self.error("the array is not closed: is the file complete?"))
            }
            _ => Ok(None),
        }
    }

    fn error(&self, reason: &str) -> Box<dyn std::error::Error> {
        format!("line {}: {reason}", self.lines + 1).into()
    }

    /// Reads a value, whose first byte is the next; `length` bytes before it belong to the record too.
    fn read_value(&mut self, input: &mut ByteInput, mut length: u64) -> Result<RawRecord> {
        let first_line = self.lines + 1;
        let (mut content, mut end) = (Vec::new(), ValueEnd::default());
        let mut is_complete = false;
        while !is_complete {
            let buffer = input.fill_buf()?;
            if buffer.is_empty() {
                break;
            }
            let mut used = 0;
            for byte in buffer {
                match end.follow(*byte) {
                    Some(takes_byte) => {
                        is_complete = true;
                        used += usize::from(takes_byte);
                        break;
                    }
                    None => used += 1,
                }
            }
            let room = (MAX_RECORD_BYTES as usize + 1).saturating_sub(content.len());
            content.extend_from_slice(&buffer[..used.min(room)]);
            self.lines += buffer[..used].iter().filter(|byte| **byte == b'\n').count() as u64;
            length += used as u64;
            input.consume(used);
        }
        let problem = (!is_complete && !end.is_scalar())
            .then(|| format!("begins in line {first_line} and is not closed: is the file complete?"));
        self.place = if self.place == Place::Sequence { Place::Sequence } else { Place::ArrayComma };
        content.push(b'\n'); // there may be none in the input, and more would be between two objects
        let is_complete = is_complete || end.is_scalar();
        Ok(RawRecord { bytes: content, line_break: 1, length, is_complete, problem })
    }
}

/// Follows a value, byte by byte, to its end.
#[derive(Default)]
struct ValueEnd {
    depth: u64,
    in_string: bool,
    is_escaped: bool,
    has_begun: bool,
}

impl ValueEnd {
    /// Looks at the next byte. At the end of the value: whether that byte still belongs to it.
    fn follow(&mut self, byte: u8) -> Option<bool> {
        let is_first = !std::mem::replace(&mut self.has_begun, true);
        if self.in_string {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = true,
                b'"' => {
                    self.in_string = false;
                    return (self.depth == 0).then_some(true);
                }
                _ => {}
            }
            return None;
        }
        match byte {
            // A number or a word has no end of its own.
            b',' | b']' | b'}' if self.depth == 0 => return Some(is_first),
            _ if self.depth == 0 && byte.is_ascii_whitespace() => return Some(false),
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth -= 1;
                return (self.depth == 0).then_some(true);
            }
            _ => {}
        }
        None
    }

    /// True if the end of the input is also the end of the value.
    fn is_scalar(&self) -> bool {
        self.depth == 0 && !self.in_string
    }
}

fn peek_byte(input: &mut ByteInput) -> Result<Option<u8>> {
    Ok(input.fill_buf()?.first().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values, and the error that ends them.
    fn split(text: &str) -> (Vec<String>, Option<String>) {
        let mut input = ByteInput::open(Box::new(std::io::Cursor::new(text.to_string()))).expect("an input");
        let (mut splitter, mut values, mut length) = (JsonSplitter::default(), Vec::new(), 0);
        loop {
            match splitter.read_record(&mut input) {
                Ok(Some(record)) => {
                    length += record.length;
                    let problem =
                        record.problem.as_ref().map_or_else(String::new, |problem| format!(" {problem}"));
                    values.push(String::from_utf8_lossy(record.content()).into_owned() + &problem);
                    assert!(length <= text.len() as u64);
                }
                Ok(None) => return (values, None),
                Err(error) => return (values, Some(error.to_string())),
            }
        }
    }

    #[test]
    fn an_array_is_split_into_its_values() {
        let values = ["{\"a\": [1, {\"b\": \"]},\\\"\\\\\"}]}", "2.5", "\"x, ]\"", "null", "[]", "{}"];
        for separator in [",", " , ", "\n,\n"] {
            let array = values.join(separator);
            for text in [format!("[{array}]"), format!("\n [ {array} ] \n")] {
                assert_eq!(split(&text), (values.map(String::from).to_vec(), None), "{text}");
            }
        }
        assert_eq!(
            (split("[]"), split(" "), split("[ ]\n")),
            ((vec![], None), (vec![], None), (vec![], None))
        );
    }

    #[test]
    fn objects_one_after_another_are_split_too() {
        let (values, error) = split("{\n  \"a\": 1\n}\n{\"b\": {}} {\"c\":\n2}");
        assert_eq!((values.len(), error), (3, None));
        assert_eq!(values[2], "{\"c\":\n2}");
    }

    #[test]
    fn what_is_not_closed_is_an_error() {
        let unclosed = "the array is not closed: is the file complete?";
        assert_eq!(split("[{}, {}"), (vec!["{}".into(), "{}".into()], Some(format!("line 1: {unclosed}"))));
        assert_eq!(split("[{},\n").1, Some(format!("line 2: {unclosed}")));
        let value = "begins in line 2 and is not closed: is the file complete?";
        assert_eq!(split("[{},\n{\"a").0[1], format!("{{\"a {value}"));
        assert_eq!(split("{}\n{\"a\": \"").0[1], format!("{{\"a\": \" {value}"));
        assert_eq!(split("[{}\n{}]").1.as_deref(), Some("line 2: expected a comma or the end of the array"));
        assert_eq!(
            split("[{}]\n{}").1.as_deref(),
            Some("line 2: there is something after the end of the array")
        );
        assert_eq!(split("[{},]").1.as_deref(), Some("line 1: expected a value after the comma"));
        assert_eq!(split("}{}").0, ["}", "{}"], "a value that is none is the parser's to refuse");
    }
}
