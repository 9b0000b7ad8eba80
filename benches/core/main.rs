//! The time that the core takes, on one processor core and without a server: `cargo bench --bench core`.

mod index;
mod signature;

use criterion::{criterion_group, criterion_main};

criterion_group!(benches, index::benches, signature::benches);
criterion_main!(benches);
