//! The time that the index takes: `cargo bench --bench core -- index`.

use criterion::{BatchSize, Criterion};
use simile::index::{Budget, Chunk, IndexQuery, Profile, SearchOptions, codec, search};
use std::hint::black_box;
use testkit::Random;

fn record(chunk: &mut Chunk, item: u64, signature: &[u64]) {
    let buckets: Vec<[u8; 8]> = signature.iter().map(|bucket| bucket.to_le_bytes()).collect();
    chunk.record(format!("item:{item}").as_bytes(), buckets.iter().map(|bucket| &bucket[..]));
}

/// Events of groups, spread over chunks. A group keeps to a few buckets of its own; one bucket in twenty is
/// shared with other groups.
fn groups(bands: u64, chunks: usize, groups: u64, events: u64) -> Vec<Chunk> {
    let mut random = Random::new(7);
    let mut made: Vec<Chunk> = (0..chunks).map(|_| Chunk::new(bands as u16)).collect();
    for _ in 0..events {
        let group = random.number() % groups;
        let signature: Vec<u64> = (0..bands)
            .map(|band| match random.number() % 20 {
                0 => 1_000_000 + band * 400 + random.number() % 400,
                1..=11 => 2_000_000 + (group * bands + band) * 3 + random.number() % 3,
                _ => random.number(),
            })
            .collect();
        let chunk = random.below(chunks);
        record(&mut made[chunk], group, &signature);
    }
    made
}

/// One chunk of `members` items that share a bucket in each of the first `hot` bands and, but for the first `near`
/// items, no other.
fn hot(bands: u64, hot: u64, members: u64, near: u64) -> Chunk {
    let mut chunk = Chunk::new(bands as u16);
    for item in 0..members {
        let bucket = |band| match band {
            _ if band < hot || item < near => band,
            _ => 1 << 40 | item << 10 | band,
        };
        let signature: Vec<u64> = (0..bands).map(bucket).collect();
        record(&mut chunk, item, &signature);
    }
    chunk
}

fn compare(chunks: &[&Chunk], item: &[u8], limit: Option<usize>) -> usize {
    let query = IndexQuery::of_item(item, chunks);
    let options = SearchOptions { limit, ..SearchOptions::default() };
    search(&query, &options, &mut Budget::new(u64::MAX)).map_or(0, |matches| matches.len())
}

fn record_new(c: &mut Criterion) {
    for bands in [8, 16] {
        let (mut random, mut chunk) = (Random::new(1), Chunk::new(bands));
        c.bench_function(&format!("index: record a new item, {bands} bands"), |b| {
            b.iter_batched(
                || (random.number(), (0..bands).map(|_| random.number()).collect::<Vec<u64>>()),
                |(item, signature)| record(&mut chunk, item, &signature),
                BatchSize::SmallInput,
            );
        });
    }
}

fn search_groups(c: &mut Criterion) {
    for (bands, chunks) in [(8, 4), (16, 13)] {
        let made = groups(bands, chunks, 2_000, 20_000);
        let chunks: Vec<&Chunk> = made.iter().collect();
        let items: Vec<String> = (0..2_000).map(|group| format!("item:{group}")).collect();
        let mut next = items.iter().cycle();
        let mut item = || next.next().map_or(&b""[..], |item| item.as_bytes());
        c.bench_function(&format!("index: profile, {bands} bands, {} chunks", chunks.len()), |b| {
            b.iter(|| Profile::of_item(item(), black_box(&chunks)));
        });
        for limit in [None, Some(10)] {
            let name = format!("index: compare, {bands} bands, {} chunks, limit {limit:?}", chunks.len());
            c.bench_function(&name, |b| b.iter(|| compare(black_box(&chunks), item(), limit)));
        }
    }
}

fn search_hot(c: &mut Criterion) {
    for members in [10, 1_000, 100_000] {
        let chunk = hot(16, 2, members, 20.min(members));
        for limit in [None, Some(10)] {
            let name = format!("index: compare, 2 hot bands of 16, {members} members, limit {limit:?}");
            c.bench_function(&name, |b| b.iter(|| compare(black_box(&[&chunk]), b"item:3", limit)));
        }
    }
}

fn write_and_read(c: &mut Criterion) {
    let made = groups(16, 1, 2_000, 20_000);
    let pieces: Vec<Vec<u8>> = codec::encode_pieces(&made[0], 1 << 18).collect();
    c.bench_function("index: encode a chunk of 20,000 observations", |b| {
        b.iter(|| codec::encode_pieces(black_box(&made[0]), 1 << 18).map(|piece| piece.len()).sum::<usize>());
    });
    c.bench_function("index: decode a chunk of 20,000 observations", |b| {
        b.iter(|| {
            let mut chunk = Chunk::new(16);
            pieces.iter().all(|piece| codec::decode_piece(&mut chunk, piece).is_ok())
        });
    });
}

/// All benchmarks of the index.
pub fn benches(c: &mut Criterion) {
    record_new(c);
    search_groups(c);
    search_hot(c);
    write_and_read(c);
}
