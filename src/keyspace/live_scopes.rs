//! The scopes that are here: their uids, over all databases of the server.
//!
//! SIM.SWEEP must know whether the scope of a chunk is gone. The chunk's name says under which name
//! the scope was made, but RENAME may have given it any other, and MOVE another database, so that only
//! a walk over the whole keyspace could find out, for each chunk anew. Instead each scope in memory is
//! counted by its uid, from when it is made or loaded until it is freed. All values of the keyspace are
//! in memory, so a uid that is not counted belongs to no scope of this server.
//!
//! The other way round it may err: a scope that is being freed in another thread, or that came with a payload
//! which turns out to be damaged, counts a moment too long. Then a chunk is kept until the next sweep;
//! none is ever freed too early.
//!
//! A chunk whose scope is here but does not list it is kept, too: the scope may have come from an old
//! dump, and a newer one may still bring the entry back.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

/// The number of scopes with each uid: more than one if a scope was renamed, and its dump restored under the
/// old name.
static SCOPES: LazyLock<Mutex<HashMap<u64, usize>>> = LazyLock::new(Mutex::default);

fn scopes() -> MutexGuard<'static, HashMap<u64, usize>> {
    SCOPES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts a scope for as long as it is kept in it. It may be dropped in another thread.
#[derive(Debug)]
pub struct LiveScope(u64);

impl LiveScope {
    /// Counts a scope with this uid.
    pub fn new(uid: u64) -> LiveScope {
        *scopes().entry(uid).or_default() += 1;
        LiveScope(uid)
    }
}

impl Drop for LiveScope {
    fn drop(&mut self) {
        let mut scopes = scopes();
        if let Some(count) = scopes.get_mut(&self.0) {
            *count -= 1;
            if *count == 0 {
                scopes.remove(&self.0);
            }
        }
    }
}

/// True if a scope with this uid is here.
pub fn is_live(uid: u64) -> bool {
    scopes().contains_key(&uid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_here_until_the_last_of_its_uid_is_freed() {
        let uid = 0x5157_ee90;
        assert!(!is_live(uid));
        let (one, other) = (LiveScope::new(uid), LiveScope::new(uid));
        drop(one);
        assert!(is_live(uid));
        drop(other);
        assert!(!is_live(uid));
    }
}
