//! Going through all items of an index in steps, while it changes.
//!
//! # What is guaranteed
//!
//! An item that is in the index from the first step to the last is returned at least once.
//!
//! A scan goes through the chunks from the oldest to the newest, and through each by the ids of its
//! items, which an item keeps as long as it is in the chunk. New items may take ids that were passed,
//! and chunks that expire take their items along; but chunks expire from the oldest on, so that what
//! is lost before the scan comes to it and still is in the index lies in a later chunk, which the scan
//! has not begun.
//!
//! An item is returned in the newest of the chunks that have it, with its observations in all: so in
//! an index that does not change, each comes once. Where that chunk expires before the scan is there,
//! the item is in a newer one, or no longer in the index.
//!
//! Ids are given anew when an index is loaded, so the guarantee, like that of Redis's SCAN, is one
//! for a scan within the life of a server's process. And only expiry goes by age: eviction, which may
//! take any chunk, may take items out of a scan's way that a passed chunk has got meanwhile.

use crate::index::Chunk;
use crate::index::chunk::hash;

/// Where a scan goes on. The default is the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScanPosition {
    /// The start of the chunk.
    pub start: u64,
    /// The first id there that was not looked at.
    pub id: u32,
}

/// What a step of a scan found: items with their observations in all chunks, and where to go on;
/// `None` at the end.
pub type ScanStep<'a> = (Vec<(&'a [u8], u64)>, Option<ScanPosition>);

/// Ids that are looked at for each item: most may be free.
const IDS: usize = 10;

/// Looks at the next `count` items, more or less, of an index whose chunks, oldest first, each stand
/// behind their start.
pub fn scan<'a>(chunks: &[(u64, &'a Chunk)], from: ScanPosition, count: usize) -> ScanStep<'a> {
    let (mut found, mut items, mut ids) = (Vec::new(), count, count.saturating_mul(IDS));
    for (at, (start, chunk)) in chunks.iter().enumerate().filter(|(_, (start, _))| *start >= from.start) {
        let first = if *start == from.start { from.id } else { 0 };
        for id in first..chunk.items().end() {
            if items == 0 || ids == 0 {
                return (found, Some(ScanPosition { start: *start, id }));
            }
            ids -= 1;
            if chunk.items().observations(id) > 0 {
                items -= 1;
                found.extend(as_newest(chunks, at, chunk, id));
            }
        }
    }
    (found, None)
}

/// An item with its observations in all chunks, unless a newer chunk than this one has it too.
fn as_newest<'a>(
    chunks: &[(u64, &'a Chunk)],
    at: usize,
    chunk: &'a Chunk,
    id: u32,
) -> Option<(&'a [u8], u64)> {
    let name = chunk.items().name(id);
    let hash = hash::name(name);
    let (older, newer) = (chunks.get(..at)?, chunks.get(at + 1..)?);
    if newer.iter().any(|(_, chunk)| chunk.item_by_hash(name, hash).is_some()) {
        return None;
    }
    let in_older = older.iter().filter_map(|(_, chunk)| Some((chunk, chunk.item_by_hash(name, hash)?)));
    let observations = in_older.map(|(chunk, id)| u64::from(chunk.items().observations(id))).sum::<u64>();
    Some((name, observations + u64::from(chunk.items().observations(id))))
}
