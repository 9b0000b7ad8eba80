//! The position that a load has reached, saved at the server, so that no record is counted twice.
//!
//! SIM.RECORD adds to counts, so a batch that is sent twice counts twice. After a lost connection the
//! client cannot know whether its last batch took effect. The known answer is to *commit the position with
//! the data*: every batch and the position after it are written in one MULTI/EXEC, and so take effect
//! together or not at all. The next run reads the position and continues from there.
//!
//! Two things are odd:
//! - A transaction reaches only one cluster slot, so a split scope has a saved position in every part, in
//!   the slot of that part. When a load is stopped, a batch may have reached some parts and not others.
//!   The next run begins at the earliest position, and gives each part only what that part lacks.
//! - Two loads of one input at a time would record everything twice. The position is also an *optimistic
//!   lock*: it is watched (WATCH) and compared with what this load last wrote, and if another load has
//!   moved it, EXEC refuses the batch.

use crate::Result;
use crate::scope::Scope;
use crate::source::{Identity, Position};
use redis::{Cmd, Value, cmd};
use std::collections::HashMap;

/// The way in which a load begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum StartMode {
    /// After the records that earlier loads of the same input have recorded. The input must be unchanged.
    Continue,
    /// The same, but the input may have grown at its end since.
    ContinueGrown,
    /// At the beginning, whatever was loaded before.
    Restart,
}

/// The positions that one input has reached in all parts of a scope.
pub struct SavedPositions {
    /// The key of each part's position: a hash.
    keys: Vec<String>,
    /// The position that each part has reached.
    positions: Vec<Position>,
    /// The identity of each part's scope. A position is void when its scope has been dropped.
    uids: Vec<String>,
    /// The size of the input and the time of its last change: both are saved with the position.
    size: u64,
    modified: u64,
}

impl SavedPositions {
    /// Reads the positions that an input has reached. `name` is the name under which they are saved.
    ///
    /// # Errors
    /// The input has changed since the positions were saved, and the user does not say that it only grew.
    pub fn read(
        scope: &mut Scope,
        name: &str,
        identity: &Identity,
        mode: StartMode,
    ) -> Result<SavedPositions> {
        let uids: Vec<String> = scope.require_infos()?.into_iter().map(|info| info.uid).collect();
        let keys: Vec<String> = scope.parts.iter().map(|part| position_key(part, name)).collect();
        let mut positions = Vec::new();
        for (key, uid) in keys.iter().zip(&uids) {
            let fields: HashMap<String, String> = scope.server.ask(cmd("HGETALL").arg(key))?;
            let number = |name: &str| fields.get(name).and_then(|number| number.parse().ok()).unwrap_or(0);
            if mode == StartMode::Restart || fields.get("uid") != Some(uid) {
                scope.server.ask::<()>(cmd("DEL").arg(key))?;
                positions.push(Position::default());
                continue;
            }
            let is_unchanged = (number("size"), number("modified")) == (identity.size, identity.modified);
            let has_grown = mode == StartMode::ContinueGrown && number("size") <= identity.size;
            if !is_unchanged && !has_grown {
                return Err(describe_change(&identity.name, number("records")).into());
            }
            positions.push(Position { records: number("records"), bytes: number("bytes") });
        }
        Ok(SavedPositions { keys, positions, uids, size: identity.size, modified: identity.modified })
    }

    /// The position to continue from: the one of the part that has had the least.
    pub fn earliest(&self) -> Position {
        self.positions.iter().copied().min().unwrap_or_default()
    }

    /// True if a part has had the record that ends at this position.
    pub fn has_reached(&self, part: usize, end: Position) -> bool {
        self.positions[part].records >= end.records
    }

    /// Sends a batch to one part and saves the position after it, both or neither. Returns the replies to
    /// the batch.
    ///
    /// # Errors
    /// The server refuses, or another load of the input has moved the position: then nothing was done. Or
    /// the connection is lost: then the saved position tells the next run whether it was done.
    pub fn send_batch(
        &mut self,
        scope: &mut Scope,
        part: usize,
        mut batch: Vec<Cmd>,
        end: Position,
    ) -> Result<Vec<Value>> {
        let key = &self.keys[part];
        let batch_len = batch.len();
        // From here on, any change of the position makes EXEC fail.
        let watch = [cmd("WATCH").arg(key).clone(), cmd("HGET").arg(key).arg("records").clone()];
        let saved_records = scope.server.pipeline(&watch)?.pop().unwrap_or(Value::Nil);
        let saved_records: Option<u64> = scope.server.parse_reply(saved_records)?;
        batch.push(
            cmd("HSET")
                .arg(key)
                .arg(&[("uid", self.uids[part].as_str())])
                .arg(&[("records", end.records), ("bytes", end.bytes)])
                .arg(&[("size", self.size), ("modified", self.modified)])
                .clone(),
        );
        // The watch does not see a change from before it: compare with what this load wrote last.
        let is_ours = saved_records.unwrap_or(0) == self.positions[part].records;
        let replies = if is_ours { scope.server.run_transaction(&batch)? } else { None };
        let mut replies = replies
            .ok_or("another load of the same input is running on this scope: wait for it, or stop it")?;
        if let Some(hset_reply) = replies.pop() {
            scope.server.parse_reply::<()>(hset_reply)?;
        }
        debug_assert_eq!(replies.len(), batch_len);
        self.positions[part] = end;
        Ok(replies)
    }
}

/// The key of a saved position: in the slot of the scope and its chunks.
fn position_key(part: &str, name: &str) -> String {
    let hash_tag = if part.contains('{') { part.to_string() } else { format!("{{{part}}}") };
    format!("{hash_tag}:simile-load:{name}")
}

fn describe_change(name: &str, records: u64) -> String {
    format!(
        "{name} has changed since {records} records of it were loaded: --grown loads what was added at its end; \
         --restart loads all of it, in addition to what the scope holds"
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
}
