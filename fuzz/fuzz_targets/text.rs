//! Makes features of any text under any rules, and signs them. There must be as many features as counted
//! in advance, no more bytes than the bound, as many buckets as bands, and a sketch. The normal form of a
//! normal form is itself, and only `0` is left of the digits of a masked text.

#![no_main]

use libfuzzer_sys::fuzz_target;
use simile::signature::{Hash, Scheme, Shingle, TextRules};

fuzz_target!(|input: (&str, u8, bool, bool, bool)| {
    let (text, length, words, lowercase, mask) = input;
    let length = length % 64 + 1;
    let shingle = if words { Shingle::Words(length) } else { Shingle::Chars(length) };
    let rules = TextRules { shingle, lowercase, mask };
    let normal = TextRules { mask: false, ..rules }.normalise(text);
    assert_eq!(TextRules { mask: false, ..rules }.normalise(&normal), normal);
    let masked = TextRules { mask: true, ..rules }.normalise(text);
    assert!(masked.bytes().all(|byte| byte == b'0' || !byte.is_ascii_digit()));
    let prepared = rules.prepare(text);
    assert_eq!(prepared.features().count(), prepared.count());
    assert!(prepared.features().map(<[u8]>::len).sum::<usize>() <= prepared.max_bytes());
    for hash in [Hash::Fss, Hash::Murmur3 { modulus: None }, Hash::Murmur3 { modulus: Some(65_535) }] {
        let signature = Scheme { hash, seed: 7, bands: 4, rows: 2, sketch: 16 }.sign(prepared.features());
        let sizes = signature.map(|signature| (signature.buckets().len(), signature.sketch().len()));
        assert_eq!(sizes, (prepared.count() > 0).then_some((4, 16)));
    }
});
