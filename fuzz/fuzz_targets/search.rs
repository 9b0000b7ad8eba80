//! Decodes any bytes as two chunks with sketches. If both are valid, they are searched by profile and by sketch, with
//! and without a pattern, changed, and checked after each change.

#![no_main]

use libfuzzer_sys::fuzz_target;
use simile::index::{
    Budget, Chunk, Glob, IndexQuery, ScoreMode, SearchOptions, codec, combine, newest_sketch, search,
};

fuzz_target!(|input: (Vec<u8>, Vec<u8>, u8, Vec<u8>)| {
    let (one, other, limit, pattern) = input;
    let decode = |bytes: &[u8]| {
        let mut chunk = Chunk::with_sketches(2, 16);
        codec::decode_piece(&mut chunk, bytes).ok().map(|()| chunk)
    };
    let (Some(mut one), Some(other)) = (decode(&one), decode(&other)) else { return };
    assert_eq!((one.internal_validate(), other.internal_validate()), (Ok(()), Ok(())));

    let chunks = [&one, &other];
    let names: Vec<Vec<u8>> =
        chunks.iter().flat_map(|chunk| chunk.contents()).map(|(name, ..)| name.to_vec()).collect();
    let limit = (limit > 0).then_some(usize::from(limit));
    let options = SearchOptions { limit, ..SearchOptions::default() };
    let modes = [ScoreMode::Overlap, ScoreMode::Jaccard];
    for (name, mode) in names.iter().take(8).flat_map(|name| modes.map(|mode| (name, mode))) {
        let options = SearchOptions { mode, ..options };
        let query = IndexQuery::of_item(name, &chunks);
        let found = search(&query, &options, &mut Budget::new(1_000_000)).expect("fewer postings than that");
        assert!(found.windows(2).all(|pair| pair[0].score >= pair[1].score));
        assert!(found.iter().all(|found| (0.0..=1.0).contains(&found.score)));
        let has_sketch = |item: &[u8]| newest_sketch(item, &chunks).is_some();
        if mode == ScoreMode::Jaccard && !has_sketch(name) {
            assert!(found.is_empty(), "a query without a sketch finds nothing by JACCARD");
        } else {
            assert_eq!(found[0].score, 1.0, "an item is exactly similar to itself");
        }
        assert!(mode != ScoreMode::Jaccard || found.iter().all(|found| has_sketch(found.item)));
        if let Some(pattern) = Glob::new(&pattern) {
            let all = SearchOptions { limit: None, ..options };
            let matching = SearchOptions { pattern: Some(&pattern), ..all };
            let found = |options| {
                search(&query, &options, &mut Budget::new(1_000_000)).expect("fewer postings than that")
            };
            let expected: Vec<_> =
                found(all).into_iter().filter(|found| pattern.matches(found.item)).collect();
            assert_eq!(found(matching), expected);
        }
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
