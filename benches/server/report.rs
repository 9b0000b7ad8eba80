//! The results: the table that is printed at the end, and target/bench.json, from which `benches/report.py`
//! makes `docs/benchmarks.md`.

use crate::bench::{Cost, PIPELINE};
use serde_json::{Value, json};

/// The unit of a figure.
#[derive(Clone, Copy, PartialEq)]
pub enum Unit {
    Microseconds,
    Bytes,
    Calls,
    DocumentsPerSecond,
}

impl Unit {
    /// A figure with three significant digits, in the unit that a reader expects.
    pub fn show(self, figure: f64) -> String {
        let (figure, unit) = match self {
            Unit::Microseconds if figure >= 1e6 => (figure / 1e6, "s"),
            Unit::Microseconds if figure >= 1e3 => (figure / 1e3, "ms"),
            Unit::Microseconds => (figure, "us"),
            Unit::Bytes if figure >= 1e9 => (figure / 1e9, "GB"),
            Unit::Bytes if figure >= 1e6 => (figure / 1e6, "MB"),
            Unit::Bytes if figure >= 1e4 => (figure / 1e3, "KB"),
            Unit::Bytes => (figure, "bytes"),
            Unit::Calls => (figure, "calls"),
            Unit::DocumentsPerSecond => (figure / 1e3, "thousand/s"),
        };
        format!("{} {unit}", three_digits(figure))
    }
}

