//! How far a load has come: a position in the scope's own slot, written in the transaction of its batch.
//!
//! SIM.RECORD counts, so that a batch sent twice would count twice. Position and batch are changed by
//! one MULTI/EXEC, all or nothing; whoever comes back reads the position and goes on behind it. A split
//! scope has a position in each part, since a transaction reaches one slot only: a batch may have
//! arrived in some parts when the load was stopped, and the others are given what they lack.

use crate::Result;
use crate::scope::Scope;
use crate::source::{Identity, Place};
use redis::{Cmd, Value, cmd};
use std::collections::HashMap;

/// Where a load begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Start {
    /// Behind what an earlier load of the same source has recorded.
    Behind,
    /// The same, in a source that has grown at its end since.
    Grown,
    /// At the beginning.
    Anew,
}

/// The positions of one source in all parts of a scope.
pub struct Positions {
    keys: Vec<String>,
    /// How far each part has come.
    places: Vec<Place>,
    /// The identity of each part's scope: a position is void once its scope is gone.
    uids: Vec<String>,
    size: u64,
    modified: u64,
}

impl Positions {
    /// Reads how far the source has come.
    ///
    /// # Errors
    /// It has changed since, unless the user says that it only grew; or the server refuses.
    pub fn read(scope: &mut Scope, source: &str, identity: &Identity, start: Start) -> Result<Positions> {
        let uids: Vec<String> = scope.existing()?.into_iter().map(|info| info.uid).collect();
        let keys: Vec<String> = scope.parts.iter().map(|part| key(part, source)).collect();
        let mut places = Vec::new();
        for (key, uid) in keys.iter().zip(&uids) {
            let fields: HashMap<String, String> = scope.server.ask(cmd("HGETALL").arg(key))?;
            let number = |name: &str| fields.get(name).and_then(|number| number.parse().ok()).unwrap_or(0);
            if start == Start::Anew || fields.get("uid") != Some(uid) {
                scope.server.ask::<()>(cmd("DEL").arg(key))?;
                places.push(Place::default());
                continue;
            }
            let is_same = (number("size"), number("modified")) == (identity.size, identity.modified);
            let has_grown = start == Start::Grown && number("size") <= identity.size;
            if !is_same && !has_grown {
                return Err(changed(&identity.name, number("records")).into());
            }
            places.push(Place { records: number("records"), bytes: number("bytes") });
        }
        Ok(Positions { keys, places, uids, size: identity.size, modified: identity.modified })
    }

    /// Where to go on: the place that the slowest part has come to.
    pub fn least(&self) -> Place {
        self.places.iter().copied().min().unwrap_or_default()
    }

    /// Whether a part has had what ends at this place.
    pub fn has(&self, part: usize, end: Place) -> bool {
        self.places[part].records >= end.records
    }

    /// Carries a batch out in one part together with its position; gives the replies.
    ///
    /// # Errors
    /// The server refuses and nothing was done; or the connection is lost, and the position knows
    /// whether it was done; or another load of the source is at work.
    pub fn send(
        &mut self,
        scope: &mut Scope,
        part: usize,
        mut batch: Vec<Cmd>,
        end: Place,
    ) -> Result<Vec<Value>> {
        let key = &self.keys[part];
        let watch = [cmd("WATCH").arg(key).clone(), cmd("HGET").arg(key).arg("records").clone()];
        let seen = scope.server.ask_all(&watch)?.pop().unwrap_or(Value::Nil);
        let seen: Option<u64> = scope.server.value(seen)?;
        let records = batch.len();
        batch.push(
            cmd("HSET")
                .arg(key)
                .arg(&[("uid", self.uids[part].as_str())])
                .arg(&[("records", end.records), ("bytes", end.bytes)])
                .arg(&[("size", self.size), ("modified", self.modified)])
                .clone(),
        );
        let is_ours = seen.unwrap_or(0) == self.places[part].records;
        let replies = if is_ours { scope.server.transaction(&batch)? } else { None };
        let mut replies = replies
            .ok_or("another load of the same source is at work on this scope: wait for it, or stop it")?;
        if let Some(position) = replies.pop() {
            scope.server.value::<()>(position)?;
        }
        debug_assert_eq!(replies.len(), records);
        self.places[part] = end;
        Ok(replies)
    }
}

/// The position's key: in the slot of the scope and of its chunks.
fn key(part: &str, source: &str) -> String {
    let tag = if part.contains('{') { part.to_string() } else { format!("{{{part}}}") };
    format!("{tag}:simile-load:{source}")
}

fn changed(name: &str, records: u64) -> String {
    format!(
        "{name} has changed since {records} records of it were loaded: --grown loads what was added at its end; \
         --restart loads all of it, in addition to what the scope holds"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_lies_in_the_slot_of_its_scope() {
        assert_eq!(key("issues", "a.csv"), "{issues}:simile-load:a.csv");
        assert_eq!(key("issues:{7}", "a.csv"), "issues:{7}:simile-load:a.csv");
    }
}
