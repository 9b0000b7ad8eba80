//! The position that a load has reached, saved at the server, so that no record is lost or counted twice.
//!
//! SIM.RECORD adds to counts, so a batch that is sent twice counts twice. After a lost connection the
//! client cannot know whether its last batch took effect. The known answer is to *commit the position with
//! the data*: every batch and the position after it are written at once, and so take effect together or not
//! at all. The next run reads the position and continues from there.
//!
//! A transaction (MULTI, EXEC) is not enough: it goes on after a command that fails, and so would save a
//! position past a record that the server could not take, as while a slot moves to another node. A script
//! (`record_batch.lua`) looks at each reply, and saves the position up to which the records were taken.
//!
//! A position proves itself: with it goes a hash of everything before it, and each refused record has one too.
//! The next run compares them with what it reads on the way, and so never continues in an input that is another
//! one, whatever the size of the file and the time of its last change are.
//!
//! Three things are odd:
//! - A record that the server refuses (its text is too long, say) does not stop a load. Its number is saved
//!   with the position, and the next run tries it again: the limit that refused it may have been raised since.
//!   The numbers are kept by *block*, 256 records of the input, and a batch never crosses the end of a block.
//! - A script reaches only one cluster slot, so a split scope has a saved position in every part, in
//!   the slot of that part. When a load is stopped, a batch may have reached some parts and not others.
//!   The next run begins at the earliest position, and gives each part only what that part lacks.
//! - Two loads of one input at a time would record everything twice. The position is also an *optimistic
//!   lock*: the script compares it with what this load last wrote, and if another load has moved it, the batch
//!   is refused. In the same way it compares the scope's uid, so that a load never continues in another scope
//!   that has taken the place of the one that it began with.

use crate::scope::Scope;
use crate::source::{Identity, Position};
use crate::{Result, display};
use redis::{Value, cmd};
use std::collections::{BTreeMap, HashMap};

/// The script that records a batch.
const RECORD_BATCH: &str = include_str!("record_batch.lua");
/// The number of records in a block.
pub const BLOCK_RECORDS: u64 = 256;
/// The field of a block with refused records begins with this, and its number follows.
const BLOCK_PREFIX: &str = "refused:";

/// The way in which a load begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum StartMode {
    /// After the records that earlier loads of the same input have recorded. The input must be unchanged.
    Continue,
    /// The same, but the input may have changed after the records that were loaded: it grows.
    ContinueGrown,
    /// The same if the input is unchanged, otherwise at the beginning: a load that may be repeated.
    ContinueOrRestart,
    /// At the beginning, whatever was loaded before.
    Restart,
}

/// A record to be sent: the position after it, and its words, as `record_batch.lua` takes them.
pub type PendingRecord = (Position, Vec<Vec<u8>>);

/// What became of a record.
pub enum Outcome {
    Recorded,
    /// It has no feature: there was nothing to record.
    Empty,
    /// NX has found its item: nothing was recorded.
    Known,
    /// SIM.ASSIGN has recorded it in a group.
    Assigned(GroupChoice),
    /// The error of the server.
    Refused(String),
}

/// The command that each record of a batch is sent with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BatchCommand {
    Record,
    Assign,
}

/// The group that SIM.ASSIGN has chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupChoice {
    pub group: Vec<u8>,
    /// The best score that was found, whether it was enough or not; `None` if nothing was found.
    pub score: Option<f64>,
    /// True if the group was new.
    pub is_new: bool,
}

/// An assignment that may not have been printed: the number of the record, its item, and its group unless it has no
/// feature.
pub type UnprintedAssignment = (u64, Vec<u8>, Option<GroupChoice>);

/// A record that an earlier run has sent and the server has refused.
#[derive(Clone, Copy)]
struct RefusedRecord {
    /// A position before it, and in its block.
    begin: Position,
    /// The hash of the position after it.
    hash: u64,
}

/// The positions that one input has reached in all parts of a scope.
pub struct SavedPositions {
    /// The key of each part's position, a hash; `None` if the positions are not saved.
    keys: Option<Vec<String>>,
    /// The position that each part has reached.
    positions: Vec<Position>,
    /// The position that each part had reached before this run.
    positions_read: Vec<Position>,
    /// The records that earlier runs have sent and the server has refused, by number.
    refused: BTreeMap<u64, RefusedRecord>,
    /// The identity of each part's scope. A position is void when its scope has been dropped.
    uids: Vec<String>,
    /// The size of the input and the time of its last change: both are saved with the position.
    size: u64,
    modified: u64,
}

