//! The time that a signature takes, on one processor core: `cargo bench --bench core -- slots`.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use simile::signature::{Hash, Scheme, Shingle, TextRules, choose_bands};

const MESSAGE: &str = "Connection to db-primary.internal:5432 refused after 30000 ms while flushing \
    the event buffer of project 4505281 (shard 17)";

/// Words of 3 to 12 letters and digits, as a tokenizer would give them.
fn tokens(count: usize) -> Vec<String> {
    let draws = (1..=count as u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29));
    draws.map(|draw| format!("{draw:x}")[..3 + draw as usize % 10].to_owned()).collect()
}

fn sign_features(c: &mut Criterion) {
    let fss = Scheme { hash: Hash::Fss, seed: 0, bands: 16, rows: 8, sketch: 0 };
    let murmur3 = Scheme { hash: Hash::Murmur3 { modulus: None }, ..fss };
    let sentry = Scheme { hash: Hash::Murmur3 { modulus: Some(65535) }, ..fss };

    let mut group = c.benchmark_group("sign");
    group.throughput(Throughput::Elements(1));
    for count in [10, 75, 500] {
        let tokens = tokens(count);
        let features = || tokens.iter().map(|token| token.as_bytes());
        for bands in [2, 4, 16] {
            for (name, scheme) in [("FSS", fss), ("MURMUR3", murmur3)] {
                let (scheme, slots) = (Scheme { bands, ..scheme }, bands * 8);
                group.bench_function(format!("{name}, {slots} slots, {count} tokens"), |b| {
                    b.iter(|| scheme.sign(black_box(features())));
                });
            }
        }
    }
    let shingles: Vec<&[u8]> = MESSAGE.as_bytes().windows(5).take(116).collect();
    for (name, scheme) in [("MURMUR3", murmur3), ("MURMUR3 MODULUS 65535", sentry), ("FSS", fss)] {
        group.bench_function(format!("{name}, 116 shingles of 5 bytes"), |b| {
            b.iter(|| scheme.sign(black_box(&shingles).iter().copied()));
        });
    }
    group.finish();
}

fn sign_text(c: &mut Criterion) {
    let scheme = Scheme { hash: Hash::Fss, seed: 0, bands: 16, rows: 2, sketch: 0 };
    let text = &MESSAGE[..120];
    let chars = TextRules { shingle: Shingle::Chars(5), lowercase: false, mask: false };
    let masked = TextRules { lowercase: true, mask: true, ..chars };
    let words = TextRules { shingle: Shingle::Words(2), ..masked };

    let mut group = c.benchmark_group("text of 120 characters, 32 slots FSS");
    for (name, rules) in
        [("CHARS 5", chars), ("CHARS 5 LOWERCASE MASK", masked), ("WORDS 2 LOWERCASE MASK", words)]
    {
        group.bench_function(format!("{name}, prepare only"), |b| {
            b.iter(|| rules.prepare(black_box(text)).count());
        });
        group.bench_function(name, |b| {
            b.iter(|| scheme.sign(rules.prepare(black_box(text)).features()));
        });
    }
    group.finish();
}

fn choose(c: &mut Criterion) {
    c.bench_function("choose_bands, 4096 slots", |b| {
        b.iter(|| choose_bands(black_box(0.1), black_box(0.95), 4096));
    });
}

/// All benchmarks of signatures.
pub fn benches(c: &mut Criterion) {
    sign_features(c);
    sign_text(c);
    choose(c);
}
