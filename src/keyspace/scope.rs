//! The `sim-scope` type: the definition of a similarity index, and the directory of its chunks.
//!
//! Each chunk of a scope is a key of its own, so that it can expire by itself. The scope finds them by a
//! directory: the starts of the chunks of each index, from which the names of their keys follow.
//!
//! ```text
//! issues                                             the scope: definition, uid ab, tag {issues}
//!   message   0, 2592000, 5184000                    its directory: index, starts of the chunks
//!   stack     5184000
//!
//! {issues}:00000000000000ab:2592000:message          the key of one of its four chunks
//! ```
//!
//! **The directory decides what exists.** A chunk that it lists may have expired or been evicted; that is
//! normal. The entry is removed when a write command finds the key gone, never by the clock. The server
//! deletes an expired key by a DEL, which replicas receive before the command. So a primary and its
//! replicas find the same keys gone and remove the same entries, whatever their clocks say. A command only
//! comes across the entries of its own index; those of indexes that are not written any longer are found by
//! [`super::dead_entries`]. A chunk's key
//! that is not listed does not belong to the scope, whatever it holds: it may come from an older dump.
//!
//! **A scope keeps its uid and its tag under RENAME**, and with them its chunks, whose names begin with
//! the tag and the uid.
//!
//! **Two keys never own the same chunks.** A scope that is restored under another name than it was
//! saved under (DUMP and RESTORE make a copy) starts empty, with a uid of its own. To detect that, the name
//! at the moment of saving is saved with the value. The new uid is derived from the old one and the new
//! name, so that a primary, its replicas and an AOF that is replayed derive the same. One case goes
//! undetected: a scope is dumped, renamed, and its dump restored under the old name.

use super::data_type::{self, ENCODING, NativeValue};
use super::live_scopes::LiveScope;
use super::name::ChunkName;
use super::totals::{Contribution, Totals};
use super::{Error, deleted_scopes, name};
use crate::index::codec::{DecodeError, MAX_NAME, Reader, Writer};
use crate::index::{Chunk, Definition};
use crate::server::call::Call;
use crate::server::defrag::Defrag;
use crate::server::io::Digest;
use crate::server::key::{Access, Key, Value};
use redis_module::native_types::RedisType;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Bound, RangeInclusive};

/// The type, as the server knows it.
pub static SCOPE: RedisType = RedisType::new("sim-scope", ENCODING, data_type::methods::<Scope>());

/// The starts of the chunks of each index.
pub type Directory = BTreeMap<Box<[u8]>, BTreeSet<u64>>;

/// A similarity index: one tenant, project or corpus.
#[derive(Debug)]
pub struct Scope {
    /// The parameters of SIM.CREATE.
    pub definition: Definition,
    /// Its identity, which is a part of its chunks' names and values: see [`name::uid_for`].
    pub uid: u64,
    tag: Box<[u8]>,
    directory: Directory,
    /// The progress of the check for dead entries: see [`Self::entries_to_check`].
    check: DirectoryCheck,
    /// Bytes of the directory, kept up to date with each change: `update_totals` needs them in constant time.
    directory_bytes: usize,
    /// Counts the uid as that of a scope in memory, until the scope is dropped.
    _live: LiveScope,
    /// Its share of the totals that INFO shows.
    contribution: Contribution,
}

// SAFETY: the values of the type come from `Key::set` and from its callbacks, which are those of
// `data_type::methods::<Scope>()`: both box them.
unsafe impl Value for Scope {
    fn redis_type() -> &'static RedisType {
        &SCOPE
    }
}

impl Scope {
    /// A scope without chunks. `tag` must come from [`name::tag`].
    pub fn new(definition: Definition, uid: u64, tag: &[u8]) -> Scope {
        debug_assert_eq!(name::tag(tag).as_deref(), Ok(tag), "a tag is its own tag");
        let mut scope = Scope {
            definition,
            uid,
            tag: tag.into(),
            directory: Directory::new(),
            check: DirectoryCheck::default(),
            directory_bytes: 0,
            _live: LiveScope::new(uid),
            contribution: Contribution::default(),
        };
        scope.update_totals();
        scope
    }

