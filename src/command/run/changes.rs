//! What MERGE and DELETE share: the items of each index, and the walk over the chunks that have some of them.

use super::cost;
use crate::command::error::Error;
use crate::command::parse::item_pairs::Pair;
use crate::index::Chunk;
use crate::keyspace::scope::Scope;
use crate::keyspace::window::{ChunkKey, Window};
use crate::server::call::Call;
use crate::server::key::Access;
use std::collections::{BTreeMap, BTreeSet};

/// The items of each index.
pub type ByIndex<'a> = BTreeMap<Vec<u8>, BTreeSet<&'a [u8]>>;

/// The items of each index of the scope that the pairs name, each once: a second one would find
/// nothing left.
///
/// # Errors
/// There are too many.
pub fn by_index<'a>(call: &Call, scope: &Scope, pairs: &[Pair<'a>]) -> Result<ByIndex<'a>, Error> {
    let indexes = scope.indexes().count() as u64;
    cost::spend(call, pairs.len() as u64 * (2 * cost::NAME + indexes))?;
    let items_of = |index: &[u8]| {
        let named = pairs.iter().filter(|(named, _)| named.is_none_or(|named| named == index));
        named.map(|(_, item)| *item).collect::<BTreeSet<_>>()
    };
    let items = scope.indexes().map(|index| (index.to_vec(), items_of(index)));
    Ok(items.filter(|(_, items)| !items.is_empty()).collect())
}

/// Holds that it is not too much to change these items of an index, whatever they are given to.
///
/// # Errors
/// It is.
pub fn check_cost(call: &Call, scope: &Scope, index: &[u8], items: &BTreeSet<&[u8]>) -> Result<(), Error> {
    let window = Window::open_all(call, scope, index)?;
    let chunks = window.chunks();
    cost::spend(call, (items.len() * chunks.len()) as u64)?;
    let buckets = items.iter().flat_map(|item| chunks.iter().map(|chunk| chunk.buckets_of(item)));
    cost::spend(call, buckets.sum::<usize>() as u64 * cost::ENTRY)
}

/// Lets `change` have each live chunk of an index that has some of the items, with those that it has,
/// and deletes what it leaves empty. Returns for how many of the items it said yes in any chunk.
///
/// # Errors
/// A chunk is on its way to another node of the cluster; the caller has seen to it that this shows
/// before anything is changed.
pub fn change_chunks(
    call: &Call,
    scope: &Scope,
    index: &[u8],
    items: &BTreeSet<&[u8]>,
    change: impl Fn(&mut Chunk, &[u8]) -> bool,
) -> Result<usize, Error> {
    let mut found = BTreeSet::new();
    for start in scope.all_starts(index) {
        // Opened to read first: closing a key that was opened to write is a signal.
        let window = Window::open(call, scope, index, std::iter::once(start))?;
        let has = |item: &&&[u8]| window.chunks().iter().any(|chunk| chunk.item(item).is_some());
        let there: Vec<&[u8]> = items.iter().filter(has).copied().collect();
        drop(window);
        if there.is_empty() {
            continue;
        }
        let Some(mut key) = ChunkKey::open(call, scope, index, start, Access::Write)? else { continue };
        key.modify(|chunk| found.extend(there.into_iter().filter(|item| change(chunk, item))));
        if key.chunk().is_some_and(Chunk::is_empty) {
            key.delete();
        }
    }
    Ok(found.len())
}
