//! The forms of an input, and how to tell which one it has: by its name, and JSON also by its first bytes.

use super::byte_input::ByteInput;
use super::fields::FieldOptions;
use crate::Result;
use serde::de::IgnoredAny;
use std::path::Path;

/// The form of an input.
#[derive(Clone, Copy, Debug, PartialEq, clap::ValueEnum)]
pub enum Format {
    /// One JSON object a line
    Jsonl,
    /// A JSON array of objects, or objects one after another
    Json,
    /// Comma-separated; the first line names the fields
    Csv,
    /// Tab-separated; the first line names the fields
    Tsv,
    /// Plain text: each line is a text, and its name is that of the file and its number
    Lines,
    /// All files below a directory: the path of a file inside it is the item, its content the text
    Directory,
}

impl Format {
    /// The format that the options name, if they do.
    ///
    /// # Errors
    /// They name two.
    pub fn named(format: Option<Format>, fields: &FieldOptions) -> Result<Option<Format>> {
        match (fields.lines, format) {
            (true, None | Some(Format::Lines)) => Ok(Some(Format::Lines)),
            (true, Some(_)) => Err("--lines and --format name two formats: leave out one of them".into()),
            (false, format) => Ok(format),
        }
    }

    /// The format of an input that is named by the options or by its name; with an option of CSV it is CSV by default.
    ///
    /// # Errors
    /// It is not CSV, and there is an option of CSV.
    pub fn with_csv_options(format: Option<Format>, fields: &FieldOptions) -> Result<Option<Format>> {
        let option = match fields {
            FieldOptions { delimiter: Some(_), .. } => "--delimiter",
            FieldOptions { no_quotes: true, .. } => "--no-quotes",
            _ => return Ok(format),
        };
        match format {
            None | Some(Format::Csv) => Ok(Some(Format::Csv)),
            Some(Format::Tsv) => Ok(format),
            Some(_) => Err(format!(
                "{option} is an option of CSV, and the input is something else: --format csv reads it as CSV"
            )
            .into()),
        }
    }

    /// The format that a name stands for; `None` if its ending is none of the known ones.
    pub fn of_name(path: &Path) -> Option<Format> {
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        let name = [".gz", ".gzip", ".zst", ".zstd"]
            .iter()
            .find_map(|ending| name.strip_suffix(ending))
            .unwrap_or(&name);
        // Rotated logs: app.log.1, app.log-20260101.
        let name = name.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches(['.', '-']);
        match name.rsplit_once('.')?.1 {
            "csv" => Some(Format::Csv),
            "tsv" | "tab" => Some(Format::Tsv),
            "log" | "txt" | "text" => Some(Format::Lines),
            "jsonl" | "ndjson" => Some(Format::Jsonl),
            _ => None,
        }
    }

    /// The format of an input whose name says nothing: some form of JSON.
    pub fn of_content(input: &ByteInput) -> Format {
        let sample = input.sample().trim_ascii_start();
        let line_end = sample.iter().position(|byte| *byte == b'\n');
        let line = &sample[..line_end.unwrap_or(sample.len())];
        // An object that goes on in the next line.
        let is_cut = || serde_json::from_slice::<IgnoredAny>(line).is_err_and(|error| error.is_eof());
        match sample.first() {
            Some(b'[') => Format::Json,
            Some(b'{') if line_end.is_some() && is_cut() => Format::Json,
            _ => Format::Jsonl,
        }
    }

    /// The word for one record of this format.
    pub fn record_noun(self) -> &'static str {
        match self {
            Format::Jsonl | Format::Lines => "line",
            Format::Json => "object",
            Format::Csv | Format::Tsv => "record",
            Format::Directory => "file",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_tells_the_format() {
        let format = |name: &str| Format::of_name(Path::new(name));
        for name in ["a.csv", "dir.log/a.CSV", "A.Csv.gz", "a.csv.ZST"] {
            assert_eq!(format(name), Some(Format::Csv), "{name}");
        }
        for name in ["app.log", "app.LOG.1", "app.log.2.gz", "app.log-20260101", "notes.txt"] {
            assert_eq!(format(name), Some(Format::Lines), "{name}");
        }
        assert_eq!((format("t.TSV"), format("t.Jsonl.gz")), (Some(Format::Tsv), Some(Format::Jsonl)));
        for name in ["a", "a.json", "csv", "a.gz", "a.7", ".."] {
            assert_eq!(format(name), None, "{name}");
        }
    }

    #[test]
    fn the_content_tells_one_form_of_json_from_another() {
        let format = |text: &'static str| {
            Format::of_content(&ByteInput::open(Box::new(text.as_bytes())).expect("an input"))
        };
        for text in ["", "\n", "{}\n{}", "{\"a\": 1", "x\n[", "{x\n{}\n"] {
            assert_eq!(format(text), Format::Jsonl, "{text}");
        }
        for text in ["[", " \n[{}]", "{\n \"a\": 1}", "{\"a\": 1\n", "{\"a\": [\n1]}"] {
            assert_eq!(format(text), Format::Json, "{text}");
        }
    }
}
