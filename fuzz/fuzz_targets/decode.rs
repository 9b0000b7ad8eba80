//! Any bytes as the parts of a chunk give an error, or a chunk that satisfies its invariants and is the same after
//! it has been written and read again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use simile::index::{Chunk, codec};

fuzz_target!(|input: (u8, Vec<Vec<u8>>)| {
    let (bands, parts) = input;
    let bands = u16::from(bands % 8) + 1;
    let mut chunk = Chunk::new(bands);
    if !parts.iter().all(|part| codec::read_part(&mut chunk, part).is_ok()) {
        return;
    }
    assert_eq!(chunk.internal_validate(), Ok(()));
    let mut again = Chunk::new(bands);
    for part in codec::parts(&chunk, 64) {
        codec::read_part(&mut again, &part).expect("what was written is read");
    }
    assert_eq!(again.internal_validate(), Ok(()));
    let sizes = |chunk: &Chunk| (chunk.item_count(), chunk.bucket_count(), chunk.observations());
    assert_eq!(sizes(&again), sizes(&chunk));
});
