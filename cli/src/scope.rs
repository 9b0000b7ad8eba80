//! A scope: one key on one server, or a scope that is split by item over several keys of a cluster.
//!
//! A scope and its chunks share one cluster slot, so a single scope cannot grow beyond one node. To use
//! several nodes, the tool splits the scope `NAME` into *parts*: the ordinary scopes `NAME:{0}`,
//! `NAME:{1}` and so on, whose hash tags spread them over the slots. Each item is in exactly one part,
//! chosen by a hash of its name. The server knows nothing of this: each part is a complete scope with the
//! same definition, and the subcommands put the answers of all parts together ([`crate::search`]).
//!
//! A scope that is not split has one part, which is the scope itself.

use crate::connection::{Connection, ConnectionOptions};
use crate::scope_info::ScopeInfo;
use crate::{Result, UsageError, display};
use redis::{Cmd, Value, cmd};

/// A scope on its server. It need not exist yet.
pub struct Scope {
    pub server: Connection,
    /// The name that the user gave.
    pub name: String,
    /// The keys of the parts: the name itself, or `NAME:{0}`, `NAME:{1}`, ...
    pub parts: Vec<String>,
}

impl Scope {
    /// Connects to the server of a scope.
    pub fn open(options: &ConnectionOptions, name: &str) -> Result<Scope> {
        let parts = part_names(name, options.cluster.unwrap_or(1))?;
        Ok(Scope { server: Connection::open(options)?, name: name.to_string(), parts })
    }

    /// The number of the part that an item is in.
    pub fn part_of(&self, item: &[u8]) -> usize {
        part_of(item, self.parts.len())
    }

    /// Asks for the SIM.INFO of each part; `None` for a part that does not exist.
    pub fn read_infos(&mut self) -> Result<Vec<Option<ScopeInfo>>> {
        let mut infos = Vec::new();
        for part in &self.parts {
            let reply: Value = self.server.ask(cmd("SIM.INFO").arg(part))?;
            infos.push(if reply == Value::Nil { None } else { Some(ScopeInfo::parse(reply)?) });
        }
        Ok(infos)
    }

    /// Asks for the SIM.INFO of each part. A part that does not exist is an error.
    pub fn require_infos(&mut self) -> Result<Vec<ScopeInfo>> {
        let infos = self.read_infos()?;
        let missing = infos.iter().zip(&self.parts).find(|(info, _)| info.is_none());
        if let Some((_, part)) = missing {
            return Err(describe_missing(part).into());
        }
        Ok(infos.into_iter().flatten().collect())
    }

    /// Creates every part with these parameters of SIM.CREATE. A part that exists with the same
    /// parameters is fine.
    ///
    /// # Errors
    /// A parameter is wrong, or a part exists with other parameters. The parts before it are created.
    pub fn create(&mut self, parameters: &[String]) -> Result<()> {
        for part in &self.parts {
            let created = self.server.ask::<()>(cmd("SIM.CREATE").arg(part).arg(parameters));
            created.map_err(|error| {
                let part = display::name(part.as_bytes());
                format!("SIM.CREATE {part} {}: {error}", parameters.join(" "))
            })?;
        }
        Ok(())
    }

    /// Chooses the index to work on: the one that the user names, or the only one that the scope has.
    ///
    /// # Errors
    /// The named index does not exist; or none is named, and the scope does not have exactly one.
    pub fn choose_index(&mut self, named: Option<&str>) -> Result<Vec<u8>> {
        let infos = self.require_infos()?;
        // A part has the indexes of its own items only.
        let mut names: Vec<&Vec<u8>> = infos.iter().flat_map(|info| info.indexes.keys()).collect();
        names.sort();
        names.dedup();
        let shown = display::name(self.name.as_bytes());
        let list = names.iter().map(|name| display::name(name)).collect::<Vec<_>>().join(", ");
        match (named, names.as_slice()) {
            (None, [only]) => Ok((*only).clone()),
            (None, []) => {
                Err(format!("the scope '{shown}' holds no observations yet: load some first").into())
            }
            (None, _) => {
                Err(format!("the scope '{shown}' has several indexes ({list}): choose one with --index")
                    .into())
            }
            (Some(named), _) if names.iter().any(|name| *name == named.as_bytes()) => Ok(named.into()),
            (Some(named), _) => Err(format!(
                "the scope '{shown}' has no index '{}'; it has: {}",
                display::name(named.as_bytes()),
                if list.is_empty() { "none" } else { &list }
            )
            .into()),
        }
    }

