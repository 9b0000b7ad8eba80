//! Signatures by the core, without a server: 128 slots of 75 features.

use crate::bench::{Bench, median};
use crate::random::Random;
use crate::report::{Report, Row, Target, Unit};
use simile::signature::{Hash, Scheme};
use std::hint::black_box;
use std::time::Instant;

const DOCUMENTS: usize = 2_000;
const FEATURES: usize = 75;

pub fn run(bench: &Bench, report: &mut Report) {
    bench.progress("signing-128x75");
    let mut random = Random::new(75);
    let documents: Vec<String> = (0..DOCUMENTS).map(|_| document(&mut random)).collect();
    let documents: Vec<Vec<&[u8]>> = documents.iter().map(|text| features(text)).collect();
    let scheme = Scheme { hash: Hash::Fss, seed: 0, bands: 16, rows: 8, sketch: 0 };
    let rounds = bench.extent.pick(99, 19);
    report.rows.push(Row {
        name: "signing-128x75",
        work: format!("signing: 128 slots of {FEATURES} features, one core"),
        unit: Unit::DocumentsPerSecond,
        baseline: None,
        module: median((0..rounds).map(|_| documents_per_second(scheme, &documents)).collect()).into(),
        target: Some(Target::AtLeast(500_000.0)),
        note: String::new(),
    });
}

fn documents_per_second(scheme: Scheme, documents: &[Vec<&[u8]>]) -> f64 {
    let start = Instant::now();
    for document in documents {
        black_box(scheme.sign(black_box(document).iter().copied()));
    }
    documents.len() as f64 / start.elapsed().as_secs_f64()
}

/// A text of words of five to eight letters, so that the features lie in memory as those of a message do.
fn document(random: &mut Random) -> String {
    let letter = |random: &mut Random| char::from(b'a' + random.below(26) as u8);
    let word = |random: &mut Random| (0..5 + random.below(4)).map(|_| letter(random)).collect::<String>();
    (0..FEATURES).map(|_| word(random)).collect::<Vec<_>>().join(" ")
}

fn features(document: &str) -> Vec<&[u8]> {
    document.split(' ').map(str::as_bytes).collect()
}
