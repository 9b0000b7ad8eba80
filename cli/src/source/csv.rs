//! CSV and TSV: the first record names the fields. A quoted field may contain line breaks.
//!
//! csv-core takes the quotes off the fields of a record. It reads any bytes as some record, and that is why the end
//! of a record is found here: a quote that is never closed makes one record of all the lines after it, up to the
//! next quote, which then stands within a field. So text after a closing quote is an error, and a quote that is
//! open at the end of the input too. The line where such a record begins is then the record with the error, and
//! the next line begins a new one: one bad line costs one record.

use super::byte_input::ByteInput;
use super::byte_source::{Parser, RawRecord, Splitter};
use super::fields::{FieldOptions, decode_text, parse_seconds, quote_names};
use super::lines::line_break_length;
use super::{Clause, MAX_RECORD_BYTES, Observation};
use crate::Result;
use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use std::borrow::Cow;
use std::io::BufRead;

/// Splits into records.
pub struct CsvSplitter {
    delimiter: u8,
    has_quotes: bool,
    /// Line breaks read so far.
    lines: u64,
}

/// Where in a record a byte is.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    FieldBegin,
    Unquoted,
    Quoted,
    /// After a quote in a quoted field: the end of the field, or the first of two, which stand for one.
    AfterQuote,
}

/// Why the bytes up to here are not a record.
enum Broken {
    TextAfterQuote,
    OpenQuote,
    TooLong,
}

impl CsvSplitter {
    pub fn new(delimiter: u8, has_quotes: bool) -> CsvSplitter {
        CsvSplitter { delimiter, has_quotes, lines: 0 }
    }

    /// Reads up to the end of a record, its line break included. `Err` if the record is broken at this place.
    fn read_to_end(
        &mut self,
        input: &mut ByteInput,
        bytes: &mut Vec<u8>,
    ) -> Result<std::result::Result<(), Broken>> {
        let mut place = Place::FieldBegin;
        loop {
            let buffer = input.fill_buf()?;
            if buffer.is_empty() {
                return Ok(if place == Place::Quoted { Err(Broken::OpenQuote) } else { Ok(()) });
            }
            let (mut used, mut end) = (0, None);
            for byte in buffer {
                used += 1;
                place = match (place, *byte) {
                    (Place::FieldBegin, b'"') if self.has_quotes => Place::Quoted,
                    (Place::Quoted, b'"') => Place::AfterQuote,
                    (Place::Quoted, _) | (Place::AfterQuote, b'"') => Place::Quoted,
                    (_, byte) if byte == self.delimiter => Place::FieldBegin,
                    (_, byte @ (b'\n' | b'\r')) => {
                        end = Some(Ok(byte));
                        break;
                    }
                    (Place::AfterQuote, _) => {
                        end = Some(Err(Broken::TextAfterQuote));
                        break;
                    }
                    _ => Place::Unquoted,
                };
            }
            bytes.extend_from_slice(&buffer[..used]);
            input.consume(used);
            match end {
                Some(Err(broken)) => return Ok(Err(broken)),
                Some(Ok(b'\r')) if input.fill_buf()?.first() == Some(&b'\n') => {
                    bytes.push(b'\n');
                    input.consume(1);
                    return Ok(Ok(()));
                }
                Some(Ok(_)) => return Ok(Ok(())),
                None if bytes.len() as u64 > MAX_RECORD_BYTES => return Ok(Err(Broken::TooLong)),
                None => {}
            }
        }
    }

    fn describe(&self, broken: &Broken, begin: u64, bytes: &[u8]) -> String {
        let end = begin + count_lines(bytes);
        match broken {
            Broken::TextAfterQuote => format!(
                "(line {begin}) has text after a closing quote, in line {end}: is a quote before it not closed, or not \
                 doubled? (--no-quotes reads quotes as text)"
            ),
            Broken::OpenQuote => {
                format!("(line {begin}) has a quote that is never closed (--no-quotes reads quotes as text)")
            }
            Broken::TooLong => format!(
                "(line {begin}) is longer than {} MiB: is a quote in it not closed? (--no-quotes reads quotes as text)",
                MAX_RECORD_BYTES >> 20
            ),
        }
    }
}

