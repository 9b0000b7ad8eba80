//! The parameters of a definition, as SIM.CREATE takes them.
//!
//! Each parameter is in this file four times: in [`KEYWORDS`], in [`CreateOptions`], and in the functions
//! that take its value and apply it to a definition.

use super::args::{Args, set_once};
use super::query::take_score;
use crate::command::error::{Error, escaped_excerpt};
use crate::config::{self, HashName, SHINGLE_WORDS};
use crate::index::{Definition, ScoreMode};
use crate::signature::{Hash, Shingle, choose_bands};

/// The words that parameters begin with.
pub const KEYWORDS: [&str; 15] = [
    "BANDS",
    "ROWS",
    "THRESHOLD",
    "RECALL",
    "SLOTS",
    "INTERVAL",
    "RETENTION",
    "HASH",
    "SEED",
    "MODULUS",
    "SHINGLE",
    "LOWERCASE",
    "MASK",
    "SKETCH",
    "SCORE",
];

/// The words that only a primary or an AOF may add. Errors do not list them.
pub const REPLICATED_KEYWORDS: [&str; 2] = ["UID", "TAG"];

/// The parameters that a SIM.CREATE gives.
#[derive(Default)]
pub struct CreateOptions<'a> {
    bands: Option<u16>,
    rows: Option<u16>,
    threshold: Option<f64>,
    recall: Option<f64>,
    slots: Option<usize>,
    interval: Option<u64>,
    retention: Option<u32>,
    hash: Option<HashName>,
    seed: Option<u32>,
    modulus: Option<u32>,
    shingle: Option<Shingle>,
    lowercase: Option<bool>,
    mask: Option<bool>,
    sketch: Option<u16>,
    score: Option<ScoreMode>,
    /// UID, from a primary or an AOF.
    pub uid: Option<u64>,
    /// TAG, from a primary or an AOF.
    pub tag: Option<&'a [u8]>,
}

