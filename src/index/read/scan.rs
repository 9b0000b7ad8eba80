//! Going through all items of an index in steps, while it changes.
//!
//! # The order
//! A scan goes through the chunks from the oldest to the newest, and through the items of each chunk from the largest
//! id to the smallest. So a position is a chunk's start and an id, below which the items are still to be scanned:
//!
//! ```text
//! chunk 60     id 0 1 2 3 4 5        scanned
//! chunk 120    id 0 1 2 3 4 5 6 7    scanned down to 3; the position is (120, 3), and the next step begins with 2
//! chunk 180    id 0 1 2 3            not begun
//! ```
//!
//! An item may be in several chunks. It is returned from the newest of them, with its observations in all of
//! them. So in an index that does not change, each item is returned once.
//!
//! # The guarantee
//! An item that is in the index from the first step to the last is returned at least once.
//!
//! When an item is removed from a chunk, another one moves to its place. It only ever moves to a smaller id: if the
//! scan has passed it, it may be returned again, and if not, the scan is still to come to where it is now.
//!
//! Call the newest chunk that has an item its *last* chunk. While the item is in the index, its last chunk only
//! changes to a newer one: chunks expire oldest first, so when the last chunk expires, the item is gone. When
//! the item is recorded in a newer chunk, there are two cases. Either the scan has not reached the item's id
//! there yet, and will return it from there. Or the item got an id that the scan has passed already. Then the
//! scan has been through all older chunks, and has returned the item from the one that was its last chunk at
//! the time.
//!
//! This is the guarantee of Redis's SCAN, with less effort. SCAN counts with the bits of its cursor reversed,
//! because the cells of a hash table split and join when the table is resized.
//!
//! # What it does not cover
//! Ids are assigned anew when an index is loaded, so the guarantee ends with the server's process, like that of
//! SCAN. And only expiry removes the oldest chunk first. Eviction may remove an item's last chunk before the
//! scan gets there, after the scan has passed over the item in an older chunk; and FORGET may remove the item from it.

use crate::index::Chunk;
use crate::index::chunk::hash;
use std::cmp::Ordering;

/// The position at which a scan continues. The default is the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScanPosition {
    /// The start of the chunk: seconds since the epoch.
    pub chunk_start: u64,
    /// The ids of that chunk that have not been looked at are smaller. 0 if none of them has been.
    pub id: u32,
}

/// The result of a step: items with their observations in all chunks, and the position at which the next
/// step begins, `None` at the end of the scan.
pub type ScanStep<'a> = (Vec<(&'a [u8], u64)>, Option<ScanPosition>);

/// The most ids that a step looks at, for each item that it is asked for. Some ids may be holes.
const IDS_PER_ITEM: usize = 10;

/// Carries out one step of a scan: looks at up to `count` items, beginning at a position.
///
/// `chunks` are all chunks of the index with their starts, oldest first. A step may return fewer than `count`
/// items, or none at all, because of holes and of items that are also in a newer chunk.
pub fn scan<'a>(chunks: &[(u64, &'a Chunk)], from: ScanPosition, count: usize) -> ScanStep<'a> {
    debug_assert!(chunks.is_sorted_by(|(one, _), (other, _)| one < other));
    let mut found = Vec::new();
    let mut items_left = count;
    let mut ids_left = count.saturating_mul(IDS_PER_ITEM);
    for (number, &(start, chunk)) in chunks.iter().enumerate() {
        // Skip the chunks before the position. If its own chunk has expired, begin with the next one's last id.
        let end = chunk.items().end();
        let end = match start.cmp(&from.chunk_start) {
            Ordering::Less => continue,
            Ordering::Equal if from.id > 0 => from.id.min(end),
            _ => end,
        };
        for id in (0..end).rev() {
            // The step ends in front of this id, and the next one begins with it.
            if items_left == 0 || ids_left == 0 {
                return (found, Some(ScanPosition { chunk_start: start, id: id + 1 }));
            }
            ids_left -= 1;
            let is_used = chunk.items().observations(id) > 0;
            if is_used {
                // An item that is returned from a newer chunk counts too: it takes as much work.
                items_left -= 1;
                found.extend(total_if_newest(chunks, number, id));
            }
        }
    }
    (found, None)
}

/// The name of an item in the chunk with this number, and its observations in all chunks. `None` if a newer
/// chunk has the item too: it is returned from there.
fn total_if_newest<'a>(chunks: &[(u64, &'a Chunk)], number: usize, id: u32) -> Option<(&'a [u8], u64)> {
    let (older, from_here) = chunks.split_at_checked(number)?;
    let (&(_, chunk), newer) = from_here.split_first()?;
    let name = chunk.items().name(id);
    let hash = hash::name(name);
    if newer.iter().any(|(_, chunk)| chunk.item_id_by_hash(name, hash).is_some()) {
        return None;
    }
    let in_older = older.iter().filter_map(|(_, chunk)| Some((chunk, chunk.item_id_by_hash(name, hash)?)));
    let observations = in_older.map(|(chunk, id)| u64::from(chunk.items().observations(id))).sum::<u64>();
    Some((name, observations + u64::from(chunk.items().observations(id))))
}
