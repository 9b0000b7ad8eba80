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
    /// The similarity from which on two sets share a band with the probability that RECALL says.
    pub meets: f64,
    /// The indexes that hold anything, by their names.
    pub indexes: BTreeMap<Vec<u8>, IndexInfo>,
}

/// What an index holds. Numbers are summed over its chunks: an item in several chunks counts several times.
#[derive(Clone, Copy, Default)]
pub struct IndexInfo {
    pub chunks: u64,
    pub items: u64,
    pub buckets: u64,
    pub observations: u64,
    /// Bytes of memory.
    pub bytes: u64,
    /// The first second of the oldest chunk.
    pub oldest: u64,
    /// The first second of the newest chunk.
    pub newest: u64,
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
        let indexes = indexes.into_iter().map(|(index, fields)| Ok((index, IndexInfo::parse(&fields)?)));
        Ok(ScopeInfo {
            uid: from_redis_value(field(&fields, "uid")?.clone())?,
            definition: parse_definition(&fields)?,
            meets: from_redis_value(field(&fields, "meets")?.clone())?,
            indexes: indexes.collect::<Result<_>>()?,
        })
    }
}

impl IndexInfo {
    fn parse(fields: &HashMap<String, Value>) -> Result<IndexInfo> {
        let number = |name: &str| -> Result<u64> { Ok(from_redis_value(field(fields, name)?.clone())?) };
        Ok(IndexInfo {
            chunks: number("chunks")?,
            items: number("items")?,
            buckets: number("buckets")?,
            observations: number("observations")?,
            bytes: number("bytes")?,
            oldest: number("oldest")?,
            newest: number("newest")?,
        })
    }

    /// Adds what another index holds, or the same index in another part.
    pub fn add(&mut self, other: &IndexInfo) {
        self.chunks += other.chunks;
        self.items += other.items;
        self.buckets += other.buckets;
        self.observations += other.observations;
        self.bytes += other.bytes;
        self.oldest = self.oldest.min(other.oldest);
        self.newest = self.newest.max(other.newest);
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
