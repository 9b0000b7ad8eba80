//! CSV and TSV: the first record names the fields. Fields may be quoted, and hold line breaks.

use super::lines::Input;
use super::{Clause, Fields, Format, Observation, Place, Record, Source, quoted, seconds};
use crate::Result;
use csv::{ByteRecord, Reader, ReaderBuilder};

/// Records of a table.
pub struct Csv<'a> {
    reader: Reader<Box<Input>>,
    fields: &'a Fields,
    header: Vec<String>,
    /// Records read so far, the header not counted.
    records: u64,
}

impl<'a> Csv<'a> {
    /// Reads the header.
    ///
    /// # Errors
    /// It cannot be read, or has none of the fields.
    pub fn new(input: Box<Input>, format: Format, fields: &'a Fields) -> Result<Csv<'a>> {
        let delimiter = if format == Format::Tsv { b'\t' } else { b',' };
        let mut reader = ReaderBuilder::new().flexible(true).delimiter(delimiter).from_reader(input);
        let header: Vec<String> =
            reader.byte_headers()?.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
        let wanted = fields.texts().chain(fields.feature_sets()).map(|(_, field)| field);
        let wanted = wanted.chain([fields.item.as_str()]).chain(fields.time.as_deref());
        let there: Vec<&str> = header.iter().map(String::as_str).collect();
        if let Some(missing) = wanted.into_iter().find(|field| !there.contains(field)) {
            return Err(format!(
                "the first line has no field '{missing}'; it has {}: name the fields with --item, --text, \
                 --features and --time",
                quoted(&there)
            )
            .into());
        }
        Ok(Csv { reader, fields, header, records: 0 })
    }

    fn field<'r>(&self, record: &'r ByteRecord, name: &str) -> std::result::Result<&'r str, String> {
        let at = self.header.iter().position(|field| field == name);
        let bytes = at
            .and_then(|at| record.get(at))
            .ok_or_else(|| format!("has no field '{name}': it is too short"))?;
        std::str::from_utf8(bytes).map_err(|_| format!("is not UTF-8 in '{name}'"))
    }

    fn observation(&self, record: &ByteRecord) -> std::result::Result<Observation, String> {
        let item = self.field(record, &self.fields.item)?;
        if item.is_empty() {
            return Err(format!("has nothing in '{}', the name of the item", self.fields.item));
        }
        let timestamp = match &self.fields.time {
            Some(field) => Some(seconds(self.field(record, field)?)?),
            None => None,
        };
        let mut clauses = Vec::new();
        for (index, field) in self.fields.texts() {
            let text = self.field(record, field)?;
            if !text.is_empty() {
                clauses.push(Clause::Text { index, text: text.into() });
            }
        }
        for (index, field) in self.fields.feature_sets() {
            let parted = self.field(record, field)?.split(self.fields.separator.as_str());
            let features: Vec<String> = parted.filter(|part| !part.is_empty()).map(String::from).collect();
            if !features.is_empty() {
                clauses.push(Clause::Features { index, features });
            }
        }
        if clauses.is_empty() {
            return Err(self.fields.nothing());
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
        self.records += 1;
        let end = Place { records: self.records, bytes: self.reader.position().byte() };
        Ok(Some(Record { end, observation: self.observation(&record) }))
    }

    fn go_to(&mut self, place: Place) -> Result<()> {
        if self.reader.get_ref().can_seek() {
            let mut position = csv::Position::new();
            position.set_byte(place.bytes).set_record(place.records);
            self.reader.seek(position)?;
            self.records = place.records;
            return Ok(());
        }
        let mut record = ByteRecord::new();
        while self.records < place.records {
            if !self.reader.read_byte_record(&mut record)? {
                let (there, wanted) = (self.records, place.records);
                return Err(format!("the input ends after record {there}, and {wanted} were loaded before: is it another? (--restart loads it from its beginning)").into());
            }
            self.records += 1;
        }
        Ok(())
    }
}
