//! An object of JSON as an observation.
//!
//! The values stay as they are written until one is needed: a number becomes the text that stands in the input,
//! so that 18446744073709551616 and 18446744073709551617, or `1.0` and `1`, are different items. A parser that
//! makes numbers of them would round the first two to one. In the same way, a field that is there twice is an
//! error: taking one of the two would lose the other without a word.

use super::byte_source::Parser;
use super::fields::{FieldOptions, decode_text, parse_seconds, quote_names};
use super::{Clause, Observation};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

type Outcome<T> = std::result::Result<T, String>;

/// Makes an observation of an object.
pub struct JsonParser<'a>(pub &'a FieldOptions);

impl Parser for JsonParser<'_> {
    fn parse(&mut self, content: &[u8], _number: u64) -> Outcome<Observation> {
        parse_object(self.0, content)
    }
}

fn parse_object(fields: &FieldOptions, content: &[u8]) -> Outcome<Observation> {
    let text = decode_text(content, fields.lossy)?;
    let is_replaced = matches!(text, Cow::Owned(_));
    let object = Object::parse(&text)?;
    // The item and the time must be there; of the texts and features, one is enough.
    let item = parse_item(object.require(&fields.item)?, &fields.item)?;
    if is_replaced && item.contains('\u{fffd}') {
        return Err(format!("is not UTF-8 in '{}', the name of the item", fields.item.escape_debug()));
    }
    let timestamp = match &fields.time {
        Some(field) => Some(parse_seconds(&parse_text(object.require(field)?, field)?)?),
        None => None,
    };
    let mut clauses = Vec::new();
    for (index, field) in fields.texts() {
        if let Some(value) = object.get(field)?.filter(|value| !is_null(value)) {
            clauses.push(Clause::Text { index, text: parse_text(value, field)? });
        }
    }
    for (index, field) in fields.feature_sets() {
        if let Some(value) = object.get(field)?.filter(|value| !is_null(value)) {
            clauses.push(Clause::Features { index, features: parse_features(value, field)? });
        }
    }
    if clauses.is_empty() {
        return Err(fields.describe_empty_record());
    }
    Ok(Observation { item: item.into_bytes(), timestamp, clauses })
}

/// The first objects of an input show whether it is what it is taken for. If not, that is one error, and not
/// one for each of its objects.
///
/// # Errors
/// None of them is an object, or none has a field that each must have.
pub fn check_first_objects(fields: &FieldOptions, contents: &[Vec<u8>]) -> Outcome<()> {
    if contents.is_empty() {
        return Ok(());
    }
    let texts: Vec<String> =
        contents.iter().map(|content| String::from_utf8_lossy(content).into_owned()).collect();
    let outcomes: Vec<Outcome<Object>> = texts.iter().map(|text| Object::parse(text)).collect();
    let objects: Vec<&Object> = outcomes.iter().flatten().collect();
    let Some(first) = objects.first() else {
        let reason = outcomes.into_iter().find_map(Outcome::err).unwrap_or_default();
        return Err(format!(
            "expected objects of JSON, such as {{\"id\": ..., \"text\": ...}}, but it begins with something that {reason} \
             (--lines loads each line as a text, --format names other formats)"
        ));
    };
    // A field that is there twice is the error of its own line.
    let has = |object: &Object, field: &str| object.get(field).map_or(true, |value| value.is_some());
    let recorded = fields.recorded();
    let needed = [Some(fields.item.as_str()), fields.time.as_deref()].into_iter().flatten();
    let needed = needed.map(|field| vec![field]).chain([recorded]);
    for names in needed {
        if !objects.iter().any(|object| names.iter().any(|field| has(object, field))) {
            return Err(format!(
                "none of the first objects ({}) has a field {}; the first has {}: name the fields with --item, --text, \
                 --features and --time",
                objects.len(),
                quote_names(&names).replace(", ", " or "),
                first.describe_names()
            ));
        }
    }
    Ok(())
}

/// The fields of an object, in order.
struct Object<'a>(Vec<(JsonString, &'a RawValue)>);