    /// Checks that the scope is not split.
    ///
    /// # Errors
    /// It is, and this command needs all groups in one place.
    pub fn require_whole(&self, command: &str) -> Result<()> {
        if self.parts.len() == 1 {
            return Ok(());
        }
        Err(format!(
            "{command} searches and records in one step, and a part of a split scope knows only its own items: with \
             --cluster {}, what is similar would be overlooked or be recorded twice. Use a scope that is not split: \
             --cluster 1",
            self.parts.len()
        )
        .into())
    }

    /// Asks every part a command and returns the replies in the order of the parts.
    pub fn ask_parts<T: redis::FromRedisValue>(
        &mut self,
        command_for: impl Fn(&str) -> Cmd,
    ) -> Result<Vec<T>> {
        self.parts.iter().map(|part| self.server.ask(&command_for(part))).collect()
    }

    /// The command that exports an item's profile, from the part that the item is in. Its reply is an
    /// array of one blob; nil in it if the part does not have the item.
    pub fn export_command(&self, index: &[u8], item: &[u8]) -> Cmd {
        cmd("SIM.EXPORT").arg(&self.parts[self.part_of(item)]).arg(index).arg(item).clone()
    }
}

/// The part that an item is in: the first half of MurmurHash3_x64_128 (seed 0) of its name, modulo the
/// number of parts. Every machine and every release must agree on it.
fn part_of(item: &[u8], parts: usize) -> usize {
    let hash = murmur3::murmur3_x64_128(&mut &*item, 0).unwrap_or_default(); // reading memory cannot fail
    (hash as u64 % parts as u64) as usize
}

/// The error for a scope, or a part of one, that does not exist.
pub fn describe_missing(part: &str) -> String {
    format!("there is no scope '{part}': is the name right, and is --url the server that has it?")
}

fn part_names(name: &str, count: u16) -> Result<Vec<String>> {
    if count == 1 {
        return Ok(vec![name.to_string()]);
    }
    if name.contains(['{', '}']) {
        let message =
            format!("the name '{name}' of a split scope must not contain braces: each part adds its own");
        return Err(UsageError(message).into());
    }
    Ok((0..count).map(|part| format!("{name}:{{{part}}}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_split_into_parts_of_other_slots() {
        assert_eq!(part_names("x{7}", 1).map_err(|error| error.to_string()), Ok(vec!["x{7}".to_string()]));
        assert_eq!(
            part_names("x", 2).map_err(|error| error.to_string()),
            Ok(vec!["x:{0}".into(), "x:{1}".into()])
        );
        assert!(part_names("x{7}", 2).is_err());
    }

    #[test]
    fn an_item_is_in_the_same_part_for_ever() {
        // The first half of MurmurHash3_x64_128 of "hello" is 0xcbd8a7b341bd9b02.
        let hash: u64 = 0xcbd8_a7b3_41bd_9b02;
        assert_eq!([1, 5, 1_000].map(|parts| part_of(b"hello", parts) as u64), [0, hash % 5, hash % 1_000]);
    }

    #[test]
    fn an_item_is_in_the_part_that_other_clients_compute() {
        let vectors = include_str!("../../tests/fixtures/parts.txt");
        let mut read = 0;
        for line in vectors.lines().filter(|line| !line.starts_with('#')) {
            let words: Vec<&str> = line.split(' ').collect();
            let [name, parts, part] = words[..] else {
                panic!("a name, a number of parts and a part: {line}")
            };
            let digits = name.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).expect("digits"));
            let name: Vec<u8> = digits.map(|pair| u8::from_str_radix(pair, 16).expect("a byte")).collect();
            assert_eq!(part_of(&name, parts.parse().expect("a number")).to_string(), part, "{line}");
            read += 1;
        }
        assert!(read > 100, "{read} vectors");
    }
}