impl BatchCommand {
    fn name(self) -> &'static str {
        match self {
            BatchCommand::Record => "SIM.RECORD",
            BatchCommand::Assign => "SIM.ASSIGN",
        }
    }
}

impl SavedPositions {
    /// Reads the positions that an input has reached. `name` is the name under which they are saved; without
    /// one, the load begins at the beginning and saves nothing.
    ///
    /// # Errors
    /// The input has changed since the positions were saved, and the user does not say that it only grew.
    pub fn read(
        scope: &mut Scope,
        name: Option<&str>,
        identity: &Identity,
        mode: StartMode,
    ) -> Result<SavedPositions> {
        let uids: Vec<String> = scope.require_infos()?.into_iter().map(|info| info.uid).collect();
        let key_of = |name| scope.parts.iter().map(|part| position_key(part, name)).collect::<Vec<_>>();
        let keys = name.map(key_of);
        let mut positions = vec![Position::default(); scope.parts.len()];
        let mut refused = BTreeMap::new();
        for (part, key) in keys.iter().flatten().enumerate() {
            let fields: HashMap<String, String> = scope.server.ask(cmd("HGETALL").arg(key))?;
            let number = |name: &str| fields.get(name).and_then(|number| number.parse().ok()).unwrap_or(0);
            let is_unchanged = (number("size"), number("modified")) == (identity.size, identity.modified);
            let is_void = match mode {
                StartMode::Restart => true,
                StartMode::ContinueOrRestart => !is_unchanged,
                StartMode::Continue | StartMode::ContinueGrown => false,
            };
            if is_void || fields.get("uid") != Some(&uids[part]) {
                scope.server.ask::<()>(cmd("DEL").arg(&[key, &unprinted_key(key)]))?;
                continue;
            }
            if !is_unchanged && mode != StartMode::ContinueGrown {
                return Err(describe_change(&identity.name, number("records")).into());
            }
            let hash = fields.get("hash").and_then(|hash| parse_hash(hash)).unwrap_or(0);
            positions[part] = Position { records: number("records"), bytes: number("bytes"), hash };
            for (_, block) in fields.iter().filter(|(field, _)| field.starts_with(BLOCK_PREFIX)) {
                refused.extend(parse_block(block).ok_or_else(|| {
                    format!("the key '{key}' is damaged: '{block}' is not a list of records")
                })?);
            }
        }
        let (size, modified) = (identity.size, identity.modified);
        let positions_read = positions.clone();
        Ok(SavedPositions { keys, positions, positions_read, refused, uids, size, modified })
    }

    /// True if the positions are saved at the server.
    pub fn are_saved(&self) -> bool {
        self.keys.is_some()
    }

    /// The position to continue from: the one of the part that has had the least.
    pub fn earliest(&self) -> Position {
        self.positions.iter().copied().min().unwrap_or_default()
    }

    /// The number of records that earlier runs have sent and the server has refused.
    pub fn refused_records(&self) -> u64 {
        self.refused.len() as u64
    }

    /// The next position, from this one on, before a record that a part needs.
    pub fn next_needed(&self, position: Position) -> Position {
        let next_refused = self.refused.range(position.records + 1..).next().map(|(_, record)| record.begin);
        next_refused.into_iter().chain([self.earliest()]).min().unwrap_or_default().max(position)
    }

    /// True if a part needs the record that ends at this position: it has not had it yet, or has refused it.
    pub fn needs(&self, part: usize, end: Position) -> bool {
        !self.has_reached(part, end) || self.was_refused(end)
    }

    /// True if an earlier run has sent the record that ends at this position, and the server has refused it.
    pub fn was_refused(&self, end: Position) -> bool {
        self.refused.contains_key(&end.records)
    }

    /// True if an earlier run has saved a position, or a refused record, with this number, and it is not the
    /// same input up to there.
    pub fn contradicts(&self, end: Position) -> bool {
        let positions = self.positions_read.iter().filter(|position| **position == end);
        let refused = self.refused.get(&end.records).map(|record| record.hash);
        positions.map(|position| position.hash).chain(refused).any(|hash| hash != end.hash)
    }

    /// True if a part has had the record that ends at this position.
    pub fn has_reached(&self, part: usize, end: Position) -> bool {
        self.positions[part].records >= end.records
    }

