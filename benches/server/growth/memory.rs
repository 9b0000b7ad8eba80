//! The memory of an item by the number of bands and the sketch, from which the page computes sizes.

use super::stream;
use crate::bench::Bench;
use crate::contender::{Command, INDEX, words};
use crate::random::Random;
use serde_json::{Value, json};

/// Bands, and slots of the sketch.
const SHAPES: [(u16, usize); 7] = [(4, 0), (8, 0), (16, 0), (32, 0), (8, 256), (16, 128), (16, 256)];

pub fn run(bench: &Bench) -> Vec<Value> {
    let items = bench.extent.pick(300_000, 20_000);
    let shapes = SHAPES.into_iter();
    shapes
        .map(|(bands, sketch)| {
            json!({
                "items": items, "bands": bands, "sketch": sketch, "bytes": bytes(bench, items, bands, sketch)
            })
        })
        .collect()
}

/// Bytes of an item, of one observation, in one chunk.
fn bytes(bench: &Bench, items: usize, bands: u16, sketch: usize) -> f64 {
    bench.progress(&format!("memory: {bands} bands, a sketch of {sketch}"));
    bench.flush();
    let [bands_text, sketch_text] = [usize::from(bands), sketch].map(|number| number.to_string());
    let create = ["SIM.CREATE", "sizes", "BANDS", &bands_text, "ROWS", "2", "INTERVAL", "0", "SKETCH"];
    bench.run(&create.into_iter().chain([sketch_text.as_str()]).map(Vec::from).collect());
    let mut random = Random::new(9);
    let mut record = |item| -> Command {
        let mut command =
            words(&["SIM.RECORD", "sizes", &stream::name(item), "SIGNATURE", INDEX, &bands_text]);
        command.extend(stream::buckets(item, bands));
        if sketch > 0 {
            command.extend(words(&["SKETCH", INDEX]));
            command.push((0..sketch / 8).flat_map(|_| random.bucket()).collect());
        }
        command
    };
    let grown = bench.memory_of(|| {
        for first in (0..items).step_by(20_000) {
            bench.load((first..items.min(first + 20_000)).map(&mut record));
        }
    });
    bench.flush();
    grown as f64 / items as f64
}
