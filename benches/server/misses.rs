//! The COMPAREs that `benches/misses.py` counts under valgrind: in this process, without a server.

use crate::corpus;
use crate::random::Random;
use crate::record::{self, EIGHT, GROUPS, SIXTEEN};
use simile::index::{Budget, Chunk, IndexQuery, SearchOptions, search};
use std::hint::black_box;

/// The COMPAREs that are counted.
const COMPARES: usize = 50;
/// More bytes than the largest cache that is simulated.
const CACHES: usize = 16 << 20;
/// The bytes of a cache line.
const LINE: usize = 64;

/// Makes the index of `compare-8` or `compare-16`, which has this number of bands, and asks for groups drawn evenly from
/// it. Prints how many COMPAREs there were, and how many items they found together.
pub fn run(bands: u16) {
    let grid = if bands == EIGHT.bands { &EIGHT } else { &SIXTEEN };
    let mut chunks: Vec<Chunk> = (0..grid.intervals).map(|_| Chunk::new(grid.bands)).collect();
    for event in record::events(grid) {
        let signature = corpus::signature(&event.text, grid.bands);
        chunks[event.age].record(event.item().as_bytes(), signature.iter().map(Vec::as_slice));
    }
    let chunks: Vec<&Chunk> = chunks.iter().collect();
    let (mut random, other) = (Random::new(2), vec![1u8; CACHES]);
    let mut found = 0;
    for _ in 0..COMPARES {
        let item = corpus::item(random.below(GROUPS));
        // Fill all caches with something else.
        black_box(other.iter().step_by(LINE).map(|byte| u64::from(*byte)).sum::<u64>());
        found += counted_compare(&chunks, item.as_bytes());
    }
    println!("{COMPARES} {found}");
}

/// COMPARE LIMIT 0. Only what happens in this function is counted.
#[inline(never)]
fn counted_compare(chunks: &[&Chunk], item: &[u8]) -> usize {
    let query = IndexQuery::of_item(item, chunks);
    let matches = search(&query, &SearchOptions::default(), &mut Budget::new(u64::MAX));
    matches.map_or(0, |matches| matches.len())
}
