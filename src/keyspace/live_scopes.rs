//! The scopes in memory: their uids, over all databases of the server.
//!
//! SIM.SWEEP must know if the scope of a chunk is gone. The chunk's name tells the name under which the
//! scope was made, but RENAME may have given it another one, and MOVE another database. Only a walk over
//! the whole keyspace could find it, again for each chunk. Instead each scope is counted by its uid, from
//! when it is made or loaded until it is freed. All values of the keyspace are in memory, so a uid that is
//! not counted belongs to no scope of this server.
//!
//! A uid may count too long, never too short: a scope that is being freed in another thread, or that is
//! being loaded from a damaged payload, still counts. Then a chunk stays until the next sweep; none is ever
//! freed too early.
//!
//! A chunk whose scope is in memory but does not list it stays, too: the scope may have come from an old
//! dump, and a newer dump may still bring the entry back.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

/// The number of scopes with each uid: more than one if a scope was renamed, and then restored from a dump
/// under its old name.
static SCOPES: LazyLock<Mutex<HashMap<u64, usize>>> = LazyLock::new(Mutex::default);

fn scopes() -> MutexGuard<'static, HashMap<u64, usize>> {
    SCOPES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A field of a scope that counts it from its creation until it is dropped, in whatever thread that is.
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

/// True if a scope with this uid is in memory.
pub fn is_live(uid: u64) -> bool {
    scopes().contains_key(&uid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_is_live_until_the_last_scope_with_it_is_freed() {
        let uid = 0x5157_ee90;
        assert!(!is_live(uid));
        let (one, other) = (LiveScope::new(uid), LiveScope::new(uid));
        drop(one);
        assert!(is_live(uid));
        drop(other);
        assert!(!is_live(uid));
    }
}
