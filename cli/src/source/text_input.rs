//! A stream of text as a source of records, in any format: the splitter and the parser of the format, and what is
//! checked before the first record. An input that is not what it is taken for is one error, and not one for each
//! of its records.

use super::byte_input::ByteInput;
use super::byte_source::{ByteSource, RawRecord, Splitter};
use super::csv::{CsvParser, CsvSplitter};
use super::fields::FieldOptions;
use super::json_object::{JsonParser, check_first_objects};
use super::json_stream::JsonSplitter;
use super::lines::{LineSplitter, TextParser};
use super::{Format, Source};
use crate::Result;
use std::io::Cursor;

/// The number of objects that show whether an input of JSON is one, and has the fields.
const SAMPLE_RECORDS: usize = 100;

/// The records of an input. Its format is the one that the options name, or else the one that the name of the input
/// stands for, or else some form of JSON, and the content tells which.
///
/// # Errors
/// The input is something else, or does not have the fields.
pub fn open<'a>(
    bytes: ByteInput,
    name: &str,
    named: Option<Format>,
    guess: Option<Format>,
    fields: &'a FieldOptions,
) -> Result<(Box<dyn Source + 'a>, Format)> {
    check_sample(name, bytes.sample(), named.is_none() && guess == Some(Format::Lines))?;
    let format = Format::with_csv_options(named.or(guess), fields)?;
    let format = format.unwrap_or_else(|| Format::of_content(&bytes));
    let source = match format {
        Format::Csv | Format::Tsv => open_table(bytes, name, format, fields)?,
        Format::Lines => {
            // Items should not have a blank in their names.
            let input_name = if name == "standard input" { "stdin" } else { name };
            let parser = Box::new(TextParser::new(input_name, fields)?);
            ByteSource::new(name, format, bytes, Box::new(LineSplitter), parser)
        }
        _ => {
            check_first_objects(fields, &first_contents(&bytes, format))
                .map_err(|reason| format!("{name}: {reason}"))?;
            ByteSource::new(name, format, bytes, json_splitter(format), Box::new(JsonParser(fields)))
        }
    };
    Ok((Box::new(source), format))
}

/// The records of CSV or TSV, after the header.
fn open_table<'a>(
    mut bytes: ByteInput,
    name: &str,
    format: Format,
    fields: &'a FieldOptions,
) -> Result<ByteSource<'a>> {
    let default = if format == Format::Tsv { b'\t' } else { b',' };
    let delimiter = fields.delimiter.unwrap_or(default);
    let mut splitter = CsvSplitter::new(delimiter, !fields.no_quotes);
    let header = splitter.read_record(&mut bytes).map_err(|error| format!("{name}: {error}"))?;
    if let Some(problem) = header.as_ref().and_then(|header| header.problem.as_ref()) {
        return Err(format!("{name}: the first line {problem}").into());
    }
    let parser = Box::new(CsvParser::new(header.as_ref().map(RawRecord::content), delimiter, fields)?);
    Ok(ByteSource::new(name, format, bytes, Box::new(splitter), parser).with_header(header))
}

fn json_splitter(format: Format) -> Box<dyn Splitter> {
    match format {
        Format::Json => Box::new(JsonSplitter::default()),
        _ => Box::new(LineSplitter),
    }
}

/// The contents of the first records of JSON: those that are in the sample as a whole.
fn first_contents(bytes: &ByteInput, format: Format) -> Vec<Vec<u8>> {
    let mut contents = Vec::new();
    let (is_all, mut splitter) = (bytes.sample_is_all(), json_splitter(format));
    let Ok(mut sample) = ByteInput::open(Box::new(Cursor::new(bytes.sample().to_vec()))) else {
        return contents;
    };
    while let Ok(Some(record)) = splitter.read_record(&mut sample) {
        let is_blank = record.content().trim_ascii().is_empty();
        if contents.len() < SAMPLE_RECORDS && (record.is_complete || is_all) && !is_blank {
            contents.push(record.content().to_vec());
        }
    }
    contents
}

/// Checks that the beginning of an input is text, and not JSON if only its name says that it is plain text.
fn check_sample(name: &str, sample: &[u8], is_plain_text_by_name: bool) -> Result<()> {
    let first_line = sample.trim_ascii_start().split(|byte| *byte == b'\n').next().unwrap_or_default();
    if first_line.contains(&0) {
        return Err(format!(
            "{name} is not text: its first line has a byte of zero. Is it binary, or UTF-16 without a byte order mark?"
        )
        .into());
    }
    let is_object = || serde_json::from_slice::<serde_json::Map<_, _>>(first_line).is_ok();
    if is_plain_text_by_name && is_object() {
        return Err(format!(
            "{name} is plain text by its name and JSON lines by its content: --format jsonl reads the fields, --lines \
             loads each line as a text"
        )
        .into());
    }
    Ok(())
}
