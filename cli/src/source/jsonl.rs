//! JSON lines: an object a line.

use super::lines::Input;
use super::{Clause, Fields, LONGEST, Observation, Place, Record, Source, quoted, seconds};
use crate::Result;
use serde_json::{Map, Value as Json};
use std::io::{Seek, SeekFrom};

/// Objects, one a line; empty lines are passed over.
pub struct JsonLines<'a> {
    input: Box<Input>,
    fields: &'a Fields,
    place: Place,
}

impl<'a> JsonLines<'a> {
    pub fn new(input: Box<Input>, fields: &'a Fields) -> JsonLines<'a> {
        JsonLines { input, fields, place: Place::default() }
    }

    fn line(&mut self) -> Result<Option<Vec<u8>>> {
        let Some((line, bytes)) = self.input.line(LONGEST)? else { return Ok(None) };
        self.place = Place { records: self.place.records + 1, bytes: self.place.bytes + bytes };
        Ok(Some(line))
    }
}

impl Source for JsonLines<'_> {
    fn next(&mut self) -> Result<Option<Record>> {
        while let Some(line) = self.line()? {
            let line = if self.place.records == 1 {
                line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line)
            } else {
                &line
            };
            if !line.trim_ascii().is_empty() {
                return Ok(Some(Record { end: self.place, observation: observation(self.fields, line) }));
            }
        }
        Ok(None)
    }

    fn go_to(&mut self, place: Place) -> Result<()> {
        if self.input.can_seek() {
            self.input.seek(SeekFrom::Start(place.bytes))?;
            self.place = place;
            return Ok(());
        }
        while self.place.records < place.records {
            if self.line()?.is_none() {
                let (there, wanted) = (self.place.records, place.records);
                return Err(format!("the input ends after line {there}, and {wanted} were loaded before: is it another? (--restart loads it from its beginning)").into());
            }
        }
        Ok(())
    }
}

fn observation(fields: &Fields, line: &[u8]) -> std::result::Result<Observation, String> {
    if line.len() as u64 > LONGEST {
        return Err(format!("is longer than {} MiB", LONGEST >> 20));
    }
    let object = match serde_json::from_slice(line) {
        Ok(Json::Object(object)) => object,
        Ok(_) => return Err("is JSON, but no object: expected {\"id\": ..., \"text\": ...}".into()),
        Err(error) => return Err(format!("is not JSON: {}", without_line(&error))),
    };
    let item = text(get(&object, &fields.item).ok_or_else(|| missing(&fields.item, &object))?, &fields.item)?;
    let timestamp = match &fields.time {
        Some(field) => {
            Some(seconds(&text(get(&object, field).ok_or_else(|| missing(field, &object))?, field)?)?)
        }
        None => None,
    };
    let mut clauses = Vec::new();
    for (index, field) in fields.texts() {
        if let Some(value) = get(&object, field) {
            clauses.push(Clause::Text { index, text: text(value, field)? });
        }
    }
    for (index, field) in fields.feature_sets() {
        if let Some(value) = get(&object, field) {
            clauses.push(Clause::Features { index, features: features(value, field)? });
        }
    }
    if clauses.is_empty() {
        return Err(fields.nothing());
    }
    Ok(Observation { item: item.into_bytes(), timestamp, clauses })
}

/// A field that is there, and not null.
fn get<'o>(object: &'o Map<String, Json>, field: &str) -> Option<&'o Json> {
    object.get(field).filter(|value| !value.is_null())
}

fn missing(field: &str, object: &Map<String, Json>) -> String {
    let there: Vec<&str> = object.keys().map(String::as_str).take(8).collect();
    format!(
        "has no field '{field}'; it has {}",
        if there.is_empty() { "none".into() } else { quoted(&there) }
    )
}

fn text(value: &Json, field: &str) -> std::result::Result<String, String> {
    match value {
        Json::String(text) => Ok(text.clone()),
        Json::Number(number) => Ok(number.to_string()),
        _ => Err(format!("has no string and no number in '{field}'")),
    }
}

fn features(value: &Json, field: &str) -> std::result::Result<Vec<String>, String> {
    let Json::Array(features) = value else { return Err(format!("has no list in '{field}'")) };
    features.iter().map(|feature| text(feature, field)).collect()
}

/// The error of a JSON parser that knows one line only.
fn without_line(error: &serde_json::Error) -> String {
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
        fields: Fields,
    }

    fn read(options: &str, line: &str) -> std::result::Result<Observation, String> {
        let words = std::iter::once("x").chain(options.split_whitespace());
        observation(&Options::try_parse_from(words).expect("options").fields, line.as_bytes())
    }

    #[test]
    fn fields_become_an_item_a_time_and_clauses() {
        let text = |index: &str, text: &str| Clause::Text { index: index.into(), text: text.into() };
        let plain = read("", r#"{"id": "a", "text": "b"}"#).expect("an observation");
        assert_eq!(
            (&plain.item[..], plain.timestamp, plain.clauses),
            (&b"a"[..], None, vec![text("text", "b")])
        );
        let line = r#"{"n": 7, "at": 1500000000.5, "title": "t", "body": null, "tags": ["x", 2]}"#;
        let mapped = read("--item n --time at --text title --text full=body --features tags=tags", line);
        let mapped = mapped.expect("an observation");
        let tags = Clause::Features { index: "tags".into(), features: vec!["x".into(), "2".into()] };
        assert_eq!((&mapped.item[..], mapped.timestamp), (&b"7"[..], Some(1_500_000_000)));
        assert_eq!(mapped.clauses, [text("text", "t"), tags]);
    }

    #[test]
    fn what_is_wrong_with_a_line_is_said() {
        let wrong = |options, line| read(options, line).expect_err("an error");
        assert_eq!(wrong("", "{\"id\""), "is not JSON: EOF while parsing an object at column 5");
        assert_eq!(wrong("", "[1]"), "is JSON, but no object: expected {\"id\": ..., \"text\": ...}");
        assert_eq!(wrong("", r#"{"key": 1, "text": ""}"#), "has no field 'id'; it has 'key', 'text'");
        assert_eq!(wrong("", r#"{"id": 1}"#), "has nothing in 'text'");
        assert_eq!(wrong("", r#"{"id": 1, "text": []}"#), "has no string and no number in 'text'");
        assert_eq!(wrong("--features t", r#"{"id": 1, "t": "x"}"#), "has no list in 't'");
        assert_eq!(
            wrong("--time t", r#"{"id": 1, "text": "x", "t": "2017"} "#.replace("2017", "noon").as_str()),
            "has the time 'noon': expected Unix seconds, such as 1500000000"
        );
    }
}