impl<'a> CreateOptions<'a> {
    /// Takes all arguments that are left.
    pub fn take(args: &mut Args<'a>) -> Result<CreateOptions<'a>, Error> {
        let mut options = CreateOptions::default();
        loop {
            if let Some(keyword) = args.keyword_if(&REPLICATED_KEYWORDS) {
                options.take_replicated(keyword, args)?;
            } else if let Some(keyword) = args.keyword(&KEYWORDS)? {
                options.take_parameter(keyword, args)?;
            } else {
                return Ok(options);
            }
        }
    }

    fn take_parameter(&mut self, keyword: &'static str, args: &mut Args<'a>) -> Result<(), Error> {
        let is_threshold = |threshold| threshold > 0.0 && threshold <= 1.0;
        let is_recall = |recall| recall > 0.0 && recall < 1.0;
        match keyword {
            "BANDS" => set_once(&mut self.bands, keyword, args.number(keyword, Definition::BANDS)? as u16),
            "ROWS" => set_once(&mut self.rows, keyword, args.number(keyword, Definition::ROWS)? as u16),
            "THRESHOLD" => {
                let threshold = args.float(keyword, "a number above 0 and at most 1", is_threshold)?;
                set_once(&mut self.threshold, keyword, threshold)
            }
            "RECALL" => {
                let recall = args.float(keyword, "a number above 0 and below 1", is_recall)?;
                set_once(&mut self.recall, keyword, recall)
            }
            "SLOTS" => set_once(&mut self.slots, keyword, args.number(keyword, Definition::SLOTS)? as usize),
            "INTERVAL" => set_once(&mut self.interval, keyword, args.number(keyword, Definition::INTERVAL)?),
            "RETENTION" => {
                let retention = args.number(keyword, Definition::RETENTION)? as u32;
                set_once(&mut self.retention, keyword, retention)
            }
            "HASH" => set_once(&mut self.hash, keyword, args.word(keyword, &HashName::WORDS)?),
            "SEED" => set_once(&mut self.seed, keyword, args.number(keyword, Definition::SEED)? as u32),
            "MODULUS" => {
                let modulus = args.number(keyword, Definition::MODULUS)? as u32;
                set_once(&mut self.modulus, keyword, modulus)
            }
            "SHINGLE" => set_once(&mut self.shingle, keyword, take_shingle(args)?),
            "LOWERCASE" => set_once(&mut self.lowercase, keyword, args.yes_no(keyword)?),
            "MASK" => set_once(&mut self.mask, keyword, args.yes_no(keyword)?),
            "SKETCH" => set_once(&mut self.sketch, keyword, take_sketch(args)?),
            _ => set_once(&mut self.score, keyword, take_score(args)?),
        }
    }

    fn take_replicated(&mut self, keyword: &'static str, args: &mut Args<'a>) -> Result<(), Error> {
        match keyword {
            "UID" => set_once(&mut self.uid, keyword, take_uid(args)?),
            _ => set_once(&mut self.tag, keyword, args.bytes(keyword)?),
        }
    }

    /// The definition with these parameters; those that are not given are as in `base`.
    ///
    /// # Errors
    /// Two parameters exclude each other, BANDS times ROWS is out of its limits, or SCORE JACCARD has no sketch.
    pub fn apply_to(&self, base: Definition) -> Result<Definition, Error> {
        let mut definition = base;
        (definition.scheme.bands, definition.scheme.rows) = self.bands_and_rows(&base)?;
        definition.scheme.seed = self.seed.unwrap_or(base.scheme.seed);
        definition.scheme.hash = self.hash(base.scheme.hash)?;
        definition.interval = self.interval.unwrap_or(base.interval);
        definition.retention = self.retention.unwrap_or(base.retention);
        definition.text.shingle = self.shingle.unwrap_or(base.text.shingle);
        definition.text.lowercase = self.lowercase.unwrap_or(base.text.lowercase);
        definition.text.mask = self.mask.unwrap_or(base.text.mask);
        definition.scheme.sketch = self.sketch(base.scheme.sketch);
        definition.score = self.score(definition.scheme.sketch, base.score)?;
        Ok(definition)
    }

    /// The slots of a sketch. THRESHOLD is about similarity, so it implies a sketch to estimate it with.
    fn sketch(&self, base: u16) -> u16 {
        let implied = self.threshold.map(|_| config::sketch_of_threshold());
        self.sketch.or(implied).unwrap_or(base)
    }

    /// The score of queries that name none, with a sketch of this many slots. THRESHOLD implies JACCARD, unless
    /// there is no sketch.
    fn score(&self, sketch: u16, base: ScoreMode) -> Result<ScoreMode, Error> {
        match self.score {
            Some(score) if score.is_possible_with(sketch) => Ok(score),
            Some(_) => Err(Error::Usage("SCORE JACCARD needs a SKETCH: give SKETCH 256, or another SCORE")),
            None if self.threshold.is_some() && sketch > 0 => Ok(ScoreMode::Jaccard),
            None if base.is_possible_with(sketch) => Ok(base),
            None => Ok(ScoreMode::default()),
        }
    }

    /// Bands and rows: either as given, or chosen by THRESHOLD.
    fn bands_and_rows(&self, base: &Definition) -> Result<(u16, u16), Error> {
        match self.threshold {
            Some(_) if self.bands.is_some() || self.rows.is_some() => {
                let text = "THRESHOLD chooses BANDS and ROWS: give either THRESHOLD, or BANDS and ROWS";
                Err(Error::Usage(text))
            }
            Some(threshold) => self.choose_bands_and_rows(threshold),
            None if self.recall.is_some() || self.slots.is_some() => {
                Err(Error::Usage("RECALL and SLOTS need THRESHOLD"))
            }
            None => self.given_bands_and_rows(base),
        }
    }

    fn choose_bands_and_rows(&self, threshold: f64) -> Result<(u16, u16), Error> {
        let recall = self.recall.unwrap_or_else(config::recall);
        let slots = self.slots.unwrap_or(config::SLOTS.size() as usize);
        choose_bands(threshold, recall, slots).ok_or_else(|| {
            let enough = format!("high enough for {slots} SLOTS to reach a RECALL of {recall}");
            Error::expected("THRESHOLD", enough + ": raise THRESHOLD or SLOTS")
        })
    }

    fn given_bands_and_rows(&self, base: &Definition) -> Result<(u16, u16), Error> {
        let bands = self.bands.unwrap_or(base.scheme.bands);
        let rows = self.rows.unwrap_or(base.scheme.rows);
        let slots = u64::from(bands) * u64::from(rows);
        let limit = *Definition::SLOTS.end();
        if slots > limit {
            return Err(Error::expected("BANDS times ROWS", format!("at most {limit}, not {slots}")));
        }
        Ok((bands, rows))
    }

    /// The hash and its modulus, which only MURMUR3 has. If the base has another hash, MODULUS defaults to
    /// that of the settings.
    fn hash(&self, base: Hash) -> Result<Hash, Error> {
        let name = self.hash.unwrap_or(HashName::from(base));
        if name == HashName::Fss && self.modulus.is_some() {
            return Err(Error::Usage("MODULUS needs HASH MURMUR3"));
        }
        let base_modulus = match base {
            Hash::Murmur3 { modulus } => modulus,
            Hash::Fss => config::modulus(),
        };
        Ok(name.with_modulus(self.modulus.or(base_modulus)))
    }
}

fn take_shingle(args: &mut Args) -> Result<Shingle, Error> {
    let shingle = args.word("SHINGLE", &SHINGLE_WORDS);
    let shingle = shingle.map_err(|_| Error::expected("SHINGLE", "CHARS n or WORDS n"))?;
    Ok(shingle(args.number("SHINGLE length", Definition::SHINGLE)? as u8))
}

fn take_sketch(args: &mut Args) -> Result<u16, Error> {
    let number = args.number("SKETCH", 0..=*Definition::SKETCH.end()).ok();
    let slots = number.filter(|slots| Definition::is_sketch(*slots));
    slots.map(|slots| slots as u16).ok_or_else(|| {
        let (least, most) = (Definition::SKETCH.start(), Definition::SKETCH.end());
        Error::expected("SKETCH", format!("0, or an integer between {least} and {most}"))
    })
}

fn take_uid(args: &mut Args) -> Result<u64, Error> {
    let text = args.bytes("UID")?;
    let digits = std::str::from_utf8(text).ok().filter(|text| text.len() == 16);
    let uid = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
    uid.ok_or_else(|| Error::expected("UID", format!("16 hex digits, not '{}'", escaped_excerpt(text))))
}
