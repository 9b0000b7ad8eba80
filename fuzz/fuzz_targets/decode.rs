//! Decodes any bytes as the pieces of a chunk. The result must be an error, or a valid chunk that is the
//! same after it has been encoded and decoded again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use simile::index::{Chunk, codec};

fuzz_target!(|input: (u8, Vec<Vec<u8>>)| {
    let (bands, pieces) = input;
    let bands = u16::from(bands % 8) + 1;
    let mut chunk = Chunk::new(bands);
    if !pieces.iter().all(|piece| codec::decode_piece(&mut chunk, piece).is_ok()) {
        return;
    }
    assert_eq!(chunk.internal_validate(), Ok(()));
    let mut again = Chunk::new(bands);
    for piece in codec::encode_pieces(&chunk, 64) {
        codec::decode_piece(&mut again, &piece).expect("what was encoded is decoded");
    }
    assert_eq!(again.internal_validate(), Ok(()));
    let sizes = |chunk: &Chunk| (chunk.item_count(), chunk.bucket_count(), chunk.observations());
    assert_eq!(sizes(&again), sizes(&chunk));
});