impl Splitter for CsvSplitter {
    fn read_record(&mut self, input: &mut ByteInput) -> Result<Option<RawRecord>> {
        let blank = skip_blank_lines(input)?;
        self.lines += blank.lines;
        let (begin, mut bytes, mut dropped) = (self.lines + 1, Vec::new(), 0);
        let broken = self.read_to_end(input, &mut bytes)?.err();
        if bytes.is_empty() {
            return Ok(None);
        }
        let problem = broken.as_ref().map(|broken| self.describe(broken, begin, &bytes));
        // At the end of the input the closing quote may still be written.
        let mut is_complete = bytes.ends_with(b"\n") || bytes.ends_with(b"\r");
        if broken.is_some() {
            is_complete = !matches!(broken, Some(Broken::OpenQuote));
            // Without a line break, the rest of the line belongs to the record too.
            let line_end = bytes.iter().position(|byte| *byte == b'\n').map(|line_break| line_break + 1);
            match line_end {
                Some(line_end) => input.unread(bytes.split_off(line_end)),
                None if is_complete => {
                    let (line, length) = input.read_line(MAX_RECORD_BYTES)?.unwrap_or_default();
                    dropped = length - line.len() as u64;
                    bytes.extend(line);
                }
                None => {}
            }
        }
        self.lines += count_lines(&bytes).max(1);
        let length = blank.bytes + bytes.len() as u64 + dropped;
        let line_break = if bytes.ends_with(b"\r") { 1 } else { line_break_length(&bytes) };
        Ok(Some(RawRecord { bytes, line_break, length, is_complete, problem }))
    }
}

/// Blank lines before a record, which count for nothing.
#[derive(Default)]
struct BlankLines {
    bytes: u64,
    lines: u64,
}

fn skip_blank_lines(input: &mut ByteInput) -> Result<BlankLines> {
    let mut blank = BlankLines::default();
    while let Some(byte @ (b'\n' | b'\r')) = input.fill_buf()?.first().copied() {
        input.consume(1);
        blank.bytes += 1;
        blank.lines += u64::from(byte == b'\n');
    }
    Ok(blank)
}

fn count_lines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// Makes an observation of a record.
pub struct CsvParser<'a> {
    options: &'a FieldOptions,
    fields: FieldReader,
    header: Vec<String>,
}

impl<'a> CsvParser<'a> {
    /// Prepares for the records below a header. Only an empty input has none.
    ///
    /// # Errors
    /// The header lacks a field that the options name, or has it twice.
    pub fn new(header: Option<&[u8]>, delimiter: u8, options: &'a FieldOptions) -> Result<CsvParser<'a>> {
        let mut fields = FieldReader::new(delimiter, !options.no_quotes);
        let Some(header) = header else { return Ok(CsvParser { options, fields, header: Vec::new() }) };
        let header: Vec<String> =
            fields.read(header).iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
        let recorded = options.recorded();
        let required = recorded.into_iter().chain([options.item.as_str()]).chain(options.time.as_deref());
        for field in required {
            match header.iter().filter(|name| *name == field).count() {
                1 => {}
                0 => return Err(describe_missing(field, &header).into()),
                _ => return Err(format!("the first line has two fields '{}'", field.escape_debug()).into()),
            }
        }
        Ok(CsvParser { options, fields, header })
    }
}

/// True if a record is the header again, as in a file that was made of two, perhaps with a byte order mark each.
fn is_header(values: &[&[u8]], header: &[String]) -> bool {
    let without_mark = |value: &&[u8]| value.strip_prefix("\u{feff}".as_bytes()).unwrap_or(value).to_vec();
    values.iter().map(without_mark).eq(header.iter().map(|name| name.as_bytes()))
}

fn describe_missing(field: &str, header: &[String]) -> String {
    let other_delimiter = match header {
        [only] => [(';', "';'"), ('\t', "'\\t'"), ('|', "'|'"), (',', "','")]
            .iter()
            .find(|(c, _)| only.contains(*c)),
        _ => None,
    };
    let delimiter = other_delimiter
        .map_or_else(String::new, |(_, name)| format!(" (and --delimiter {name}, if that is between them)"));
    format!(
        "the first line has no field '{}'; it has {}: name the fields with --item, --text, --features and --time{delimiter}",
        field.escape_debug(),
        quote_names(header)
    )
}

impl Parser for CsvParser<'_> {
    fn parse(&mut self, content: &[u8], _number: u64) -> std::result::Result<Observation, String> {
        let values = self.fields.read(content);
        // Empty fields at the end of all lines are how some programs write a table.
        if values.iter().skip(self.header.len()).any(|value| !value.is_empty()) {
            return Err(format!(
                "has {} fields, but the first line has {}: is there a text with a delimiter and without quotes?",
                values.len(),
                self.header.len()
            ));
        }
        if is_header(&values, &self.header) {
            return Err("is the first line again: are these two files in one?".into());
        }
        Row { header: &self.header, values, options: self.options }.to_observation()
    }

