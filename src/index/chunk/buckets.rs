//! The buckets of a chunk, and the postings of each: which items were seen in it, and how often.
//!
//! Nearly all buckets have a single member, so a bucket is laid out for that: 16 bytes hold its band,
//! its bytes, and its one posting. A few postings lie in a list of the arena and are scanned; a hot
//! bucket has blocks of its own, and a table that finds an item's posting.

use super::hash;
use crate::index::memory::arena::Arena;
use crate::index::memory::id_table::IdTable;
use crate::index::memory::lists::{ListPool, ListRef};
use crate::index::memory::mover::Mover;
use crate::index::memory::segmented_vec::SegmentedVec;

/// An item in a bucket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Posting {
    /// The item's id in this chunk.
    pub item: u32,
    /// How many of the item's observations fell into the bucket; at least 1.
    pub count: u32,
}

/// An item's side of a posting: a bucket that it is in.
#[derive(Debug, Clone, Copy)]
pub struct ItemBucket<'a> {
    /// The bucket's id in this chunk.
    pub bucket: u32,
    /// Its band.
    pub band: u16,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// How many of the item's observations fell into it.
    pub count: u32,
}

/// Postings that are scanned; more make the bucket hot.
const FEW: usize = 32;
/// The longest bucket whose bytes lie in its record.
const INLINE: usize = 8;

const BAND_BITS: u32 = 10;
const LENGTH_BITS: u32 = 4;
/// The length of a bucket whose bytes lie in the arena.
const LONG: usize = (1 << LENGTH_BITS) - 1;

/// Where a bucket's postings are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// One item with a count below 65,536: `place` is the item, `n` the count.
    Lone = 0,
    /// A list: `place` and `n` are its place and length.
    Few = 1,
    /// `place` is the number of the hot bucket.
    Hot = 2,
    /// The record is not in use.
    Free = 3,
}

/// What a chunk keeps of one bucket: 16 bytes.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// The bytes, or their place and length in the arena.
    key: [u8; INLINE],
    /// Band, length of the bytes, and state.
    meta: u16,
    n: u16,
    place: u32,
}

impl Bucket {
    fn new(band: u16, length: usize, key: [u8; INLINE]) -> Bucket {
        let mut bucket = Bucket { key, meta: band | (length as u16) << BAND_BITS, n: 0, place: 0 };
        bucket.set(State::Few, 0, 0);
        bucket
    }

    fn band(&self) -> u16 {
        self.meta & ((1 << BAND_BITS) - 1)
    }

    fn length(&self) -> usize {
        usize::from(self.meta >> BAND_BITS) & LONG
    }

    fn state(&self) -> State {
        match self.meta >> (BAND_BITS + LENGTH_BITS) {
            0 => State::Lone,
            1 => State::Few,
            2 => State::Hot,
            _ => State::Free,
        }
    }

    fn set(&mut self, state: State, place: u32, n: u16) {
        let shift = BAND_BITS + LENGTH_BITS;
        self.meta = self.meta & ((1 << shift) - 1) | (state as u16) << shift;
        (self.place, self.n) = (place, n);
    }

    /// Whether both have the same band and bytes, the other's in its record.
    fn is_same_inline(&self, other: &Bucket) -> bool {
        let identity = (1 << (BAND_BITS + LENGTH_BITS)) - 1;
        self.key == other.key && (self.meta ^ other.meta) & identity == 0
    }

    fn list(&self) -> ListRef {
        ListRef::from_parts(self.place, self.n.into())
    }

    /// The bytes, which may lie in the arena.
    fn bytes<'a>(&'a self, arena: &'a Arena<u8>) -> &'a [u8] {
        match self.length() {
            LONG => {
                let (place, length) = self.long();
                arena.run(place, length)
            }
            length => &self.key[..length],
        }
    }

    /// Place and length of bytes that lie in the arena.
    fn long(&self) -> (u32, usize) {
        let [a, b, c, d, e, f, g, h] = self.key;
        (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]) as usize)
    }
}

/// A bucket to look for, prepared once for all tables that it is looked for in.
#[derive(Debug, Clone, Copy)]
pub struct BucketKey<'a> {
    bytes: &'a [u8],
    /// [`hash::bucket`].
    hash: u32,
    /// Its record; where the bytes do not lie there, it lacks their place.
    record: Bucket,
}