    /// The first part of the names of its chunks: see [`name`].
    pub fn tag(&self) -> &[u8] {
        &self.tag
    }

    /// The name of a chunk's key.
    pub fn chunk_name(&self, index: &[u8], start: u64) -> ChunkName {
        name::chunk_name(&self.tag, index, start, self.uid)
    }

    /// What it lists.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Takes all that it lists, before it is deleted.
    pub fn take_directory(&mut self) -> Directory {
        self.directory_bytes = 0;
        std::mem::take(&mut self.directory)
    }

    /// The names of its indexes, in the order of their bytes.
    pub fn indexes(&self) -> impl Iterator<Item = &[u8]> {
        self.directory.keys().map(|index| &**index)
    }

    /// The starts of an index's chunks in a window, oldest first.
    pub fn starts(&self, index: &[u8], window: RangeInclusive<u64>) -> impl Iterator<Item = u64> + Clone {
        self.directory.get(index).into_iter().flat_map(move |starts| starts.range(window.clone())).copied()
    }

    /// The starts of all of an index's chunks, oldest first.
    pub fn all_starts(&self, index: &[u8]) -> impl Iterator<Item = u64> + Clone {
        self.starts(index, 0..=u64::MAX)
    }

    /// True if the directory lists a chunk.
    pub fn lists(&self, index: &[u8], start: u64) -> bool {
        self.directory.get(index).is_some_and(|starts| starts.contains(&start))
    }

    /// Adds a chunk to the directory.
    pub fn add_start(&mut self, index: &[u8], start: u64) {
        match self.directory.get_mut(index) {
            Some(starts) => {
                // Nothing to count if the chunk was listed already.
                if !starts.insert(start) {
                    return;
                }
            }
            None => {
                self.directory.insert(index.into(), BTreeSet::from([start]));
                self.directory_bytes += bytes_of_index(index);
            }
        }
        self.directory_bytes += BYTES_OF_START;
        self.update_totals();
    }

    /// Removes a chunk from the directory; an index without chunks is removed, too.
    pub fn remove_start(&mut self, index: &[u8], start: u64) {
        // Nothing to do if the chunk is not listed.
        if let Some(starts) = self.directory.get_mut(index)
            && starts.remove(&start)
        {
            self.directory_bytes -= BYTES_OF_START;
            if starts.is_empty() {
                self.directory.remove(index);
                self.directory_bytes -= bytes_of_index(index);
            }
            self.update_totals();
        }
    }

    /// Removes several chunks of an index from the directory.
    pub fn remove_starts(&mut self, index: &[u8], starts: impl IntoIterator<Item = u64>) {
        starts.into_iter().for_each(|start| self.remove_start(index, start));
    }

    /// The entries of the directory that this write should check, in turn: a few every now and then, and at every
    /// write while the last check has found dead ones ([`Self::remove_dead`]).
    pub fn entries_to_check(&mut self) -> Vec<(Box<[u8]>, u64)> {
        if self.check.writes_before > 0 {
            self.check.writes_before -= 1;
            return Vec::new();
        }
        self.check.writes_before = WRITES_BETWEEN_CHECKS;
        let (index, start) = self.check.last.take().unzip();
        let from = index.as_deref().unwrap_or_default();
        let mut entries: Vec<(Box<[u8]>, u64)> = Vec::new();
        for (index, starts) in self.directory.range::<[u8], _>((Bound::Included(from), Bound::Unbounded)) {
            // Of the index that the last check has stopped in, only what comes after.
            let first = if **index == *from { start.map_or(0, |start| start + 1) } else { 0 };
            let starts = starts.range(first..).take(ENTRIES_OF_CHECK - entries.len());
            entries.extend(starts.map(|start| (index.clone(), *start)));
            if entries.len() == ENTRIES_OF_CHECK {
                self.check.last = entries.last().cloned();
                break;
            }
        }
        entries
    }

    /// Removes an entry whose chunk is gone, and has the next write check further ones.
    pub fn remove_dead(&mut self, index: &[u8], start: u64) {
        self.remove_start(index, start);
        self.check.writes_before = 0;
    }