    /// The splitter has skipped blank lines already.
    fn skips(&self, _content: &[u8]) -> bool {
        false
    }
}

/// A record that was taken apart.
struct Row<'r> {
    header: &'r [String],
    values: Vec<&'r [u8]>,
    options: &'r FieldOptions,
}

impl Row<'_> {
    fn to_observation(&self) -> std::result::Result<Observation, String> {
        let item = self.item()?.as_bytes().to_vec();
        let timestamp = match &self.options.time {
            Some(field) => Some(parse_seconds(&self.text(field)?)?),
            None => None,
        };
        // CSV cannot tell an empty field from a missing one: both are left out.
        let mut clauses = Vec::new();
        for (index, field) in self.options.texts() {
            let text = self.text(field)?.into_owned();
            if !text.is_empty() {
                clauses.push(Clause::Text { index, text });
            }
        }
        for (index, field) in self.options.feature_sets() {
            let features = self.features(field)?;
            if !features.is_empty() {
                clauses.push(Clause::Features { index, features });
            }
        }
        if clauses.is_empty() {
            return Err(self.options.describe_empty_record());
        }
        Ok(Observation { item, timestamp, clauses })
    }

    /// The name of the item. Nothing is replaced in it: two names would become one.
    fn item(&self) -> std::result::Result<&str, String> {
        let field = &self.options.item;
        match std::str::from_utf8(self.value(field)?) {
            Ok("") => Err(format!("has nothing in '{}', the name of the item", field.escape_debug())),
            Ok(item) => Ok(item),
            Err(_) => Err(format!("is not UTF-8 in '{}', the name of the item", field.escape_debug())),
        }
    }

    fn features(&self, field: &str) -> std::result::Result<Vec<String>, String> {
        let text = self.text(field)?;
        let features = text.split(self.options.separator.as_str());
        Ok(features.filter(|feature| !feature.is_empty()).map(String::from).collect())
    }

    fn text(&self, field: &str) -> std::result::Result<Cow<'_, str>, String> {
        let text = decode_text(self.value(field)?, self.options.lossy);
        text.map_err(|reason| format!("{reason}, in '{}'", field.escape_debug()))
    }

    fn value(&self, field: &str) -> std::result::Result<&[u8], String> {
        let column = self.header.iter().position(|name| name == field);
        let value = column.and_then(|column| self.values.get(column)).copied();
        value.ok_or_else(|| format!("has no field '{}': it is too short", field.escape_debug()))
    }
}

/// Takes a record apart into its fields, without their quotes.
struct FieldReader {
    reader: Reader,
    output: Vec<u8>,
    ends: Vec<usize>,
}

impl FieldReader {
    fn new(delimiter: u8, has_quotes: bool) -> FieldReader {
        let reader = ReaderBuilder::new().delimiter(delimiter).quoting(has_quotes).build();
        FieldReader { reader, output: Vec::new(), ends: Vec::new() }
    }

