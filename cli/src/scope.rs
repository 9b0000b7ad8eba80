//! A scope: one key on one server, or one split by item over several keys of a cluster.

use crate::Result;
use crate::server::{Address, Server};
use crate::show;
use redis::{Cmd, Value, cmd, from_redis_value};
use simile::index::Definition;
use simile::signature::{Hash, Scheme, Shingle, TextRules};
use std::collections::{BTreeMap, HashMap};

/// A scope on its server.
pub struct Scope {
    pub server: Server,
    /// The name that the user gave.
    pub name: String,
    /// The keys: the name itself, or `name:{0}`, `name:{1}`, ...
    pub parts: Vec<String>,
}

/// What SIM.INFO says of a part that is there.
pub struct Info {
    /// The identity drawn when it was made.
    pub uid: String,
    pub definition: Definition,
    /// Items of each index, summed over its chunks.
    pub items: BTreeMap<Vec<u8>, u64>,
}

impl Scope {
    /// Connects to the server of a scope; it need not be there yet.
    ///
    /// # Errors
    /// The server cannot be reached, or the name cannot be split.
    pub fn open(address: &Address, name: &str) -> Result<Scope> {
        let parts = parts(name, address.cluster.unwrap_or(1))?;
        Ok(Scope { server: Server::open(address)?, name: name.to_string(), parts })
    }

    /// Which part an item is in.
    pub fn part_of(&self, item: &[u8]) -> usize {
        part_of(item, self.parts.len())
    }

    /// What each part is; `None` for one that is not there.
    ///
    /// # Errors
    /// The server refuses, or a part is no scope.
    pub fn info(&mut self) -> Result<Vec<Option<Info>>> {
        let mut all = Vec::new();
        for part in &self.parts {
            let reply: Value = self.server.ask(cmd("SIM.INFO").arg(part))?;
            all.push(if reply == Value::Nil { None } else { Some(Info::read(reply)?) });
        }
        Ok(all)
    }

    /// What each part is; all must be there.
    ///
    /// # Errors
    /// As [`Self::info`]; or one is missing.
    pub fn existing(&mut self) -> Result<Vec<Info>> {
        let infos = self.info()?;
        let missing = infos.iter().zip(&self.parts).find(|(info, _)| info.is_none());
        if let Some((_, part)) = missing {
            return Err(format!(
                "there is no scope '{part}': is the name right, and is --url the server that has it?"
            )
            .into());
        }
        Ok(infos.into_iter().flatten().collect())
    }

    /// Makes every part, with these parameters of SIM.CREATE.
    ///
    /// # Errors
    /// A parameter is wrong, or a part exists with another.
    pub fn create(&mut self, parameters: &[String]) -> Result<()> {
        for part in &self.parts {
            let created = self.server.ask::<()>(cmd("SIM.CREATE").arg(part).arg(parameters));
            created.map_err(|error| format!("SIM.CREATE {part} {}: {error}", parameters.join(" ")))?;
        }
        Ok(())
    }

    /// The index to work on: the one that is named, else the only one there is.
    ///
    /// # Errors
    /// There is none, or there are several and none is named.
    pub fn index(&mut self, named: Option<&str>) -> Result<Vec<u8>> {
        let infos = self.existing()?;
        let mut names: Vec<&Vec<u8>> = infos.iter().flat_map(|info| info.items.keys()).collect();
        names.sort();
        names.dedup();
        let listed = names.iter().map(|name| show::name(name)).collect::<Vec<_>>().join(", ");
        match (named, names.as_slice()) {
            (None, [only]) => Ok((*only).clone()),
            (None, []) => {
                Err(format!("the scope '{}' holds no observations yet: load some first", self.name).into())
            }
            (None, _) => Err(format!(
                "the scope '{}' has several indexes ({listed}): choose one with --index",
                self.name
            )
            .into()),
            (Some(named), _) if names.iter().any(|name| *name == named.as_bytes()) => Ok(named.into()),
            (Some(named), _) => Err(format!(
                "the scope '{}' has no index '{named}'; it has: {}",
                self.name,
                if listed.is_empty() { "none" } else { &listed }
            )
            .into()),
        }
    }