    /// Reads the assignments of the last batch, if no batch after it and no [`Self::mark_printed`] has told the
    /// server that they were printed.
    pub fn read_unprinted(&self, scope: &mut Scope) -> Result<Vec<UnprintedAssignment>> {
        let Some(keys) = &self.keys else { return Ok(Vec::new()) };
        let mut list = Vec::new();
        for (key, uid) in keys.iter().zip(&self.uids) {
            let elements: Vec<Vec<u8>> =
                scope.server.ask(cmd("LRANGE").arg(unprinted_key(key)).arg(0).arg(-1))?;
            let [of_uid, assignments @ ..] = &elements[..] else { continue };
            if of_uid == uid.as_bytes() {
                list.extend(assignments.chunks(5).filter_map(parse_unprinted));
            }
        }
        Ok(list)
    }

    /// Tells the server that the assignments of the last batch have been printed.
    pub fn mark_printed(&self, scope: &mut Scope) -> Result<()> {
        for key in self.keys.iter().flatten() {
            scope.server.ask::<()>(cmd("DEL").arg(unprinted_key(key)))?;
        }
        Ok(())
    }

    /// Sends the records of a batch that a part needs, and saves the position after the batch, both or neither.
    /// Returns their outcomes. The batch is between two positions, in one block.
    ///
    /// # Errors
    /// The server cannot take the records, the scope is another one or gone, or another load of the input has
    /// moved the position: then the records without an outcome are not recorded, and the position is not past
    /// them. Or the connection is lost: then the saved position tells the next run whether it was done.
    pub fn send_batch(
        &mut self,
        scope: &mut Scope,
        part: usize,
        batch_command: BatchCommand,
        records: &[PendingRecord],
        begin: Position,
        end: Position,
    ) -> Result<Vec<Outcome>> {
        let reached = self.positions[part];
        let mut command = cmd("EVAL");
        command.arg(RECORD_BATCH);
        match &self.keys {
            // While a slot moves, a script with a key that does not exist is refused: so only the keys that it needs.
            Some(keys) if batch_command == BatchCommand::Record => {
                command.arg(2).arg(&scope.parts[part]).arg(&keys[part])
            }
            Some(keys) => {
                command.arg(3).arg(&scope.parts[part]).arg(&keys[part]).arg(unprinted_key(&keys[part]))
            }
            None => command.arg(1).arg(&scope.parts[part]),
        };
        command.arg(&self.uids[part]).arg(reached.records).arg(self.size).arg(self.modified);
        command.arg(end.records).arg(end.bytes).arg(format_hash(end));
        command.arg(format!("{BLOCK_PREFIX}{}", begin.records / BLOCK_RECORDS));
        command.arg(format!("{}:{}:{}", begin.records, begin.bytes, format_hash(begin)));
        command.arg(batch_command.name());
        for (end, words) in records {
            command.arg(end.records).arg(end.bytes).arg(format_hash(*end)).arg(words.len()).arg(words);
        }
        let (status, outcomes): (u8, Vec<Value>) = scope.server.ask(&command)?;
        match status {
            0 => {}
            1 => return Err(describe_other_scope(&scope.parts[part]).into()),
            _ => {
                return Err(
                    "another load of the same input is running on this scope: wait for it, or stop it".into(),
                );
            }
        }
        let outcomes: Vec<Outcome> = outcomes.into_iter().map(parse_outcome).collect::<Result<_>>()?;
        // Fewer outcomes than records: the server could not go on, and says why if it is asked for the rest.
        let is_complete = outcomes.len() == records.len();
        let last_sent = outcomes.len().checked_sub(1).map_or(begin, |last| records[last].0);
        self.positions[part] = reached.max(if is_complete { end } else { last_sent });
        Ok(outcomes)
    }
}

/// Parses the refused records of a block: a position before them, and of each its number and hash.
fn parse_block(block: &str) -> Option<Vec<(u64, RefusedRecord)>> {
    let (begin, records) = block.split_once(' ')?;
    let [begin_records, bytes, hash] = begin.splitn(3, ':').collect::<Vec<_>>().try_into().ok()?;
    let (records_before, bytes) = (begin_records.parse().ok()?, bytes.parse().ok()?);
    let begin = Position { records: records_before, bytes, hash: parse_hash(hash)? };
    let parse_record = |record: &str| {
        let (number, hash) = record.split_once(':')?;
        Some((number.parse().ok()?, RefusedRecord { begin, hash: parse_hash(hash)? }))
    };
    records.split(' ').map(parse_record).collect()
}