    /// The fields of one record, which is given without its line break.
    fn read(&mut self, record: &[u8]) -> Vec<&[u8]> {
        self.reader.reset();
        // A field is not longer than what it is read from, and two fields have a delimiter between them.
        self.output.resize(record.len() + 1, 0);
        self.ends.resize(record.len() + 2, 0);
        let (result, _, mut written, mut fields) =
            self.reader.read_record(record, &mut self.output, &mut self.ends);
        if result != ReadRecordResult::Record {
            let output = &mut self.output[written..];
            let (_, _, more, last) = self.reader.read_record(&[], output, &mut self.ends[fields..]);
            (written, fields) = (written + more, fields + last);
        }
        debug_assert!(written <= self.output.len() && fields <= self.ends.len());
        let begins = std::iter::once(0).chain(self.ends[..fields].iter().copied());
        begins.zip(&self.ends[..fields]).map(|(begin, end)| &self.output[begin..*end]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The contents of the records, or what is wrong with them; with `...` if a record may go on.
    fn split(text: &str) -> Vec<String> {
        let mut input = ByteInput::open(Box::new(std::io::Cursor::new(text.to_string()))).expect("an input");
        let (mut splitter, mut length) = (CsvSplitter::new(b',', true), 0);
        let mut records = Vec::new();
        while let Some(record) = splitter.read_record(&mut input).expect("a record") {
            length += record.length;
            let content = String::from_utf8_lossy(record.content()).into_owned();
            let end = if record.is_complete { "" } else { "..." };
            records.push(
                record.problem.map_or(content.clone(), |problem| format!("{content} | {problem}")) + end,
            );
        }
        let blank = text.len() - text.trim_end_matches(['\r', '\n']).len();
        assert!(length as usize <= text.len() && length as usize + blank >= text.len(), "{length}: {text:?}");
        records
    }

    #[test]
    fn records_end_where_no_quote_is_open() {
        assert_eq!(
            split("a,b\nc,\"d\ne, \"\"f\"\"\"\ng,5\" h"),
            ["a,b", "c,\"d\ne, \"\"f\"\"\"", "g,5\" h..."]
        );
        assert_eq!(split("a\r\n\r\nb\rc\n\nd\n\n"), ["a", "b", "c", "d"]);
        assert_eq!(split("\"a\"\r\n\"b\""), ["\"a\"", "\"b\"..."]);
        assert!(split("").is_empty() && split("\n\n").is_empty());
    }

    #[test]
    fn a_broken_record_ends_with_its_first_line() {
        let found = split("a,\"x\nb,y\nc,\"z\"\nd,w\n");
        assert_eq!(found.len(), 4, "{found:?}");
        assert!(found[0].starts_with("a,\"x | (line 1)") && found[0].contains("in line 3"), "{}", found[0]);
        assert_eq!(found[1..], ["b,y", "c,\"z\"", "d,w"]);
        let found = split("a,\"x\nb,y\n");
        assert!(found[0].starts_with("a,\"x | (line 1) has a quote that is never closed"), "{}", found[0]);
        assert_eq!((found[0].ends_with("..."), &found[1..]), (true, &["b,y".to_string()][..]));
        let found = split("a,\"x\" y, z\nb,y");
        assert!(
            found[0].starts_with("a,\"x\" y, z | (line 1) has text after a closing quote"),
            "{}",
            found[0]
        );
        assert_eq!(found[1], "b,y...");
    }

    #[test]
    fn a_quote_that_is_open_does_not_fill_the_memory() {
        let long = "x".repeat(1 << 20) + "\n";
        let text = format!("a,\"b\n{}c,d\n", long.repeat(20));
        let found = split(&text);
        assert!(found[0].starts_with("a,\"b | (line 1) is longer than 16 MiB"), "{}", found[0]);
        assert_eq!((found.len(), found[21].as_str()), (22, "c,d"));
    }

    #[test]
    fn fields_lose_their_quotes() {
        let fields = |record: &str, has_quotes| {
            let mut reader = FieldReader::new(b',', has_quotes);
            drop(reader.read(b"another,\"record\""));
            let fields = reader.read(record.as_bytes());
            fields.iter().map(|field| String::from_utf8_lossy(field).into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(fields("a,\"b \"\"c\"\", \nd\",,e", true), ["a", "b \"c\", \nd", "", "e"]);
        assert_eq!(
            (fields(",", true), fields("a,", true)),
            (vec!["".into(), "".into()], vec!["a".into(), "".into()])
        );
        assert_eq!(fields("a,\"b,c", false), ["a", "\"b", "c"]);
        assert_eq!(fields("\"\"", true), [""]);
    }
}
