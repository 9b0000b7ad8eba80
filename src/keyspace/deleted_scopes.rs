//! Freeing the chunks of a scope that a client has deleted by DEL or UNLINK, and those that a SIM.DROP has left.
//!
//! The server deletes only the key that it is told to. The scope's chunks would stay until they expire, or for ever
//! with INTERVAL 0. So the module listens to what happens to keys, and a timer then frees the chunks, for at most a
//! millisecond at a time; replicas receive the names. A SIM.DROP of a scope with very many chunks leaves most of them
//! to the same timer ([`free_later`]).
//!
//! A scope also leaves its key in other ways, and then its chunks must stay: it was moved to another server or
//! database, or renamed; it may be restored. The server says in two steps what has happened:
//!
//! 1. It tells the type that a value is about to leave its key ([`note_unlinked`]), whatever the reason.
//! 2. It sends an event. Of DEL and UNLINK that is `del`, also in a transaction or a script. An expiry, an eviction,
//!    a RENAME and a MOVE have other events, FLUSHALL has none.
//!
//! Only MIGRATE sends `del`, too, and so does a node of a cluster that loses a slot. MIGRATE saves the scope and deletes
//! it in one command, which [`note_saved`] recognises: between a DUMP and a DEL, the server's count of commands goes up.
//! A node that loses a slot deletes the chunks as well, so that nothing is left to free.
//!
//! What is freed is what the scope listed and nobody else has, and only if the scope was made under the name of its
//! key: the right to delete a scope gives no right to chunks that are named after another one, and events do not tell
//! whose command it was. The rest is left to SIM.SWEEP.

use super::chunk::{self, StoredChunk};
use super::scope::{Directory, Scope};
use super::{live_scopes, name};
use crate::config;
use crate::server::call::{Call, ReplicatedArg};
use crate::server::events;
use crate::server::key::{Access, Key};
use std::collections::{HashSet, VecDeque};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A scope that is no longer in its key.
#[derive(Debug)]
struct DeletedScope {
    key: Vec<u8>,
    database: i32,
    uid: u64,
    tag: Box<[u8]>,
    /// The chunks that are still to be freed.
    chunks: Directory,
    /// The number of times that the timer has found the uid in use.
    attempts: u32,
}

impl DeletedScope {
    fn new(scope: &Scope, key: &[u8], database: i32, chunks: Directory) -> DeletedScope {
        let (key, uid, tag) = (key.to_vec(), scope.uid, scope.tag().into());
        DeletedScope { key, database, uid, tag, chunks, attempts: 0 }
    }

    /// Takes the last chunk that is still to be freed: its index and its start.
    fn pop_chunk(&mut self) -> Option<(Box<[u8]>, u64)> {
        let mut last = self.chunks.last_entry()?;
        let chunk = last.get_mut().pop_last().map(|start| (last.key().clone(), start));
        if last.get().is_empty() {
            last.remove();
        }
        chunk
    }
}

/// What is known between the callbacks, all of which run in the server's main thread.
#[derive(Debug, Default)]
struct Deletions {
    /// The scope that was unlinked last, until the event that says why.
    unlinked: Option<DeletedScope>,
    /// The scopes that the latest command has saved, and the number of commands before it.
    saved: (u64, HashSet<u64>),
    /// The scopes whose chunks are to be freed. There is a timer while there are any.
    queue: VecDeque<DeletedScope>,
}

static DELETIONS: LazyLock<Mutex<Deletions>> = LazyLock::new(Mutex::default);

fn deletions() -> MutexGuard<'static, Deletions> {
    DELETIONS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Called before a scope leaves its key.
pub fn note_unlinked(scope: &Scope, key: &[u8]) {
    if !config::DEL_FREES_CHUNKS.is_yes() || !name::was_made_as(scope.tag(), scope.uid, key) {
        return;
    }
    // The database is not known yet: the event tells.
    deletions().unlinked = Some(DeletedScope::new(scope, key, 0, scope.directory().clone()));
}