/// The hash of a position, in hexadecimal digits.
fn format_hash(position: Position) -> String {
    format!("{:016x}", position.hash)
}

fn parse_hash(text: &str) -> Option<u64> {
    u64::from_str_radix(text, 16).ok()
}

fn parse_outcome(outcome: Value) -> Result<Outcome> {
    Ok(match outcome {
        Value::Int(0) => Outcome::Empty,
        Value::Int(2) => Outcome::Known,
        Value::Int(_) => Outcome::Recorded,
        Value::Array(_) => {
            let (group, score, is_new) = redis::from_redis_value(outcome)?;
            Outcome::Assigned(GroupChoice { group, score, is_new })
        }
        error => Outcome::Refused(redis::from_redis_value(error)?),
    })
}

/// Parses an element of the list of unprinted assignments, as `record_batch.lua` writes it.
fn parse_unprinted(element: &[Vec<u8>]) -> Option<UnprintedAssignment> {
    let [number, item, group, score, is_new] = element else { return None };
    let number = std::str::from_utf8(number).ok()?.parse().ok()?;
    if group.is_empty() {
        return Some((number, item.clone(), None));
    }
    let score = std::str::from_utf8(score).ok()?.parse().ok();
    Some((number, item.clone(), Some(GroupChoice { group: group.clone(), score, is_new: is_new == b"1" })))
}

/// The key of the assignments that may not have been printed, beside the key of a position.
fn unprinted_key(position_key: &str) -> String {
    format!("{position_key}:unprinted")
}

/// The key of a saved position: in the slot of the scope and its chunks.
fn position_key(part: &str, name: &str) -> String {
    let hash_tag = if part.contains('{') { part.to_string() } else { format!("{{{part}}}") };
    format!("{hash_tag}:simile-load:{name}")
}

fn describe_change(name: &str, records: u64) -> String {
    let name = display::name(name.as_bytes());
    format!(
        "{name} has changed since {records} records of it were loaded: --grown loads what was added at its end; \
         --restart loads all of it, in addition to what the scope holds"
    )
}

fn describe_other_scope(part: &str) -> String {
    let part = display::name(part.as_bytes());
    format!(
        "the scope '{part}' was dropped, renamed or replaced during the load, and nothing was recorded since. If it was \
         renamed, rename it back, and the same command continues. If it is gone, create it again (--create): the \
         same command then loads all of the input into the new scope"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_in_the_slot_of_its_scope() {
        assert_eq!(position_key("issues", "a.csv"), "{issues}:simile-load:a.csv");
        assert_eq!(position_key("issues:{7}", "a.csv"), "issues:{7}:simile-load:a.csv");
    }

    #[test]
    fn a_load_goes_back_to_what_was_refused() {
        let at = |records| Position { records, bytes: 10 * records, hash: 16 * records };
        let blocks =
            ["0:0:0 7:70 3:30", "512:5120:2000 600:2580"].map(|block| parse_block(block).expect("a block"));
        let saved = SavedPositions {
            keys: None,
            positions: vec![at(900), at(800)],
            positions_read: vec![at(900), at(800)],
            refused: blocks.into_iter().flatten().collect(),
            uids: vec![],
            size: 0,
            modified: 0,
        };
        let next = [0, 3, 7, 512, 599, 600, 850].map(|records| saved.next_needed(at(records)).records);
        assert_eq!(next, [0, 3, 512, 512, 599, 800, 850]);
        assert_eq!(
            [3, 4, 600, 850, 901].map(|number| saved.needs(0, at(number))),
            [true, false, true, false, true]
        );
        assert!(saved.needs(1, at(850)));
        for bad in ["0:0:0", "7 x", "0:0 7:1", "0:0:0 7", "0:0:x 7:1"] {
            assert!(parse_block(bad).is_none(), "{bad}");
        }
        // What was loaded or refused before must be the same.
        let other = |records| Position { hash: 1, ..at(records) };
        assert!([3, 7, 8, 600, 800, 850, 900].iter().all(|number| !saved.contradicts(at(*number))));
        assert_eq!(
            [2, 3, 600, 799, 800, 850, 900].map(|number| saved.contradicts(other(number))),
            [false, true, true, false, true, false, true]
        );
    }
}