    /// An empty chunk with the scope's bands and sketches. It is not listed yet.
    pub fn new_chunk(&self) -> Chunk {
        Chunk::with_sketches(self.definition.bands(), self.definition.scheme.sketch)
    }
}

/// The writes that pass between two checks of a directory.
const WRITES_BETWEEN_CHECKS: u32 = 15;
/// The entries that a check looks at. Each takes a lookup of its key, about as long as that of a bucket.
const ENTRIES_OF_CHECK: usize = 4;

/// How far the check for dead entries has come. It starts anew after a restart, and on every server for itself.
#[derive(Debug, Default)]
struct DirectoryCheck {
    /// The writes that pass before the next check.
    writes_before: u32,
    /// The entry that was checked last; `None` at the beginning.
    last: Option<(Box<[u8]>, u64)>,
}

/// The key of a scope, open to read.
///
/// You may find it odd that the scope is changed through a key that is open to read. Closing a key that was
/// opened to write signals a change to clients that watch it, even if there was none, and a RECORD changes
/// the scope only once an interval. So commands open it to read, and signal a change themselves if there
/// was one: see [`Call::notify_changed`].
pub struct ScopeKey<'c>(Key<'c>);

impl<'c> ScopeKey<'c> {
    /// Opens a scope's key; `None` if it is empty.
    ///
    /// # Errors
    /// The key holds something else; or the server is a node of a cluster, and the chunks are in another slot
    /// than the key. This node may not have that slot: it would not find the chunks, and a RECORD would make
    /// new ones beside them.
    pub fn open(call: &'c Call, name: &[u8]) -> Result<Option<ScopeKey<'c>>, Error> {
        let key = Key::open(call, name, Access::Read);
        let Some(scope) = key.value::<Scope>()? else { return Ok(None) };
        // A cluster itself refuses a RENAME to another slot, but not a RESTORE of a scope renamed elsewhere.
        if call.is_in_cluster() && !name::same_slot(name, &scope.tag) {
            return Err(Error::OtherSlot);
        }
        Ok(Some(ScopeKey(key)))
    }

    /// The scope.
    ///
    /// Never fails in practice: [`Self::open`] has found a scope, and nothing replaces it while the key is
    /// open. The type does not show it, because the value is looked up in the key again.
    pub fn scope(&self) -> Result<&Scope, Error> {
        self.0.value()?.ok_or(Error::WrongType)
    }

    /// The scope, to change. Never fails in practice, as [`Self::scope`].
    pub fn scope_mut(&mut self) -> Result<&mut Scope, Error> {
        self.0.value_mut()?.ok_or(Error::WrongType)
    }

    /// Puts a new scope into an empty key.
    pub fn create(call: &'c Call, name: &[u8], scope: Scope) -> ScopeKey<'c> {
        let mut key = Key::open(call, name, Access::Write);
        key.set(scope);
        ScopeKey(key)
    }

    /// Removes a scope's key.
    pub fn delete(call: &Call, name: &[u8]) {
        Key::open(call, name, Access::Write).delete();
    }
}

impl NativeValue for Scope {
    const LETTER: u8 = b's';

    fn update_totals(&mut self) {
        // The numbers of items and observations come from the chunks, which are values of their own.
        let bytes = self.memory() as u64;
        self.contribution.set(Totals { scopes: 1, bytes, ..Totals::default() });
    }

    fn before_save(&self) {
        deleted_scopes::note_saved(self);
    }

    fn before_unlink(&self, key: &[u8]) {
        deleted_scopes::note_unlinked(self, key);
    }

    fn save(&self, key: &[u8], piece: &mut dyn FnMut(&[u8])) {
        let mut writer = Writer::default();
        // The present name, by which `load` tells a copy.
        writer.write_name(key);
        writer.write_number(self.uid);
        writer.write_name(&self.tag);
        self.definition.write(&mut writer);
        // The directory: counts come before what they count.
        writer.write_number(self.directory.len() as u64);
        for (index, starts) in &self.directory {
            writer.write_name(index);
            writer.write_number(starts.len() as u64);
            starts.iter().for_each(|start| writer.write_number(*start));
        }
        piece(&writer.into_bytes());
    }

    fn load(piece: &[u8], key: &[u8]) -> Result<Scope, DecodeError> {
        // Read all of the piece, and check it, whichever of the two cases below it is.
        let mut reader = Reader::new(piece);
        let saved_as = reader.read_name()?;
        let uid = reader.read_number()?;
        let tag = reader.read_name()?;
        // A tag has a hash tag of its own, and so is its own tag. Any other would put chunks into other slots.
        if name::tag(tag).as_deref() != Ok(tag) {
            return Err(DecodeError::Name);
        }
        let mut scope = Scope::new(Definition::read(&mut reader)?, uid, tag);
        let directory = read_directory(&mut reader, scope.definition.interval)?;
        reader.end()?;
        // Under its own name it is the same scope: from an RDB, from an AOF, or moved to another node.
        if saved_as == key {
            // The whole directory at once: `add_start` would update the totals for every chunk.
            let starts: usize = directory.values().map(BTreeSet::len).sum();
            let indexes: usize = directory.keys().map(|index| bytes_of_index(index)).sum();
            scope.directory_bytes = indexes + starts * BYTES_OF_START;
            scope.directory = directory;
            scope.update_totals();
            return Ok(scope);
        }
        // Under another name it is a copy, which starts empty and is made as if it were new.
        // Its uid comes from the old one, not from chance, so that a replica derives the same.
        let tag = name::tag(key).map_err(|_| DecodeError::Name)?;
        Ok(Scope::new(scope.definition, derived_uid(uid, key), &tag))
    }

    /// A scope has only one piece.
    fn load_more(&mut self, _: &[u8]) -> Result<(), DecodeError> {
        Err(DecodeError::Trailing)
    }

    /// Moves nothing: a scope is small, and the nodes of a map cannot be moved.
    fn move_by(&mut self, _: &mut Defrag) {}

    fn digest(&self, digest: &Digest) {
        // An element for the identity and the definition, then one for each chunk.
        digest.number(self.uid).bytes(&self.tag);
        for (parameter, value) in self.definition.parameters() {
            digest.bytes(parameter.as_bytes()).bytes(value.as_bytes());
        }
        digest.end();
        for (index, starts) in &self.directory {
            starts.iter().for_each(|start| digest.bytes(index).number(*start).end());
        }
    }

    fn memory(&self) -> usize {
        size_of::<Scope>() + self.tag.len() + self.directory_bytes
    }

    fn free_effort(&self) -> usize {
        // The box of the value and the tag; of each index the name and the tree of starts, most of one node.
        2 + 2 * self.directory.len()
    }
}

/// An estimate of the bytes that the start of a chunk takes in the directory: 8, and its share of a node.
const BYTES_OF_START: usize = 16;

/// An estimate of the bytes that an index takes in the directory: its name, the headers of name and tree, and
/// its share of a node.
fn bytes_of_index(index: &[u8]) -> usize {
    index.len() + 48
}

/// The uid of a scope that is restored under another name: MurmurHash3 of the old uid and the new name,
/// so that it is the same on every server.
fn derived_uid(uid: u64, name: &[u8]) -> u64 {
    let bytes = [&uid.to_le_bytes(), name].concat();
    // `signature::hash64` gives the same and is faster; this is no hot path, so the reference
    // implementation does. It passes on errors of its reader, and a slice in memory has none: the default is
    // never used.
    name::uid_for(murmur3::murmur3_x64_128(&mut bytes.as_slice(), 0).unwrap_or_default() as u64, name)
}

/// Reads the directory of a saved scope, and checks that commands could have made it:
///
/// - indexes are in order, each with a name that a command accepts and at least one chunk;
/// - starts are in order, and multiples of the interval (0 if there is no interval).
fn read_directory(
    from: &mut Reader,
    interval: u64,
) -> Result<BTreeMap<Box<[u8]>, BTreeSet<u64>>, DecodeError> {
    let mut directory: BTreeMap<Box<[u8]>, BTreeSet<u64>> = BTreeMap::new();
    for _ in 0..from.read_number()? {
        let index = from.read_name()?;
        // In strict order, so that none comes twice and what is saved again has the same bytes.
        let is_in_order = directory.keys().next_back().is_none_or(|last| **last < *index);
        if index.is_empty() || index == b"*" || index.len() > MAX_NAME || !is_in_order {
            return Err(DecodeError::Name);
        }
        let mut starts = BTreeSet::new();
        for _ in 0..from.read_number()? {
            let start = from.read_number_in(Definition::TIMESTAMP)?;
            // `checked_rem` fails for interval 0, the scope without intervals: its only chunk starts at 0.
            let is_multiple = start.checked_rem(interval).unwrap_or(start) == 0;
            if !is_multiple || starts.last().is_some_and(|last| *last >= start) {
                return Err(DecodeError::Range);
            }
            starts.insert(start);
        }
        // `remove_start` removes an index with its last chunk.
        if starts.is_empty() {
            return Err(DecodeError::Range);
        }
        directory.insert(index.into(), starts);
    }
    Ok(directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Scope {
        let mut scope = Scope::new(Definition::default(), 7, b"{s}");
        scope.add_start(b"message", 2_592_000);
        scope.add_start(b"message", 0);
        scope.add_start(b"stack", 5_184_000);
        scope
    }

    fn saved(scope: &Scope, key: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        scope.save(key, &mut |piece| bytes.extend_from_slice(piece));
        bytes
    }

    #[test]
    fn a_scope_is_read_as_it_was_written() {
        let scope = Scope::load(&saved(&sample(), b"s"), b"s").expect("what was written is read");
        assert_eq!((scope.definition, scope.uid, &*scope.tag), (Definition::default(), 7, &b"{s}"[..]));
        assert_eq!(scope.directory, sample().directory);
    }

    #[test]
    fn under_another_name_it_is_empty_and_has_another_uid() {
        let bytes = saved(&sample(), b"s");
        let other = Scope::load(&bytes, b"t").expect("a good name");
        assert_eq!(
            (other.definition, &*other.tag, other.directory.len()),
            (Definition::default(), &b"{t}"[..], 0)
        );
        assert_ne!(other.uid, 7);
        assert_eq!(other.uid, Scope::load(&bytes, b"t").expect("a good name").uid);
        assert!(Scope::load(&bytes, b"q}r").is_err());
    }

    #[test]
    fn every_entry_is_checked_in_turn_and_dead_ones_at_once() {
        let mut scope = Scope::new(Definition::default(), 7, b"{s}");
        let entries: Vec<(Box<[u8]>, u64)> = (0..11u64).map(|n| (vec![n as u8 / 3].into(), n % 3)).collect();
        entries.iter().for_each(|(index, start)| scope.add_start(index, *start));
        let mut writes = 0;
        for round in 0..3 {
            let mut checked = Vec::new();
            while checked.len() < entries.len() {
                checked.extend(scope.entries_to_check());
                writes += 1;
            }
            assert_eq!(checked, entries, "round {round}");
        }
        assert_eq!(writes, 1 + 8 * (WRITES_BETWEEN_CHECKS + 1), "nine checks");
        let mut writes = 0;
        while !scope.directory.is_empty() {
            scope.entries_to_check().iter().for_each(|(index, start)| scope.remove_dead(index, *start));
            writes += 1;
        }
        assert_eq!(writes, WRITES_BETWEEN_CHECKS + 3);
    }

    #[test]
    fn changed_bytes_are_refused_or_a_scope_within_limits() {
        let bytes = saved(&sample(), b"s");
        for place in 0..bytes.len() {
            assert!(Scope::load(&bytes[..place], b"s").is_err());
            for value in 0..=255 {
                let mut bytes = bytes.clone();
                bytes[place] = value;
                if let Ok(scope) = Scope::load(&bytes, b"s") {
                    let again = Scope::load(&saved(&scope, b"s"), b"s").expect("a valid scope");
                    assert_eq!(again.directory, scope.directory);
                }
            }
        }
    }
}