    /// The replies to commands, one for each part, in the order of the parts.
    ///
    /// # Errors
    /// One of them is an error.
    pub fn ask_parts<T: redis::FromRedisValue>(&mut self, command: impl Fn(&str) -> Cmd) -> Result<Vec<T>> {
        self.parts.iter().map(|part| self.server.ask(&command(part))).collect()
    }
}

/// By the first half of MurmurHash3_x64_128 (seed 0) of its name, so that every machine and release
/// agrees.
fn part_of(item: &[u8], parts: usize) -> usize {
    let hash = murmur3::murmur3_x64_128(&mut &*item, 0).unwrap_or_default(); // memory can be read
    (hash as u64 % parts as u64) as usize
}

fn parts(name: &str, count: u16) -> Result<Vec<String>> {
    if count == 1 {
        return Ok(vec![name.to_string()]);
    }
    if name.contains(['{', '}']) {
        return Err(format!(
            "the name '{name}' of a split scope must hold no braces: each part adds its own"
        )
        .into());
    }
    Ok((0..count).map(|part| format!("{name}:{{{part}}}")).collect())
}

impl Info {
    fn read(reply: Value) -> Result<Info> {
        let fields: HashMap<String, Value> = from_redis_value(reply)?;
        let field =
            |name: &str| fields.get(name).cloned().ok_or_else(|| format!("SIM.INFO does not say {name}"));
        let indexes: BTreeMap<Vec<u8>, HashMap<String, Value>> = from_redis_value(field("indexes")?)?;
        let items = |fields: HashMap<String, Value>| match fields.get("items") {
            Some(Value::Int(items)) => *items as u64,
            _ => 0,
        };
        Ok(Info {
            uid: from_redis_value(field("uid")?)?,
            definition: definition(&fields)?,
            items: indexes.into_iter().map(|(index, fields)| (index, items(fields))).collect(),
        })
    }
}

/// The definition that SIM.INFO shows.
fn definition(fields: &HashMap<String, Value>) -> Result<Definition> {
    let text = |name: &str| -> Result<String> {
        let value = fields.get(name).ok_or_else(|| format!("SIM.INFO does not say {name}"))?;
        Ok(from_redis_value(value.clone())?)
    };
    let modulus = if fields.contains_key("modulus") { Some(text("modulus")?.parse()?) } else { None };
    let hash = match text("hash")?.as_str() {
        "FSS" => Hash::Fss,
        "MURMUR3" => Hash::Murmur3 { modulus },
        other => {
            return Err(format!("SIM.INFO says hash {other}: this simile is older than the module").into());
        }
    };
    let shingle = text("shingle")?;
    let shingle = match shingle.split_once(' ') {
        Some(("CHARS", n)) => Shingle::Chars(n.parse()?),
        Some(("WORDS", n)) => Shingle::Words(n.parse()?),
        _ => {
            return Err(
                format!("SIM.INFO says shingle {shingle}: this simile is older than the module").into()
            );
        }
    };
    let is_yes = |name: &str| text(name).map(|value| value == "yes");
    let (bands, rows, seed) = (text("bands")?.parse()?, text("rows")?.parse()?, text("seed")?.parse()?);
    Ok(Definition {
        scheme: Scheme { hash, seed, bands, rows },
        text: TextRules { shingle, lowercase: is_yes("lowercase")?, mask: is_yes("mask")? },
        interval: text("interval")?.parse()?,
        retention: text("retention")?.parse()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_split_into_parts_of_other_slots() {
        assert_eq!(parts("x{7}", 1).map_err(|e| e.to_string()), Ok(vec!["x{7}".to_string()]));
        assert_eq!(parts("x", 2).map_err(|e| e.to_string()), Ok(vec!["x:{0}".into(), "x:{1}".into()]));
        assert!(parts("x{7}", 2).is_err());
    }

    #[test]
    fn an_item_is_in_the_same_part_for_ever() {
        // The first half of MurmurHash3_x64_128 of "hello" is 0xcbd8a7b341bd9b02.
        let hash: u64 = 0xcbd8_a7b3_41bd_9b02;
        assert_eq!([1, 5, 1_000].map(|parts| part_of(b"hello", parts) as u64), [0, hash % 5, hash % 1_000]);
    }
}