impl<'a> BucketKey<'a> {
    /// A bucket of a band.
    pub fn new(band: u16, bytes: &'a [u8]) -> BucketKey<'a> {
        BucketKey::with_hash(band, bytes, hash::bucket(band, bytes))
    }

    /// The same, for a caller who has its [`hash::bucket`].
    pub fn with_hash(band: u16, bytes: &'a [u8], hash: u32) -> BucketKey<'a> {
        let mut key = [0; INLINE];
        let record = if let Ok(full) = bytes.try_into() {
            Bucket::new(band, INLINE, full) // the usual length, whose copy is one move
        } else if let Some(short) = key.get_mut(..bytes.len()) {
            short.copy_from_slice(bytes);
            Bucket::new(band, bytes.len(), key)
        } else {
            Bucket::new(band, LONG, key)
        };
        BucketKey { bytes, hash, record }
    }
}

/// A bucket with many members.
#[derive(Debug, Default)]
struct Hot {
    postings: SegmentedVec<Posting>,
    /// The position of each item's posting.
    positions: IdTable,
    /// The sum of the counts.
    total: u64,
    /// No count is larger; there may have been one that was.
    largest: u32,
}

impl Hot {
    fn position(&self, item: u32) -> Option<usize> {
        let is = |at: u32| self.postings[at as usize].item == item;
        self.positions.find(hash::id(item), is).map(|at| at as usize)
    }

    fn push(&mut self, posting: Posting) {
        let at = self.postings.len() as u32;
        (self.total, self.largest) = (self.total + u64::from(posting.count), self.largest.max(posting.count));
        self.postings.push(posting);
        let postings = &self.postings;
        self.positions.insert(hash::id(posting.item), at, |at| hash::id(postings[at as usize].item));
    }

    /// Adds to the count of the posting at a position, and returns the sum.
    fn add(&mut self, at: usize, count: u32) -> u32 {
        let posting = &mut self.postings[at];
        posting.count += count;
        (self.total, self.largest) = (self.total + u64::from(count), self.largest.max(posting.count));
        posting.count
    }

    fn remove(&mut self, at: usize) {
        self.total -= u64::from(self.postings[at].count);
        let last = self.postings.len() - 1;
        self.positions.remove(hash::id(self.postings[at].item), at as u32);
        if at < last {
            let moved = self.postings[last].item;
            self.positions.replace(hash::id(moved), last as u32, at as u32);
        }
        self.postings.swap_remove(at);
    }
}

/// The buckets of one chunk, by dense ids that are used again after a removal.
#[derive(Debug, Default)]
pub struct Buckets {
    records: SegmentedVec<Bucket>,
    free: SegmentedVec<u32>,
    table: IdTable,
    /// The bytes of buckets longer than [`INLINE`].
    bytes: Arena<u8>,
    few: ListPool<Posting>,
    hot: Vec<Hot>,
    free_hot: Vec<u32>,
}

impl Buckets {
    /// How many buckets there are.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// The id of a bucket.
    pub fn find(&self, key: &BucketKey) -> Option<u32> {
        self.table.find(key.hash, |id| self.is(id, key))
    }

    /// Whether a bucket may be there: see [`IdTable::may_have`].
    #[inline]
    pub fn may_have(&self, key: &BucketKey) -> bool {
        self.table.may_have(key.hash)
    }

    #[inline]
    fn is(&self, id: u32, key: &BucketKey) -> bool {
        let bucket = &self.records[id as usize];
        if key.bytes.len() <= INLINE {
            bucket.is_same_inline(&key.record)
        } else {
            bucket.band() == key.record.band() && self.bytes(id) == key.bytes
        }
    }

    /// The band that the bucket is in.
    pub fn band(&self, id: u32) -> u16 {
        self.records[id as usize].band()
    }

    /// The bucket's bytes.
    pub fn bytes(&self, id: u32) -> &[u8] {
        self.records[id as usize].bytes(&self.bytes)
    }

    /// How many items are in the bucket.
    pub fn member_count(&self, id: u32) -> usize {
        let bucket = &self.records[id as usize];
        match bucket.state() {
            State::Lone => 1,
            State::Hot => self.hot[bucket.place as usize].postings.len(),
            State::Few | State::Free => bucket.n.into(),
        }
    }

    /// Whether an item is the bucket's only member; where it had very many observations, that may
    /// not be seen.
    pub fn is_sole_member(&self, id: u32, item: u32) -> bool {
        let bucket = &self.records[id as usize];
        bucket.state() == State::Lone && bucket.place == item
    }

    /// The bucket's postings, in no order.
    pub fn postings(&self, id: u32) -> impl Iterator<Item = Posting> {
        let bucket = &self.records[id as usize];
        let (lone, few, hot) = match bucket.state() {
            State::Lone => {
                (Some(Posting { item: bucket.place, count: bucket.n.into() }), ListRef::default(), None)
            }
            State::Hot => (None, ListRef::default(), Some(&self.hot[bucket.place as usize].postings)),
            State::Few | State::Free => (None, bucket.list(), None),
        };
        let hot = hot.into_iter().flat_map(SegmentedVec::iter);
        lone.into_iter().chain(self.few.short(few).iter().chain(hot).copied())
    }

    /// A bucket that the item is in.
    pub fn entry(&self, id: u32, item: u32) -> ItemBucket<'_> {
        let bucket = &self.records[id as usize];
        let (band, bytes) = (bucket.band(), bucket.bytes(&self.bytes));
        ItemBucket { bucket: id, band, bytes, count: self.count(id, item) }
    }

    /// How many of the item's observations fell into the bucket.
    pub fn count(&self, id: u32, item: u32) -> u32 {
        let bucket = &self.records[id as usize];
        match bucket.state() {
            State::Lone if bucket.place == item => bucket.n.into(),
            State::Lone | State::Free => 0,
            State::Few => self
                .few
                .short(bucket.list())
                .iter()
                .find(|posting| posting.item == item)
                .map_or(0, |p| p.count),
            State::Hot => {
                let hot = &self.hot[bucket.place as usize];
                hot.position(item).map_or(0, |at| hot.postings[at].count)
            }
        }
    }

    /// The sum of all items' counts in the bucket.
    pub fn total(&self, id: u32) -> u64 {
        let bucket = &self.records[id as usize];
        match bucket.state() {
            State::Hot => self.hot[bucket.place as usize].total,
            _ => self.postings(id).map(|posting| u64::from(posting.count)).sum(),
        }
    }

    /// A count that no item's count in the bucket passes: the largest, or one that was.
    pub fn max_count_bound(&self, id: u32) -> u32 {
        let bucket = &self.records[id as usize];
        match bucket.state() {
            State::Hot => self.hot[bucket.place as usize].largest,
            _ => self.postings(id).map(|posting| posting.count).max().unwrap_or(0),
        }
    }

    /// The id of a bucket. It is added where it is not there, and must get a posting next.
    pub fn find_or_add(&mut self, key: &BucketKey) -> u32 {
        if let Some(id) = self.find(key) {
            return id;
        }
        let record = self.new_record(key);
        let id = match self.free.pop() {
            Some(id) => {
                self.records[id as usize] = record;
                id
            }
            None => {
                self.records.push(record);
                self.records.len() as u32 - 1
            }
        };
        let (records, bytes) = (&self.records, &self.bytes);
        self.table.insert(key.hash, id, |id| {
            let bucket = &records[id as usize];
            hash::bucket(bucket.band(), bucket.bytes(bytes))
        });
        id
    }

    fn new_record(&mut self, key: &BucketKey) -> Bucket {
        let BucketKey { bytes, mut record, .. } = *key;
        if bytes.len() > INLINE {
            let place = self.bytes.alloc(bytes.len());
            self.bytes.run_mut(place, bytes.len()).copy_from_slice(bytes);
            record.key[..4].copy_from_slice(&place.to_le_bytes());
            record.key[4..].copy_from_slice(&(bytes.len() as u32).to_le_bytes());
        }
        record
    }

    /// Adds to an item's count in a bucket, and returns the new count. It equals `count` where the
    /// item has not been in the bucket before.
    pub fn add(&mut self, id: u32, item: u32, count: u32) -> u32 {
        let bucket = self.records[id as usize];
        match bucket.state() {
            State::Lone if bucket.place == item => {
                let sum = u32::from(bucket.n) + count;
                match u16::try_from(sum) {
                    Ok(n) => self.records[id as usize].n = n,
                    Err(_) => self.make_list(id, &[Posting { item, count: sum }]),
                }
                sum
            }
            State::Lone => {
                let first = Posting { item: bucket.place, count: bucket.n.into() };
                self.make_list(id, &[first, Posting { item, count }]);
                count
            }
            State::Few | State::Free => self.add_to_list(id, Posting { item, count }),
            State::Hot => {
                let hot = &mut self.hot[bucket.place as usize];
                match hot.position(item) {
                    Some(at) => hot.add(at, count),
                    None => {
                        hot.push(Posting { item, count });
                        count
                    }
                }
            }
        }
    }

    fn add_to_list(&mut self, id: u32, posting: Posting) -> u32 {
        let mut list = self.records[id as usize].list();
        if let Some(at) = self.position(list, posting.item) {
            let there = self.few.get_mut(list, at);
            there.count += posting.count;
            return there.count;
        }
        let bucket = &mut self.records[id as usize];
        match u16::try_from(posting.count) {
            Ok(n) if list.len() == 0 => bucket.set(State::Lone, posting.item, n),
            _ if list.len() < FEW => {
                self.few.push(&mut list, posting);
                bucket.set(State::Few, list.place(), list.len() as u16);
            }
            _ => self.make_hot(id, posting),
        }
        posting.count
    }

    /// Where an item's posting is in a list.
    fn position(&self, list: ListRef, item: u32) -> Option<usize> {
        self.few.short(list).iter().position(|posting| posting.item == item)
    }

    fn make_list(&mut self, id: u32, postings: &[Posting]) {
        let mut list = ListRef::default();
        postings.iter().for_each(|posting| self.few.push(&mut list, *posting));
        self.records[id as usize].set(State::Few, list.place(), list.len() as u16);
    }

    fn make_hot(&mut self, id: u32, posting: Posting) {
        let list = self.records[id as usize].list();
        let mut hot = Hot::default();
        self.few.short(list).iter().for_each(|posting| hot.push(*posting));
        hot.push(posting);
        self.few.free(list);
        let number = self.free_hot.pop().unwrap_or_else(|| {
            self.hot.push(Hot::default());
            self.hot.len() as u32 - 1
        });
        self.hot[number as usize] = hot;
        self.records[id as usize].set(State::Hot, number, 0);
    }

    /// Takes an item out of a bucket, and returns the count that it had there. A bucket that this
    /// empties is removed.
    pub fn remove(&mut self, id: u32, item: u32) -> u32 {
        let bucket = self.records[id as usize];
        let count = self.count(id, item);
        match bucket.state() {
            _ if count == 0 => {}
            State::Lone | State::Free => self.remove_bucket(id),
            State::Few => {
                let mut list = bucket.list();
                if let Some(at) = self.position(list, item) {
                    self.few.swap_remove(&mut list, at);
                }
                self.records[id as usize].set(State::Few, list.place(), list.len() as u16);
                if list.len() == 0 {
                    self.remove_bucket(id);
                }
            }
            State::Hot => {
                let hot = &mut self.hot[bucket.place as usize];
                if let Some(at) = hot.position(item) {
                    hot.remove(at);
                }
                if hot.postings.len() == 0 {
                    *hot = Hot::default();
                    self.free_hot.push(bucket.place);
                    self.remove_bucket(id);
                }
            }
        }
        count
    }

    fn remove_bucket(&mut self, id: u32) {
        self.table.remove(hash::bucket(self.band(id), self.bytes(id)), id);
        let bucket = &mut self.records[id as usize];
        if bucket.length() == LONG {
            let (place, length) = bucket.long();
            self.bytes.free(place, length);
        }
        bucket.set(State::Free, 0, 0);
        self.free.push(id);
    }

    /// Whether `bytes` of buckets and `postings` still fit.
    pub fn has_room(&self, bytes: usize, postings: usize) -> bool {
        self.bytes.has_room(bytes)
            && self.few.has_room(postings)
            && self.records.len() + postings < u32::MAX as usize
    }

    /// The ids of all buckets, ascending.
    pub fn ids(&self) -> impl Iterator<Item = u32> {
        (0..self.records.len() as u32).filter(|id| self.records[*id as usize].state() != State::Free)
    }

    /// Whether the table and the tables of the hot buckets say what the records say, for validation.
    pub fn tables_agree(&self) -> bool {
        let known = |id: u32| self.find(&BucketKey::new(self.band(id), self.bytes(id))) == Some(id);
        let hot = |hot: &Hot| {
            let all = 0..hot.postings.len();
            let counts = || all.clone().map(|at| hot.postings[at].count);
            hot.total == counts().map(u64::from).sum::<u64>()
                && counts().all(|count| count <= hot.largest)
                && hot.positions.len() == all.len()
                && all.clone().all(|at| hot.position(hot.postings[at].item) == Some(at))
        };
        self.table.len() == self.ids().count() && self.ids().all(known) && self.hot.iter().all(hot)
    }

    /// Bytes allocated.
    pub fn memory(&self) -> usize {
        self.records.memory()
            + self.free.memory()
            + self.table.memory()
            + self.bytes.memory()
            + self.few.memory()
            + self.hot.iter().map(|hot| hot.postings.memory() + hot.positions.memory()).sum::<usize>()
            + self.hot.capacity() * size_of::<Hot>()
            + self.free_hot.capacity() * size_of::<u32>()
    }

    /// Has all of it moved.
    pub fn move_by(&mut self, mover: &mut impl Mover) {
        self.records.move_by(mover);
        self.free.move_by(mover);
        self.table.move_by(mover);
        self.bytes.move_by(mover);
        self.few.move_by(mover);
        mover.vec(&mut self.hot);
        for hot in &mut self.hot {
            hot.postings.move_by(mover);
            hot.positions.move_by(mover);
        }
        mover.vec(&mut self.free_hot);
    }

    /// Allocations held.
    pub fn allocations(&self) -> usize {
        self.records.allocations()
            + self.free.allocations()
            + self.table.allocations()
            + self.bytes.allocations()
            + self.few.allocations()
            + self
                .hot
                .iter()
                .map(|hot| hot.postings.allocations() + hot.positions.allocations())
                .sum::<usize>()
            + usize::from(self.hot.capacity() > 0)
            + usize::from(self.free_hot.capacity() > 0)
    }
}
