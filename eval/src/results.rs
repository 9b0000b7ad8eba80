//! All that was measured.

use crate::corpus::Corpus;
use crate::cost::Measured;
use crate::curve::Curve;
use crate::estimate::Estimated;
use crate::grouping::Grouped;
use crate::outcome::Outcome;
use crate::replay::{self, Classified};
use crate::retrieval::Retrieved;
use crate::setting::describe_text;
use crate::sketch_cost::SketchCost;
use serde_json::{Value, json};
use simile::signature::TextRules;

#[derive(Default)]
pub struct Results {
    pub present: Vec<(&'static str, usize)>,
    pub missing: Vec<&'static str>,
    pub ceilings: Vec<Ceiling>,
    pub classified: Vec<Classified>,
    /// The same line with FSS and with MURMUR3, over many seeds.
    pub hashes: Vec<[Classified; 2]>,
    pub grouped: Vec<Grouped>,
    pub costs: Vec<Measured>,
    pub retrieved: Vec<Retrieved>,
    pub curves: Vec<Curve>,
    pub estimated: Vec<Estimated>,
    pub sketch_cost: Option<SketchCost>,
}

/// The outcome of classifying by exact similarities.
#[derive(Clone)]
pub struct Ceiling {
    pub corpus: String,
    pub text: TextRules,
    pub outcome: Outcome,
    /// The share of events with exactly the features of an earlier one.
    pub identical: f64,
}

impl Ceiling {
    pub fn of(corpus: &Corpus) -> Ceiling {
        let (name, text) = (corpus.name.into(), corpus.text);
        Ceiling { corpus: name, text, outcome: replay::ceiling(corpus), identical: replay::identical(corpus) }
    }

    /// The mean over several sets of the same name.
    pub fn mean_of(ceilings: &[Ceiling]) -> Option<Ceiling> {
        let outcome = Outcome::mean_of(ceilings.iter().map(|ceiling| &ceiling.outcome))?;
        let identical = ceilings.iter().map(|ceiling| ceiling.identical).sum::<f64>() / ceilings.len() as f64;
        Some(Ceiling { outcome, identical, ..ceilings.first()?.clone() })
    }

    fn json(&self) -> Value {
        let text = describe_text(self.text);
        json!({ "set": self.corpus, "text": text, "outcome": self.outcome, "identical": self.identical })
    }
}

impl Results {
    /// The curve of these bands and rows, to which all sets add.
    pub fn curve(&mut self, source: &'static str, bands: u16, rows: u16) -> &mut Curve {
        let is_same = |curve: &Curve| (curve.source, curve.bands, curve.rows) == (source, bands, rows);
        let index = self.curves.iter().position(is_same).unwrap_or_else(|| {
            self.curves.push(Curve::new(source, bands, rows));
            self.curves.len() - 1
        });
        &mut self.curves[index]
    }

    pub fn json(&self) -> Value {
        let present: Vec<Value> =
            self.present.iter().map(|(name, events)| json!({ "name": name, "events": events })).collect();
        let hashes = self.hashes.iter().map(|lines| lines.each_ref().map(Classified::json).into());
        json!({
            "present": present,
            "missing": self.missing,
            "ceilings": self.ceilings.iter().map(Ceiling::json).collect::<Vec<_>>(),
            "classified": self.classified.iter().map(Classified::json).collect::<Vec<_>>(),
            "hashes": hashes.collect::<Vec<Value>>(),
            "grouped": self.grouped.iter().map(Grouped::json).collect::<Vec<_>>(),
            "costs": self.costs.iter().map(Measured::json).collect::<Vec<_>>(),
            "retrieved": self.retrieved.iter().map(Retrieved::json).collect::<Vec<_>>(),
            "curves": self.curves.iter().map(Curve::json).collect::<Vec<_>>(),
            "estimated": self.estimated.iter().map(Estimated::json).collect::<Vec<_>>(),
            "sketch_cost": self.sketch_cost.as_ref().map(SketchCost::json),
        })
    }
}
