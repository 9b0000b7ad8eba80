//! The reply of SIM.INFO, parsed: what a scope is, and the items that it holds.

use crate::Result;
use redis::{Value, from_redis_value};
use simile::index::{Definition, ScoreMode};
use simile::signature::{Hash, Scheme, Shingle, TextRules};
use std::collections::{BTreeMap, HashMap};

/// A scope as SIM.INFO describes it.
pub struct ScopeInfo {
    /// The identity that was drawn when the scope was created: a scope that is dropped and created again
    /// has another.
    pub uid: String,
    pub definition: Definition,
    /// The number of items in each index, summed over its chunks: an item in several chunks counts
    /// several times.
    pub items_by_index: BTreeMap<Vec<u8>, u64>,
}

impl ScopeInfo {
    /// Parses the reply.
    ///
    /// # Errors
    /// A field is missing or unknown: the module is another release than the tool.
    pub fn parse(reply: Value) -> Result<ScopeInfo> {
        let fields: HashMap<String, Value> = from_redis_value(reply)?;
        let indexes: Vec<(Vec<u8>, HashMap<String, Value>)> =
            from_redis_value(field(&fields, "indexes")?.clone())?;
        let item_count = |fields: HashMap<String, Value>| match fields.get("items") {
            Some(Value::Int(items)) => *items as u64,
            _ => 0,
        };
        Ok(ScopeInfo {
            uid: from_redis_value(field(&fields, "uid")?.clone())?,
            definition: parse_definition(&fields)?,
            items_by_index: indexes.into_iter().map(|(index, fields)| (index, item_count(fields))).collect(),
        })
    }
}

fn field<'f>(fields: &'f HashMap<String, Value>, name: &str) -> Result<&'f Value> {
    Ok(fields.get(name).ok_or_else(|| format!("the reply of SIM.INFO has no field '{name}'"))?)
}

/// Builds the definition from the parameters that SIM.INFO shows.
fn parse_definition(fields: &HashMap<String, Value>) -> Result<Definition> {
    let text = |name: &str| -> Result<String> { Ok(from_redis_value(field(fields, name)?.clone())?) };
    let is_yes = |name: &str| text(name).map(|value| value == "yes");
    let unknown = |name: &str, value: &str| {
        format!("SIM.INFO gives the {name} '{value}': this version of simile is older than the module")
    };
    // The field is missing if the hash has no modulus.
    let modulus = if fields.contains_key("modulus") { Some(text("modulus")?.parse()?) } else { None };
    let hash = match text("hash")?.as_str() {
        "FSS" => Hash::Fss,
        "MURMUR3" => Hash::Murmur3 { modulus },
        other => return Err(unknown("hash", other).into()),
    };
    let shingle = text("shingle")?;
    let shingle = match shingle.split_once(' ') {
        Some(("CHARS", length)) => Shingle::Chars(length.parse()?),
        Some(("WORDS", length)) => Shingle::Words(length.parse()?),
        _ => return Err(unknown("shingle", &shingle).into()),
    };
    let score = text("score")?;
    let word = ScoreMode::WORDS.iter().find(|(word, _)| *word == score);
    let (_, score) = *word.ok_or_else(|| unknown("score", &score))?;
    let (bands, rows, seed) = (text("bands")?.parse()?, text("rows")?.parse()?, text("seed")?.parse()?);
    Ok(Definition {
        scheme: Scheme { hash, seed, bands, rows, sketch: text("sketch")?.parse()? },
        text: TextRules { shingle, lowercase: is_yes("lowercase")?, mask: is_yes("mask")? },
        interval: text("interval")?.parse()?,
        retention: text("retention")?.parse()?,
        score,
    })
}
