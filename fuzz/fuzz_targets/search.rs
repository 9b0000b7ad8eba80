//! Any bytes as two chunks. Those that can be read are searched, changed and checked.

#![no_main]

use libfuzzer_sys::fuzz_target;
use simile::index::{Budget, Chunk, Part, Profile, Wanted, codec, combine, search};

fuzz_target!(|input: (Vec<u8>, Vec<u8>, u8)| {
    let (one, other, limit) = input;
    let read = |bytes: &[u8]| {
        let mut chunk = Chunk::new(2);
        codec::read_part(&mut chunk, bytes).ok().map(|()| chunk)
    };
    let (Some(mut one), Some(other)) = (read(&one), read(&other)) else { return };
    assert_eq!((one.internal_validate(), other.internal_validate()), (Ok(()), Ok(())));

    let chunks = [&one, &other];
    let names: Vec<Vec<u8>> =
        chunks.iter().flat_map(|chunk| chunk.contents()).map(|(name, ..)| name.to_vec()).collect();
    let limit = (limit > 0).then_some(usize::from(limit));
    let wanted = Wanted { limit, ..Wanted::default() };
    for name in names.iter().take(8) {
        let part = Part::of_item(name, &chunks);
        let found = search(&part, &wanted, &mut Budget::new(1_000_000)).expect("not that many postings");
        assert!(found.windows(2).all(|pair| pair[0].score >= pair[1].score));
        assert!(found.iter().all(|found| (0.0..=1.0).contains(&found.score)));
        assert_eq!(found[0].score, 1.0, "an item is like itself");
        let parts = [part];
        let combined = combine(&parts, &wanted, &mut Budget::new(1_000_000)).expect("not that many postings");
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