/// A figure with three significant digits and a comma between thousands.
pub fn three_digits(figure: f64) -> String {
    let decimals = if figure == 0.0 { 0 } else { (2 - figure.abs().log10().floor() as i32).clamp(0, 3) };
    let text = format!("{figure:.*}", decimals as usize);
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 && whole.as_bytes()[index - 1] != b'-' {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if fraction.is_empty() { grouped } else { format!("{grouped}.{fraction}") }
}

/// The target of a row.
#[derive(Clone, Copy)]
pub enum Target {
    /// This many times less than the baseline; below 1, at most its inverse times the baseline.
    TimesLess(f64),
    /// At most this much more than the baseline.
    Above(f64),
    AtMost(f64),
    AtLeast(f64),
}

impl Target {
    fn reached(self, module: f64, baseline: Option<f64>) -> f64 {
        let baseline = baseline.unwrap_or(f64::NAN);
        match self {
            Target::TimesLess(times) => baseline / module / times,
            Target::Above(more) => more / (module - baseline).max(more / 1e3),
            Target::AtMost(most) => most / module.max(most / 1e3),
            Target::AtLeast(least) => module / least,
        }
    }

    fn show(self, unit: Unit) -> String {
        match self {
            Target::TimesLess(1.0) => "less".into(),
            Target::TimesLess(times) if times < 1.0 => format!("at most {} times", three_digits(1.0 / times)),
            Target::TimesLess(times) => format!("{} times less", three_digits(times)),
            Target::Above(more) => format!("at most {} more", unit.show(more)),
            Target::AtMost(most) => format!("at most {}", unit.show(most)),
            Target::AtLeast(least) => format!("at least {}", unit.show(least)),
        }
    }
}

/// A figure of a row.
#[derive(Clone, Copy)]
pub struct Figure {
    pub value: f64,
    /// The same as processor time, if the figure is the time of a call.
    pub processor: Option<f64>,
}

impl From<f64> for Figure {
    fn from(value: f64) -> Figure {
        Figure { value, processor: None }
    }
}

impl From<Cost> for Figure {
    fn from(cost: Cost) -> Figure {
        Figure { value: cost.server, processor: Some(cost.processor) }
    }
}

/// The figure that the module is compared with, and what it is of.
pub struct Baseline {
    pub what: &'static str,
    pub figure: Figure,
}

impl Baseline {
    pub fn new(what: &'static str, figure: impl Into<Figure>) -> Option<Baseline> {
        Some(Baseline { what, figure: figure.into() })
    }
}

/// One line of the table.
pub struct Row {
    pub name: &'static str,
    pub work: String,
    pub unit: Unit,
    pub baseline: Option<Baseline>,
    pub module: Figure,
    /// `None` if the row only says what something costs.
    pub target: Option<Target>,
    /// Anything else that was counted, such as the candidates.
    pub note: String,
}

impl Row {
    /// The share of the target that is reached: 1 or more meets it.
    pub fn reached(&self) -> Option<f64> {
        let baseline = self.baseline.as_ref().map(|baseline| baseline.figure.value);
        Some(self.target?.reached(self.module.value, baseline))
    }

    /// The same by processor time, if both figures have one.
    pub fn reached_by_processor(&self) -> Option<f64> {
        let baseline = self.baseline.as_ref()?.figure.processor?;
        Some(self.target?.reached(self.module.processor?, Some(baseline)))
    }

    fn ratio(&self) -> Option<f64> {
        let ratio = self.baseline.as_ref()?.figure.value / self.module.value;
        ratio.is_finite().then_some(ratio)
    }

    fn ratio_by_processor(&self) -> Option<f64> {
        Some(self.baseline.as_ref()?.figure.processor? / self.module.processor?)
    }

    /// The cells of the row, in the order of HEAD.
    fn cells(&self) -> [String; HEAD.len()] {
        let baseline =
            |baseline: &Baseline| format!("{} ({})", self.unit.show(baseline.figure.value), baseline.what);
        let ratio =
            |ratio: Option<f64>| ratio.map_or("-".into(), |ratio| format!("{} x", three_digits(ratio)));
        [
            self.name.into(),
            self.work.clone(),
            self.baseline.as_ref().map_or("-".into(), baseline),
            self.unit.show(self.module.value),
            ratio(self.ratio()),
            ratio(self.ratio_by_processor()),
            self.target.map_or("-".into(), |target| target.show(self.unit)),
            match self.reached() {
                None => "-".into(),
                Some(reached) if reached >= 1.0 => "yes".into(),
                Some(reached) => format!("no: {:.0} %", reached * 100.0),
            },
        ]
    }

    fn json(&self) -> Value {
        let baseline = self.baseline.as_ref();
        json!({
            "name": self.name,
            "cells": self.cells(),
            "beside": baseline.map(|baseline| baseline.figure.value),
            "beside_processor": baseline.map(|baseline| baseline.figure.processor),
            "beside_what": baseline.map(|baseline| baseline.what),
            "module": self.module.value,
            "module_processor": self.module.processor,
            "ratio": self.ratio(),
            "ratio_by_processor": self.ratio_by_processor(),
            "reached": self.reached(),
            "reached_by_processor": self.reached_by_processor(),
            "note": self.note,
        })
    }
}

/// All that was measured, in order.
#[derive(Default)]
pub struct Report {
    pub rows: Vec<Row>,
    /// The cost of the server's own commands.
    pub reference: Vec<Value>,
    /// Throughput and latency, as a client sees them.
    pub traffic: Vec<Value>,
    /// The points of the plots.
    pub curves: serde_json::Map<String, Value>,
}

const HEAD: [&str; 8] =
    ["name", "work", "compared with", "this module", "ratio", "by processor time", "target", "met"];

impl Report {
    /// Adds the results of the next section.
    pub fn append(&mut self, mut next: Report) {
        self.rows.append(&mut next.rows);
        self.reference.append(&mut next.reference);
        self.traffic.append(&mut next.traffic);
        self.curves.append(&mut next.curves);
    }

    /// All that was measured, for `benches/report.py`.
    pub fn json(&self, machine: Value, seconds: f64) -> Value {
        json!({
            "machine": machine,
            "seconds": seconds,
            "pipeline": PIPELINE,
            "head": HEAD,
            "rows": self.rows.iter().map(Row::json).collect::<Vec<_>>(),
            "reference": self.reference,
            "traffic": self.traffic,
            "curves": self.curves,
        })
    }

    /// The table as text.
    pub fn table(&self) -> String {
        let mut lines = vec![HEAD.map(String::from)];
        lines.extend(self.rows.iter().map(Row::cells));
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; HEAD.len()] = std::array::from_fn(width);
        let padded = |line: &[String; HEAD.len()]| {
            let cells = line.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_string() + "\n"
        };
        let notes = self.rows.iter().filter(|row| !row.note.is_empty());
        let notes = notes.map(|row| format!("{}: {}\n", row.name, row.note)).collect::<String>();
        lines.iter().map(padded).collect::<String>() + "\n" + &notes
    }

    /// A line for each row that reaches less than half of its target by both measures of time.
    pub fn failures(&self) -> Vec<String> {
        let best = |row: &Row| Some(row.reached()?.max(row.reached_by_processor().unwrap_or_default()));
        let failed =
            self.rows.iter().filter_map(|row| Some((row, best(row)?))).filter(|(_, reached)| *reached < 0.5);
        failed
            .map(|(row, reached)| format!("{} reaches {:.0} % of its target", row.name, reached * 100.0))
            .collect()
    }
}
