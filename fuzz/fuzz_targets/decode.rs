//! Decodes any bytes as the pieces of a chunk, with sketches or without. The result must be an error, or a
//! valid chunk that is the same after it has been encoded and decoded again. So must each of its items be
//! after it has travelled in a blob.

#![no_main]

use libfuzzer_sys::fuzz_target;
use simile::index::{Blob, Chunk, Definition, blob, codec};
use simile::signature::Scheme;

fuzz_target!(|input: (u8, bool, Vec<Vec<u8>>)| {
    let (bands, has_sketches, pieces) = input;
    let bands = u16::from(bands % 8) + 1;
    let sketch = if has_sketches { 16 } else { 0 };
    let mut chunk = Chunk::with_sketches(bands, sketch);
    if !pieces.iter().all(|piece| codec::decode_piece(&mut chunk, piece).is_ok()) {
        return;
    }
    assert_eq!(chunk.internal_validate(), Ok(()));
    let mut again = Chunk::with_sketches(bands, sketch);
    for piece in codec::encode_pieces(&chunk, 64) {
        codec::decode_piece(&mut again, &piece).expect("what was encoded is decoded");
    }
    assert_eq!(again.internal_validate(), Ok(()));
    let sizes = |chunk: &Chunk| (chunk.item_count(), chunk.bucket_count(), chunk.observations());
    assert_eq!(sizes(&again), sizes(&chunk));

    let default = Definition::default();
    let scheme = Scheme { bands, rows: 1, sketch, ..default.scheme };
    let definition = Definition { scheme, ..default };
    let mut imported = Chunk::with_sketches(bands, sketch);
    for (item, ..) in chunk.contents() {
        assert_eq!(again.sketch(item), chunk.sketch(item));
        let blob = blob::encode(&definition, item, [(0, &chunk)].into_iter()).expect("the item is there");
        let decoded = Blob::decode(&blob).expect("what was encoded is decoded");
        decoded.chunks()[0].add_to(&mut imported, item);
        assert_eq!(imported.sketch(item), chunk.sketch(item));
    }
    assert_eq!(imported.internal_validate(), Ok(()));
    assert_eq!(sizes(&imported), sizes(&chunk));
});