impl<'a> Object<'a> {
    fn parse(text: &'a str) -> Outcome<Object<'a>> {
        match serde_json::from_str(text) {
            Ok(object) => Ok(object),
            Err(error) if error.is_data() => {
                Err("is JSON, but not an object: expected {\"id\": ..., \"text\": ...}".into())
            }
            Err(error) => Err(format!("is not JSON: {}", without_line_number(&error))),
        }
    }

    /// The value of a field, or for `a.b` of the field `b` of the object in `a`, unless there is a field with
    /// the whole name. Of several such ways, the one whose first name is the longest.
    fn get(&self, name: &str) -> Outcome<Option<&'a RawValue>> {
        let mut values = self.0.iter().filter(|(key, _)| key.text == name).map(|(_, value)| *value);
        if let Some(value) = values.next() {
            return match values.next() {
                Some(_) => Err(format!("has two fields '{}'", name.escape_debug())),
                None => Ok(Some(value)),
            };
        }
        for (dot, _) in name.rmatch_indices('.') {
            let Some(value) = self.get_here(&name[..dot])? else { continue };
            let Ok(inner) = serde_json::from_str::<Object>(value.get()) else { continue };
            if let Some(value) = inner.get(&name[dot + 1..])? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    /// The value of a field of this very object.
    fn get_here(&self, name: &str) -> Outcome<Option<&'a RawValue>> {
        match self.0.iter().any(|(key, _)| key.text == name) {
            true => self.get(name),
            false => Ok(None),
        }
    }

    /// The value of a field that must be there.
    fn require(&self, name: &str) -> Outcome<&'a RawValue> {
        match self.get(name)? {
            Some(value) if is_null(value) => Err(format!("has null in '{}'", name.escape_debug())),
            Some(value) => Ok(value),
            None => Err(format!("has no field '{}'; it has {}", name.escape_debug(), self.describe_names())),
        }
    }

    fn describe_names(&self) -> String {
        let names: Vec<&str> = self.0.iter().map(|(key, _)| key.text.as_str()).collect();
        if names.is_empty() { "none".into() } else { quote_names(&names) }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Object<'a>, D::Error> {
        struct ObjectVisitor;
        impl<'de> Visitor<'de> for ObjectVisitor {
            type Value = Object<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Object<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Object(fields))
            }
        }
        deserializer.deserialize_map(ObjectVisitor)
    }
}

/// A string of JSON. It may name half a character, a *lone surrogate* (`\ud800`), which no text can hold:
/// U+FFFD takes its place.
struct JsonString {
    text: String,
    has_lone_surrogate: bool,
}

impl<'de> Deserialize<'de> for JsonString {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<JsonString, D::Error> {
        struct StringVisitor;
        impl Visitor<'_> for StringVisitor {
            type Value = JsonString;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("a string")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> std::result::Result<JsonString, E> {
                Ok(JsonString::from_wtf8(bytes))
            }
        }
        // As bytes, a string may hold a lone surrogate; as a string, it is an error.
        deserializer.deserialize_bytes(StringVisitor)
    }
}

impl JsonString {
    /// From UTF-8 in which lone surrogates are encoded like characters: ED A0 80 to ED BF BF.
    fn from_wtf8(bytes: &[u8]) -> JsonString {
        if let Ok(text) = std::str::from_utf8(bytes) {
            return JsonString { text: text.into(), has_lone_surrogate: false };
        }
        let mut bytes = bytes.to_vec();
        // In UTF-8, ED begins a character of three bytes, whose second byte is below A0.
        for start in 0..bytes.len().saturating_sub(2) {
            if bytes[start] == 0xed && bytes[start + 1] >= 0xa0 {
                bytes[start..start + 3].copy_from_slice("\u{fffd}".as_bytes());
            }
        }
        JsonString { text: String::from_utf8_lossy(&bytes).into_owned(), has_lone_surrogate: true }
    }
}

fn is_null(value: &RawValue) -> bool {
    value.get() == "null"
}

/// The text of a string, or a number as it is written.
fn parse_scalar(value: &RawValue, field: &str) -> Outcome<JsonString> {
    match value.get().as_bytes().first() {
        Some(b'"') => serde_json::from_str(value.get())
            .map_err(|error| format!("is not JSON: {}", without_line_number(&error))),
        Some(b'-' | b'0'..=b'9') => Ok(JsonString { text: value.get().into(), has_lone_surrogate: false }),
        _ => Err(format!("has neither a string nor a number in '{}'", field.escape_debug())),
    }
}

