//! JSON lines: one object a line. Empty lines are skipped.

use super::byte_input::ByteInput;
use super::fields::{parse_seconds, quote_names};
use super::{
    Clause, FieldOptions, Format, MAX_RECORD_BYTES, Observation, Position, Record, Source, describe_early_end,
};
use crate::Result;
use serde_json::{Map, Value as Json};
use std::io::{Seek, SeekFrom};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The objects of an input, one a line.
pub struct JsonLines<'a> {
    input: Box<ByteInput>,
    fields: &'a FieldOptions,
    /// The position after the last line that was read.
    position: Position,
    /// That line.
    line: Vec<u8>,
}

impl<'a> JsonLines<'a> {
    pub fn new(input: Box<ByteInput>, fields: &'a FieldOptions) -> JsonLines<'a> {
        JsonLines { input, fields, position: Position::default(), line: Vec::new() }
    }

    /// Reads a line, empty or not, and moves the position past it.
    fn read_line(&mut self) -> Result<Option<Vec<u8>>> {
        let Some((line, bytes)) = self.input.read_line(MAX_RECORD_BYTES)? else { return Ok(None) };
        self.position = Position { records: self.position.records + 1, bytes: self.position.bytes + bytes };
        Ok(Some(line))
    }
}

impl Source for JsonLines<'_> {
    fn next(&mut self) -> Result<Option<Record>> {
        while let Some(whole_line) = self.read_line()? {
            let is_first = self.position.records == 1;
            let line = whole_line.strip_prefix(BYTE_ORDER_MARK).filter(|_| is_first).unwrap_or(&whole_line);
            if !line.trim_ascii().is_empty() {
                let observation = parse_line(self.fields, line);
                self.line = if line.len() as u64 > MAX_RECORD_BYTES { Vec::new() } else { whole_line };
                return Ok(Some(Record { end: self.position, observation }));
            }
        }
        Ok(None)
    }

    fn record_bytes(&self) -> &[u8] {
        &self.line
    }

    fn go_to(&mut self, position: Position) -> Result<()> {
        if self.input.can_seek() {
            self.input.seek(SeekFrom::Start(position.bytes))?;
            self.position = position;
            return Ok(());
        }
        while self.position.records < position.records {
            if self.read_line()?.is_none() {
                return Err(describe_early_end(Format::Jsonl, self.position, position).into());
            }
        }
        Ok(())
    }
}

fn parse_line(fields: &FieldOptions, line: &[u8]) -> std::result::Result<Observation, String> {
    if line.len() as u64 > MAX_RECORD_BYTES {
        return Err(format!("is longer than {} MiB", MAX_RECORD_BYTES >> 20));
    }
    let object = match serde_json::from_slice(line) {
        Ok(Json::Object(object)) => object,
        Ok(_) => return Err("is JSON, but not an object: expected {\"id\": ..., \"text\": ...}".into()),
        Err(error) => return Err(format!("is not JSON: {}", without_line_number(&error))),
    };
    // The item and the time must be there; of the texts and features, one is enough.
    let item = parse_text(require(&object, &fields.item)?, &fields.item)?;
    let timestamp = match &fields.time {
        Some(field) => Some(parse_seconds(&parse_text(require(&object, field)?, field)?)?),
        None => None,
    };
    let mut clauses = Vec::new();
    for (index, field) in fields.texts() {
        if let Some(value) = get(&object, field) {
            clauses.push(Clause::Text { index, text: parse_text(value, field)? });
        }
    }
    for (index, field) in fields.feature_sets() {
        if let Some(value) = get(&object, field) {
            clauses.push(Clause::Features { index, features: parse_features(value, field)? });
        }
    }
    if clauses.is_empty() {
        return Err(fields.describe_empty_record());
    }
    Ok(Observation { item: item.into_bytes(), timestamp, clauses })
}

/// The value of a field; `None` if the field is missing or null.
fn get<'o>(object: &'o Map<String, Json>, field: &str) -> Option<&'o Json> {
    object.get(field).filter(|value| !value.is_null())
}

/// The value of a field that must be there.
fn require<'o>(object: &'o Map<String, Json>, field: &str) -> std::result::Result<&'o Json, String> {
    get(object, field).ok_or_else(|| {
        let available: Vec<&str> = object.keys().map(String::as_str).take(8).collect();
        let available = if available.is_empty() { "none".into() } else { quote_names(&available) };
        format!("has no field '{field}'; it has {available}")
    })
}

fn parse_text(value: &Json, field: &str) -> std::result::Result<String, String> {
    match value {
        Json::String(text) => Ok(text.clone()),
        Json::Number(number) => Ok(number.to_string()),
        _ => Err(format!("has neither a string nor a number in '{field}'")),
    }
}

fn parse_features(value: &Json, field: &str) -> std::result::Result<Vec<String>, String> {
    let Json::Array(features) = value else { return Err(format!("has no list in '{field}'")) };
    features.iter().map(|feature| parse_text(feature, field)).collect()
}

/// The error without the number of the line. The parser sees one line of the input (and after its line
/// break the beginning of a second), so its number is not that of the line in the input.
fn without_line_number(error: &serde_json::Error) -> String {
    error
        .to_string()
        .replace(" at line 1 column ", " at column ")
        .replace(" at line 2 column ", " at column ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Options {
        #[command(flatten)]
        fields: FieldOptions,
    }

    fn parse(options: &str, line: &str) -> std::result::Result<Observation, String> {
        let words = std::iter::once("x").chain(options.split_whitespace());
        parse_line(&Options::try_parse_from(words).expect("options").fields, line.as_bytes())
    }

    #[test]
    fn fields_become_an_item_a_time_and_clauses() {
        let text = |index: &str, text: &str| Clause::Text { index: index.into(), text: text.into() };
        let plain = parse("", r#"{"id": "a", "text": "b"}"#).expect("an observation");
        assert_eq!(
            (&plain.item[..], plain.timestamp, plain.clauses),
            (&b"a"[..], None, vec![text("text", "b")])
        );
        let line = r#"{"n": 7, "at": 1500000000.5, "title": "t", "body": null, "tags": ["x", 2]}"#;
        let mapped = parse("--item n --time at --text title --text full=body --features tags=tags", line);
        let mapped = mapped.expect("an observation");
        let tags = Clause::Features { index: "tags".into(), features: vec!["x".into(), "2".into()] };
        assert_eq!((&mapped.item[..], mapped.timestamp), (&b"7"[..], Some(1_500_000_000)));
        assert_eq!(mapped.clauses, [text("text", "t"), tags]);
    }

    #[test]
    fn the_error_says_what_is_wrong_with_a_line() {
        let error = |options, line| parse(options, line).expect_err("an error");
        assert_eq!(error("", "{\"id\""), "is not JSON: EOF while parsing an object at column 5");
        assert_eq!(error("", "[1]"), "is JSON, but not an object: expected {\"id\": ..., \"text\": ...}");
        assert_eq!(error("", r#"{"key": 1, "text": ""}"#), "has no field 'id'; it has 'key', 'text'");
        assert_eq!(error("", r#"{"id": 1}"#), "has nothing in 'text'");
        assert_eq!(error("", r#"{"id": 1, "text": []}"#), "has neither a string nor a number in 'text'");
        assert_eq!(error("--features t", r#"{"id": 1, "t": "x"}"#), "has no list in 't'");
        assert_eq!(
            error("--time t", r#"{"id": 1, "text": "x", "t": "2017"} "#.replace("2017", "noon").as_str()),
            "has the time 'noon': expected Unix seconds, such as 1500000000"
        );
    }
}
