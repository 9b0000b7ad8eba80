//! Decodes any bytes as two chunks. If both are valid, they are searched, changed, and checked after each
//! change.

#![no_main]

use libfuzzer_sys::fuzz_target;
use simile::index::{Budget, Chunk, IndexQuery, SearchOptions, codec, combine, search};

fuzz_target!(|input: (Vec<u8>, Vec<u8>, u8)| {
    let (one, other, limit) = input;
    let decode = |bytes: &[u8]| {
        let mut chunk = Chunk::new(2);
        codec::decode_piece(&mut chunk, bytes).ok().map(|()| chunk)
    };
    let (Some(mut one), Some(other)) = (decode(&one), decode(&other)) else { return };
    assert_eq!((one.internal_validate(), other.internal_validate()), (Ok(()), Ok(())));

    let chunks = [&one, &other];
    let names: Vec<Vec<u8>> =
        chunks.iter().flat_map(|chunk| chunk.contents()).map(|(name, ..)| name.to_vec()).collect();
    let limit = (limit > 0).then_some(usize::from(limit));
    let options = SearchOptions { limit, ..SearchOptions::default() };
    for name in names.iter().take(8) {
        let query = IndexQuery::of_item(name, &chunks);
        let found = search(&query, &options, &mut Budget::new(1_000_000)).expect("fewer postings than that");
        assert!(found.windows(2).all(|pair| pair[0].score >= pair[1].score));
        assert!(found.iter().all(|found| (0.0..=1.0).contains(&found.score)));
        assert_eq!(found[0].score, 1.0, "an item is exactly similar to itself");
        let queries = [query];
        let mut budget = Budget::new(1_000_000);
        let combined = combine(&queries, &options, &mut budget).expect("fewer postings than that");
        assert_eq!(combined.len(), found.len());
    }
    for pair in names.chunks(2) {
        match pair {
            [to, from] if to != from => {
                let sum = u64::from(one.observations_of(to)) + u64::from(one.observations_of(from));
                if u32::try_from(sum).is_ok() {
                    one.merge(to, from);
                }
            }
            _ => drop(one.delete(&pair[0])),
        }
        assert_eq!(one.internal_validate(), Ok(()));
    }
});
