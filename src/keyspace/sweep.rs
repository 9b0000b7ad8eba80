//! Freeing chunks whose scope is gone: expired or evicted, or deleted and [`super::deleted_scopes`] left its chunks.
//!
//! A sweep walks over the keys of type `sim-chunk` page by page, as SCAN does, and frees every chunk
//! whose uid [`live_scopes`] does not know, if the caller may delete its key.

use super::chunk::{self, StoredChunk};
use super::live_scopes;
use crate::server::call::Call;
use crate::server::key::{Access, Key};
use crate::server::rights;
use crate::server::scan::{self, Cursor};

/// The result of one step of a sweep.
pub struct SweepStep {
    /// The position to go on from; 0 at the end.
    pub next: Cursor,
    /// The names of the chunks that were freed.
    pub freed: Vec<Vec<u8>>,
}

/// Carries out one step: looks at about `count` keys of the database from a position on, and frees the chunks
/// whose scope is gone and which the caller may delete. `None` if the server refuses to walk over its keys.
pub fn step(call: &Call, from: Cursor, count: u64) -> Option<SweepStep> {
    let page = scan::keys_of_type(call, from, count, c"sim-chunk")?;
    let freed = page
        .keys
        .into_iter()
        .filter(|name| is_orphan(call, name) && rights::may_delete(call, name))
        .collect::<Vec<_>>();
    // Only orphans are opened to write: closing such a key signals a change to clients that watch it.
    freed.iter().for_each(|name| chunk::unlink(Key::open(call, name, Access::Write)));
    Some(SweepStep { next: page.next, freed })
}

/// True if the key holds a chunk whose scope is gone.
fn is_orphan(call: &Call, name: &[u8]) -> bool {
    let key = Key::open(call, name, Access::Read);
    matches!(key.value::<StoredChunk>(), Ok(Some(stored)) if !live_scopes::is_live(stored.uid()))
}
