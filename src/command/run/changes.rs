//! Changing items in all chunks of an index, for MERGE and DELETE.
//!
//! Both name items by pairs of an index, or `*`, and an item. [`items_by_index`] turns the pairs into
//! the items of each index; the command then checks every index, and only then lets [`change_chunks`]
//! change them.

use super::cost;
use crate::command::error::Error;
use crate::command::parse::item_pairs::Pair;
use crate::index::Chunk;
use crate::keyspace::scope::{Scope, ScopeKey};
use crate::keyspace::window::{self, ChunkKey, Window};
use crate::server::call::Call;
use crate::server::key::Access;
use std::collections::{BTreeMap, BTreeSet};

/// The items of each index.
pub type ItemsByIndex<'a> = BTreeMap<Vec<u8>, BTreeSet<&'a [u8]>>;

/// The items that the pairs name, for each index of the scope that has any. An item that is named twice
/// counts once: after the first change, nothing of it would be left.
pub fn items_by_index<'a>(call: &Call, scope: &Scope, pairs: &[Pair<'a>]) -> Result<ItemsByIndex<'a>, Error> {
    let indexes = scope.indexes().count() as u64;
    cost::spend(call, pairs.len() as u64 * (2 * cost::NAME + indexes))?;
    let mut items_by_index = ItemsByIndex::new();
    for index in scope.indexes() {
        let of_index = pairs.iter().filter(|(named, _)| named.is_none_or(|named| named == index));
        let items: BTreeSet<&[u8]> = of_index.map(|(_, item)| *item).collect();
        if !items.is_empty() {
            items_by_index.insert(index.to_vec(), items);
        }
    }
    Ok(items_by_index)
}

/// Charges for changing these items in all chunks of an index: for looking each up in every chunk, and for
/// removing it from its buckets.
pub fn charge(call: &Call, chunks: &[&Chunk], items: &BTreeSet<&[u8]>) -> Result<(), Error> {
    items.iter().try_for_each(|item| cost::charge_removal(call, item, chunks))
}

/// Charges for deleting these items of an index, and checks that every chunk can be changed.
pub fn check_deletion(
    call: &Call,
    scope: &Scope,
    index: &[u8],
    items: &BTreeSet<&[u8]>,
) -> Result<(), Error> {
    let window = cost::open_all_charged(call, scope, index, 4)?;
    window::check_all_writable(call, scope, index)?;
    charge(call, &window.chunks(), items)
}

/// Deletes items of an index in every live chunk, and removes the entries of chunks that were left empty, and so
/// deleted, from the directory. Returns the number of items that were there.
pub fn delete(
    call: &Call,
    key: &mut ScopeKey,
    index: &[u8],
    items: &BTreeSet<&[u8]>,
) -> Result<usize, Error> {
    let deleted = change_chunks(call, key.scope()?, index, items, Chunk::delete)?;
    if deleted > 0 {
        let gone = window::gone_starts(call, key.scope()?, index)?;
        key.scope_mut()?.remove_starts(index, gone);
    }
    Ok(deleted)
}

/// Calls `change` for each live chunk of an index and each of the items that it has, and then deletes
/// chunks that are left empty. Returns the number of items for which `change` returned true in at least
/// one chunk.
///
/// # Errors
/// A chunk has moved to another node of the cluster. Callers check all chunks before, so this never
/// happens after the first change.
pub fn change_chunks(
    call: &Call,
    scope: &Scope,
    index: &[u8],
    items: &BTreeSet<&[u8]>,
    change: impl Fn(&mut Chunk, &[u8]) -> bool,
) -> Result<usize, Error> {
    let mut changed = BTreeSet::new();
    for start in scope.all_starts(index) {
        // Look for the items with the key open to read: closing a key that was open to write signals a
        // change to clients that watch it, and most chunks have none of the items.
        let window = Window::open(call, scope, index, std::iter::once(start))?;
        let is_in_chunk = |item: &&&[u8]| window.chunks().iter().any(|chunk| chunk.item_id(item).is_some());
        let in_chunk: Vec<&[u8]> = items.iter().filter(is_in_chunk).copied().collect();
        drop(window);
        if in_chunk.is_empty() {
            continue;
        }
        // Then change, with the key open to write, and delete the chunk if it is empty now.
        let Some(mut key) = ChunkKey::open(call, scope, index, start, Access::Write)? else { continue };
        key.modify(|chunk| changed.extend(in_chunk.into_iter().filter(|item| change(chunk, item))));
        if key.chunk().is_some_and(Chunk::is_empty) {
            key.delete();
        }
    }
    Ok(changed.len())
}
