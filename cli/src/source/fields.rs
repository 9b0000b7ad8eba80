//! Which fields of a record are the item, its time, its texts and its features.

use crate::display;

/// The options that map fields to arguments of SIM.RECORD.
#[derive(clap::Args)]
pub struct FieldOptions {
    /// Field with the name of the item
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
        let fields: Vec<&str> = self.texts().chain(self.feature_sets()).map(|(_, field)| field).collect();
        format!("has nothing in {}", quote_names(&fields))
    }
}

/// Names in quotation marks, with commas between.
pub fn quote_names(names: &[&str]) -> String {
    names.iter().map(|name| format!("'{}'", display::name(name.as_bytes()))).collect::<Vec<_>>().join(", ")
}

/// Parses the content of the time field: Unix seconds. A fraction of a second is ignored.
pub fn parse_seconds(text: &str) -> std::result::Result<u64, String> {
    let whole_seconds = text.trim().split('.').next().unwrap_or_default();
    whole_seconds
        .parse()
        .map_err(|_| format!("has the time '{}': expected Unix seconds, such as 1500000000", text.trim()))
}
