//! Which fields of a record are the item, its time, its texts and its features.

use crate::Result;
use std::borrow::Cow;

/// The options that map fields to arguments of SIM.RECORD.
#[derive(clap::Args)]
pub struct FieldOptions {
    /// Field with the name of the item. In JSON, `a.b` is the field `b` of the object in `a`, here and for all
    /// other fields, unless a field is called `a.b`. In plain text, what the names of the lines begin with
    #[arg(long, value_name = "FIELD", default_value = "id")]
    pub item: String,
    /// Field with a text, and the index to record it into (default: `text`); may be given several times.
    /// Without any --text or --features: the field `text`
    #[arg(long, value_name = "[INDEX=]FIELD", value_parser = FieldMapping::parse)]
    pub text: Vec<FieldMapping>,
    /// Field with a set of features (in JSON a list of strings, in CSV separated by --separator), and the
    /// index to record them into (default: `features`); may be given several times
    #[arg(long, value_name = "[INDEX=]FIELD", value_parser = FieldMapping::parse)]
    pub features: Vec<FieldMapping>,
    /// Separator of the features in a field of CSV
    #[arg(long, value_name = "TEXT", default_value = " ")]
    pub separator: String,
    /// Field with the time, in Unix seconds; default: now
    #[arg(long, value_name = "FIELD")]
    pub time: Option<String>,
    /// The input is plain text: each line is a text, and its name is that of the file and its number
    /// (`app.log:17`). The same as --format lines, and the default for .log and .txt
    #[arg(long)]
    pub lines: bool,
    /// Character between two fields of CSV, such as `;` or `\t`; default: `,`, and a tab in TSV
    #[arg(long, value_name = "CHARACTER", value_parser = parse_delimiter)]
    pub delimiter: Option<u8>,
    /// A quotation mark in CSV is a character like any other
    #[arg(long)]
    pub no_quotes: bool,
    /// Load texts that are not UTF-8 too, with U+FFFD in place of what is wrong
    #[arg(long)]
    pub lossy: bool,
}

/// A field, and the index that its content is recorded into.
#[derive(Clone, Debug)]
pub struct FieldMapping {
    /// `None`: the default index of the option.
    index: Option<String>,
    field: String,
}

impl FieldMapping {
    fn parse(text: &str) -> std::result::Result<FieldMapping, String> {
        match text.split_once('=') {
            Some((index, field)) if !index.is_empty() && !field.is_empty() => {
                Ok(FieldMapping { index: Some(index.into()), field: field.into() })
            }
            None if !text.is_empty() => Ok(FieldMapping { index: None, field: text.into() }),
            _ => Err("expected FIELD, or INDEX=FIELD".into()),
        }
    }

    fn with_default_index(&self, default_index: &str) -> (String, &str) {
        (self.index.as_deref().unwrap_or(default_index).to_string(), &self.field)
    }
}

impl FieldOptions {
    /// The fields with texts, each with its index.
    pub fn texts(&self) -> impl Iterator<Item = (String, &str)> {
        let none_is_given = self.text.is_empty() && self.features.is_empty();
        let default = none_is_given.then_some(("text".to_string(), "text"));
        self.text.iter().map(|mapping| mapping.with_default_index("text")).chain(default)
    }

    /// The fields with features, each with its index.
    pub fn feature_sets(&self) -> impl Iterator<Item = (String, &str)> {
        self.features.iter().map(|mapping| mapping.with_default_index("features"))
    }

    /// The error of a record that has none of the fields to record.
    pub fn describe_empty_record(&self) -> String {
        format!("has nothing in {}", quote_names(&self.recorded()))
    }

    /// The fields that are recorded: one of them is enough.
    pub fn recorded(&self) -> Vec<&str> {
        self.texts().chain(self.feature_sets()).map(|(_, field)| field).collect()
    }

    /// The value of --item, if it is not the default.
    pub fn given_item(&self) -> Option<&str> {
        (self.item != "id").then_some(&self.item)
    }

    /// The index for texts that are not in a field, such as files and lines.
    ///
    /// # Errors
    /// The options name fields.
    pub fn index_of_whole_text(&self, input: &str, record_noun: &str) -> Result<String> {
        if self.time.is_some() || !self.features.is_empty() || self.text.len() > 1 {
            return Err(format!(
                "{input} has no fields: the only such option that it takes is --text INDEX={record_noun}, which \
                 names the index"
            )
            .into());
        }
        Ok(self.texts().next().map_or_else(|| "text".into(), |(index, _)| index))
    }
}

/// Names in quotation marks, with commas between. Of many, only the first few.
pub fn quote_names<S: AsRef<str>>(names: &[S]) -> String {
    let quoted = names.iter().take(8).map(|name| format!("'{}'", name.as_ref().escape_debug()));
    let more = if names.len() > 8 { ", ..." } else { "" };
    quoted.collect::<Vec<_>>().join(", ") + more
}

fn parse_delimiter(text: &str) -> std::result::Result<u8, String> {
    match text.as_bytes() {
        b"\\t" => Ok(b'\t'),
        [byte] if byte.is_ascii() && !b"\"\r\n\0".contains(byte) => Ok(*byte),
        _ => Err("expected one ASCII character, such as ; or \\t".into()),
    }
}

/// Bytes as text. With `lossy`, U+FFFD takes the place of what is not UTF-8.
pub fn decode_text(bytes: &[u8], lossy: bool) -> std::result::Result<Cow<'_, str>, String> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.into()),
        Err(_) if lossy => Ok(String::from_utf8_lossy(bytes)),
        Err(_) => Err("is not UTF-8 (--lossy loads it, with U+FFFD in place of what is wrong)".into()),
    }
}

/// Parses the content of the time field: Unix seconds. A fraction of a second is ignored.
pub fn parse_seconds(text: &str) -> std::result::Result<u64, String> {
    let (whole_seconds, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let is_number = !whole_seconds.is_empty()
        && whole_seconds.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
    let seconds = whole_seconds.parse().ok().filter(|_| is_number);
    seconds.ok_or_else(|| {
        format!("has the time '{}': expected Unix seconds, such as 1500000000", text.trim().escape_debug())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_digits_and_perhaps_a_fraction() {
        let seconds = ["1500000000", " 7.9 ", "0", "12."].map(|text| parse_seconds(text).expect("seconds"));
        assert_eq!(seconds, [1_500_000_000, 7, 0, 12]);
        for text in ["1.5e9", "15e8", "-1", "+1", "", ".5", "1.2.3", "2017-01-01", "99999999999999999999"] {
            let error = parse_seconds(text).expect_err("an error");
            assert!(error.starts_with(&format!("has the time '{text}': expected Unix seconds")), "{error}");
        }
    }

    #[test]
    fn a_delimiter_is_one_character() {
        assert_eq!([";", "|", "\\t", "\t"].map(|text| parse_delimiter(text).expect("a byte")), *b";|\t\t");
        for text in ["", ";;", "\"", "\n", "ä"] {
            assert!(parse_delimiter(text).is_err(), "{text:?}");
        }
    }
}