fn parse_text(value: &RawValue, field: &str) -> Outcome<String> {
    parse_scalar(value, field).map(|string| string.text)
}

/// The name of an item. What is wrong in it is not replaced, for two names would become one.
fn parse_item(value: &RawValue, field: &str) -> Outcome<String> {
    let JsonString { text, has_lone_surrogate } = parse_scalar(value, field)?;
    if text.is_empty() {
        return Err(format!("has nothing in '{}', the name of the item", field.escape_debug()));
    }
    if has_lone_surrogate {
        return Err(format!("has half a character (a lone surrogate) in '{}'", field.escape_debug()));
    }
    Ok(text)
}

fn parse_features(value: &RawValue, field: &str) -> Outcome<Vec<String>> {
    let features: Vec<&RawValue> = serde_json::from_str(value.get())
        .map_err(|_| format!("has no list in '{}'", field.escape_debug()))?;
    features.into_iter().map(|feature| parse_text(feature, field)).collect()
}

/// The error without the number of the line if the parser saw only one: that is not the number in the input.
fn without_line_number(error: &serde_json::Error) -> String {
    error.to_string().replace(" at line 1 column ", " at column ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    #[derive(clap::Parser)]
    struct Options {
        #[command(flatten)]
        fields: FieldOptions,
    }

    fn fields(options: &str) -> FieldOptions {
        let words = std::iter::once("x").chain(options.split_whitespace());
        Options::try_parse_from(words).expect("options").fields
    }

    fn parse(options: &str, line: impl AsRef<[u8]>) -> Outcome<Observation> {
        parse_object(&fields(options), line.as_ref())
    }

    fn item(line: &str) -> Outcome<String> {
        parse("", line).map(|observation| String::from_utf8(observation.item).expect("text"))
    }

    fn text(options: &str, line: impl AsRef<[u8]>) -> String {
        match &parse(options, line).expect("an observation").clauses[..] {
            [Clause::Text { text, .. }] => text.clone(),
            other => panic!("{other:?}"),
        }
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
    fn a_number_is_the_text_that_is_written() {
        for number in
            ["18446744073709551616", "18446744073709551617", "1.0", "1e0", "1E+0", "-0", "1", "0.10"]
        {
            let line = format!(r#"{{"id": {number} , "text": {number}}}"#);
            assert_eq!((item(&line).expect("an item"), text("", &line)), (number.into(), number.into()));
        }
        assert_eq!(item(r#"{"id": "a\n\u0000b", "text": "t"}"#).expect("an item"), "a\n\0b");
    }

    #[test]
    fn a_field_can_be_within_another() {
        let line =
            r#"{"id": 1, "error": {"message": "in", "a.b": {"c": "deep"}}, "error.code": "7", "x": 1}"#;
        assert_eq!(text("--text error.message", line), "in");
        assert_eq!(text("--text error.a.b.c", line), "deep");
        assert_eq!(text("--text error.code", line), "7");
        assert_eq!(
            text("--text e.m", r#"{"id": 1, "e": {"m": "in"}, "e.m": "the key itself"}"#),
            "the key itself"
        );
        assert_eq!(text("--item e.id", r#"{"e": {"id": 3}, "text": "t"}"#), "t");
        for (field, reason) in
            [("x.y", "nothing in 'x.y'"), ("error", "neither a string nor a number in 'error'")]
        {
            let error = parse(&format!("--text {field}"), line).expect_err("an error");
            assert_eq!(error, format!("has {reason}"));
        }
    }

    #[test]
    fn what_is_not_text_is_replaced_where_that_loses_nothing() {
        assert_eq!(
            text("", r#"{"id": 1, "text": "a\ud800b\udc00 \ud83c\udf3f \udfff\ud800"}"#),
            "a\u{fffd}b\u{fffd} 🌿 \u{fffd}\u{fffd}"
        );
        assert_eq!(text("", r#"{"id": 1, "\ud800": 1, "text": "퟿"}"#), "퟿");
        assert_eq!(
            item(r#"{"id": "\ud800", "text": "t"}"#).expect_err("an error"),
            "has half a character (a lone surrogate) in 'id'"
        );
        let latin = b"{\"id\": 1, \"text\": \"gr\xfcn\"}";
        assert_eq!(
            parse("", latin).expect_err("an error"),
            "is not UTF-8 (--lossy loads it, with U+FFFD in place of what is wrong)"
        );
        assert_eq!(text("--lossy", latin), "gr\u{fffd}n");
        let name = parse("--lossy", b"{\"id\": \"\xfc\", \"text\": \"t\"}").expect_err("an error");
        assert_eq!(name, "is not UTF-8 in 'id', the name of the item");
        assert_eq!(item("{\"id\": \"\u{fffd}\", \"text\": \"t\"}").expect("an item"), "\u{fffd}");
    }

    #[test]
    fn the_error_says_what_is_wrong_with_a_line() {
        let error = |options, line: &str| parse(options, line).expect_err("an error");
        assert_eq!(error("", "{\"id\""), "is not JSON: EOF while parsing an object at column 5");
        assert_eq!(error("", "[1]"), "is JSON, but not an object: expected {\"id\": ..., \"text\": ...}");
        assert_eq!(error("", r#"{"key": 1, "text": ""}"#), "has no field 'id'; it has 'key', 'text'");
        assert_eq!(error("", r#"{"id": null, "text": ""}"#), "has null in 'id'");
        assert_eq!(error("", r#"{"id": "", "text": ""}"#), "has nothing in 'id', the name of the item");
        for value in ["true", "{}", "[1]"] {
            let line = format!(r#"{{"id": {value}, "text": ""}}"#);
            assert_eq!(error("", &line), "has neither a string nor a number in 'id'");
        }
        assert_eq!(error("", r#"{"id": 1, "id": 2, "text": ""}"#), "has two fields 'id'");
        assert_eq!(error("", r#"{"id": 1, "text": "", "text": null}"#), "has two fields 'text'");
        assert_eq!(error("", r#"{"id": 1}"#), "has nothing in 'text'");
        assert_eq!(error("", r#"{"id": 1, "text": null}"#), "has nothing in 'text'");
        assert_eq!(error("", r#"{"id": 1, "text": []}"#), "has neither a string nor a number in 'text'");
        assert_eq!(error("--features t", r#"{"id": 1, "t": "x"}"#), "has no list in 't'");
        assert_eq!(
            error("--time t", r#"{"id": 1, "text": "x", "t": "noon"} "#),
            "has the time 'noon': expected Unix seconds, such as 1500000000"
        );
        assert_eq!(
            error("--time t", r#"{"id": 1, "text": "x", "t": 1.5e9}"#),
            "has the time '1.5e9': expected Unix seconds, such as 1500000000"
        );
        let deep =
            format!(r#"{{"id": 1, "text": "t", "x": {}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert!(parse("", deep).is_ok(), "what is not needed is not parsed, however deep");
    }

    #[test]
    fn an_input_of_something_else_is_one_error() {
        let check = |options: &str, lines: &[&str]| {
            let contents: Vec<Vec<u8>> = lines.iter().map(|line| line.as_bytes().to_vec()).collect();
            check_first_objects(&fields(options), &contents)
        };
        let good = r#"{"id": 1, "text": "t"}"#;
        assert!(
            check("", &[]).is_ok() && check("", &["x", good]).is_ok() && check("", &["{}", good]).is_ok()
        );
        let error = check("", &["one", "two"]).expect_err("an error");
        assert!(
            error.contains(
                "it begins with something that is not JSON: expected value at column 1 (--lines loads"
            ),
            "{error}"
        );
        let error = check("", &["{\"key\": 1}", "{}"]).expect_err("an error");
        assert!(
            error.starts_with("none of the first objects (2) has a field 'id'; the first has 'key': name"),
            "{error}"
        );
        let error = check("--text a --features b", &[good]).expect_err("an error");
        assert!(error.contains("has a field 'a' or 'b'; the first has 'id', 'text'"), "{error}");
        assert!(check("--time at", &[good]).expect_err("an error").contains("has a field 'at'"));
    }
}
