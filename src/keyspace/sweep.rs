//! Chunks whose scope is gone: deleted, expired or evicted without SIM.DROP.

use super::chunk::StoredChunk;
use super::live_scopes;
use crate::server::call::Call;
use crate::server::key::{Access, Key};
use crate::server::scan::{self, Cursor};

/// What became of some keys.
pub struct Swept {
    /// Where to go on; 0 at the end.
    pub next: Cursor,
    /// The names of the chunks that were freed.
    pub freed: Vec<Vec<u8>>,
}

/// Looks at about `count` keys of the database and frees the chunks whose scope is gone; `None` where
/// the server does not go over its keys.
pub fn some(call: &Call, from: Cursor, count: u64) -> Option<Swept> {
    let page = scan::keys_of_type(call, from, count, c"sim-chunk")?;
    let freed = page.keys.into_iter().filter(|name| is_orphan(call, name)).collect::<Vec<_>>();
    freed.iter().for_each(|name| free(call, name));
    Some(Swept { next: page.next, freed })
}

fn is_orphan(call: &Call, name: &[u8]) -> bool {
    let key = Key::open(call, name, Access::Read);
    matches!(key.value::<StoredChunk>(), Ok(Some(stored)) if !live_scopes::is_live(stored.uid()))
}

fn free(call: &Call, name: &[u8]) {
    let mut key = Key::open(call, name, Access::Write);
    if let Ok(Some(stored)) = key.value_mut::<StoredChunk>() {
        stored.is_dropped = true;
    }
    key.unlink();
}