/// Has chunks of a scope freed that is about to be deleted by SIM.DROP, and no longer lists them. A replica does nothing:
/// it receives the names.
pub fn free_later(call: &Call, scope: &Scope, key: &[u8], chunks: Directory) {
    if call.is_on_primary() {
        enqueue(call, &mut deletions(), DeletedScope::new(scope, key, call.database(), chunks));
    }
}

/// Adds a scope to the queue, and starts the timer if it does not run.
fn enqueue(call: &Call, deletions: &mut Deletions, scope: DeletedScope) {
    if deletions.queue.is_empty() {
        events::schedule(call, 1);
    }
    deletions.queue.push_back(scope);
}

/// Called when a scope is saved. DUMP and MIGRATE matter, snapshots do not.
pub fn note_saved(scope: &Scope) {
    if events::is_in_snapshot() {
        return;
    }
    let command = events::finished_commands();
    let saved = &mut deletions().saved;
    if saved.0 != command {
        *saved = (command, HashSet::new());
    }
    saved.1.insert(scope.uid);
}

/// Called at an event of any key: it was deleted by a client, or something else has happened to it.
pub fn on_key_event(call: &Call, key: &[u8], is_deletion: bool) {
    let mut deletions = deletions();
    let Some(mut scope) = deletions.unlinked.take_if(|scope| *scope.key == *key || !is_deletion) else {
        return;
    };
    if !is_deletion || scope.chunks.is_empty() || !call.is_on_primary() {
        return;
    }
    let is_migrated =
        deletions.saved.1.contains(&scope.uid) && deletions.saved.0 == events::finished_commands();
    if is_migrated {
        return;
    }
    scope.database = call.database();
    enqueue(call, &mut deletions, scope);
}

/// The time that the timer takes before other clients have their turn.
const TURN: Duration = Duration::from_millis(1);
/// The chunks that are freed between two looks at the clock, which replicas receive in one UNLINK.
const BATCH: usize = 50;
/// The times that the timer tries again while the uid is in use, and the milliseconds before it does. A large scope is
/// freed in another thread, and counts until then. One that was restored in the meantime keeps its chunks.
const ATTEMPTS: u32 = 100;
const PAUSE_MS: i64 = 10;

/// Called by the timer: frees chunks for a turn.
pub fn on_timer(call: &Call) {
    let mut queue = std::mem::take(&mut deletions().queue);
    // What it has become a replica of has other chunks, and decides about them.
    if !call.is_on_primary() {
        return;
    }
    let mut waiting = VecDeque::new();
    let end = Instant::now() + TURN;
    while !events::must_not_replicate() && Instant::now() < end {
        let Some(mut scope) = queue.pop_front() else { break };
        if live_scopes::is_live(scope.uid) {
            scope.attempts += 1;
            waiting.extend((scope.attempts < ATTEMPTS).then_some(scope));
            continue;
        }
        free_batch(call, &mut scope);
        if !scope.chunks.is_empty() {
            queue.push_front(scope);
        }
    }
    let pause = if queue.is_empty() || events::must_not_replicate() { PAUSE_MS } else { 1 };
    queue.extend(waiting);
    if !queue.is_empty() {
        events::schedule(call, pause);
        deletions().queue = queue;
    }
}

/// Frees some of the chunks that are left.
fn free_batch(call: &Call, scope: &mut DeletedScope) {
    call.select(scope.database);
    let mut freed = Vec::new();
    for (index, start) in std::iter::from_fn(|| scope.pop_chunk()).take(BATCH).collect::<Vec<_>>() {
        let name = name::chunk_name(&scope.tag, &index, start, scope.uid);
        let is_chunk = {
            let key = Key::open(call, &name, Access::Read);
            matches!(key.value::<StoredChunk>(), Ok(Some(stored)) if stored.has_identity(scope.uid, &index, start))
        };
        if is_chunk {
            chunk::unlink(Key::open(call, &name, Access::Write));
            freed.push(name);
        }
    }
    if !freed.is_empty() {
        let names: Vec<ReplicatedArg> = freed.iter().map(|name| ReplicatedArg::Bytes(name)).collect();
        call.replicate(c"UNLINK", &names);
    }
}
