//! CSV and TSV: the first record names the fields. A quoted field may contain line breaks.

use super::byte_copy::ByteCopy;
use super::byte_input::ByteInput;
use super::fields::{parse_seconds, quote_names};
use super::{Clause, FieldOptions, Format, Observation, Position, Record, Source, describe_early_end};
use crate::Result;
use csv::{ByteRecord, Reader, ReaderBuilder};

/// The records of a table.
pub struct Csv<'a> {
    reader: Reader<ByteCopy>,
    format: Format,
    fields: &'a FieldOptions,
    header: Vec<String>,
    /// Records read so far, without the header.
    records_read: u64,
    /// The header and the last record, as they are in the input.
    header_bytes: Vec<u8>,
    record_bytes: Vec<u8>,
}

impl<'a> Csv<'a> {
    /// Reads the header.
    ///
    /// # Errors
    /// It cannot be read, or lacks a field that the options name.
    pub fn open(input: Box<ByteInput>, format: Format, fields: &'a FieldOptions) -> Result<Csv<'a>> {
        let delimiter = if format == Format::Tsv { b'\t' } else { b',' };
        let mut reader =
            ReaderBuilder::new().flexible(true).delimiter(delimiter).from_reader(ByteCopy::new(input));
        let header: Vec<String> =
            reader.byte_headers()?.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
        let required = fields.texts().chain(fields.feature_sets()).map(|(_, field)| field);
        let mut required = required.chain([fields.item.as_str()]).chain(fields.time.as_deref());
        let available: Vec<&str> = header.iter().map(String::as_str).collect();
        if let Some(missing) = required.find(|field| !available.contains(field)) {
            return Err(format!(
                "the first line has no field '{missing}'; it has {}: name the fields with --item, --text, \
                 --features and --time",
                quote_names(&available)
            )
            .into());
        }
        let header_end = reader.position().byte();
        let header_bytes = reader.get_mut().cut(header_end)?;
        Ok(Csv { reader, format, fields, header, records_read: 0, header_bytes, record_bytes: Vec::new() })
    }

    fn field<'r>(&self, record: &'r ByteRecord, name: &str) -> std::result::Result<&'r str, String> {
        let column = self.header.iter().position(|field| field == name);
        let bytes = column
            .and_then(|column| record.get(column))
            .ok_or_else(|| format!("has no field '{name}': it is too short"))?;
        std::str::from_utf8(bytes).map_err(|_| format!("is not UTF-8 in '{name}'"))
    }

    fn parse_record(&self, record: &ByteRecord) -> std::result::Result<Observation, String> {
        let item = self.field(record, &self.fields.item)?;
        if item.is_empty() {
            return Err(format!("has nothing in '{}', the name of the item", self.fields.item));
        }
        let timestamp = match &self.fields.time {
            Some(field) => Some(parse_seconds(self.field(record, field)?)?),
            None => None,
        };
        // CSV cannot tell an empty field from a missing one: both are left out.
        let mut clauses = Vec::new();
        for (index, field) in self.fields.texts() {
            let text = self.field(record, field)?;
            if !text.is_empty() {
                clauses.push(Clause::Text { index, text: text.into() });
            }
        }
        for (index, field) in self.fields.feature_sets() {
            let features = self.field(record, field)?.split(self.fields.separator.as_str());
            let features: Vec<String> =
                features.filter(|feature| !feature.is_empty()).map(String::from).collect();
            if !features.is_empty() {
                clauses.push(Clause::Features { index, features });
            }
        }
        if clauses.is_empty() {
            return Err(self.fields.describe_empty_record());
        }
        Ok(Observation { item: item.into(), timestamp, clauses })
    }
}

impl Source for Csv<'_> {
    fn next(&mut self) -> Result<Option<Record>> {
        let mut record = ByteRecord::new();
        if !self.reader.read_byte_record(&mut record)? {
            return Ok(None);
        }
        self.records_read += 1;
        let end = Position { records: self.records_read, bytes: self.reader.position().byte() };
        self.record_bytes = self.reader.get_mut().cut(end.bytes)?;
        Ok(Some(Record { end, observation: self.parse_record(&record) }))
    }

    fn header_bytes(&self) -> &[u8] {
        &self.header_bytes
    }

    fn record_bytes(&self) -> &[u8] {
        &self.record_bytes
    }

    fn go_to(&mut self, position: Position) -> Result<()> {
        if self.reader.get_ref().can_seek() {
            let mut csv_position = csv::Position::new();
            csv_position.set_byte(position.bytes).set_record(position.records);
            self.reader.seek(csv_position)?;
            self.records_read = position.records;
            return Ok(());
        }
        let mut record = ByteRecord::new();
        while self.records_read < position.records {
            if !self.reader.read_byte_record(&mut record)? {
                let end = Position { records: self.records_read, bytes: self.reader.position().byte() };
                return Err(describe_early_end(self.format, end, position).into());
            }
            self.records_read += 1;
        }
        Ok(())
    }
}
