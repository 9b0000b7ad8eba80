//! The settings of the module: the defaults of a new scope's definition, and the limits of what a
//! command may do.
//!
//! [`crate::server::setting`] reads and writes them, from the arguments of `loadmodule`, redis.conf and
//! CONFIG SET. It keeps each as one integer; those that users write as words are encoded at the end of
//! this file.

use crate::index::codec::MAX_NAME;
use crate::index::{Definition, ScoreMode};
use crate::server::setting::{Setting, Text};
use crate::signature::{Hash, Scheme, Shingle, TextRules};
use std::ops::RangeInclusive;

/// The limits of a definition's parameter as those of a setting.
const fn setting_limits(limits: &RangeInclusive<u64>) -> RangeInclusive<i64> {
    *limits.start() as i64..=*limits.end() as i64
}

// Defaults of a new scope.

/// BANDS.
pub static BANDS: Setting = Setting::number("bands", 16, setting_limits(&Definition::BANDS));
/// ROWS.
pub static ROWS: Setting = Setting::number("rows", 2, setting_limits(&Definition::ROWS));
/// INTERVAL, in seconds.
pub static INTERVAL: Setting = Setting::number("interval", 2_592_000, setting_limits(&Definition::INTERVAL));
/// RETENTION: the intervals that are kept before the current one.
pub static RETENTION: Setting = Setting::number("retention", 3, setting_limits(&Definition::RETENTION));
/// HASH.
pub static HASH: Setting = Setting::text("hash", encode_hash(HashName::Fss), HASH_TEXT);
/// SEED of the hash.
pub static SEED: Setting = Setting::number("seed", 0, setting_limits(&Definition::SEED));
/// MODULUS of a scope with HASH MURMUR3; 0 for none.
pub static MODULUS: Setting = Setting::number("modulus", 0, 0..=*Definition::MODULUS.end() as i64);
/// SHINGLE.
pub static SHINGLE: Setting = Setting::text("shingle", encode_shingle(Shingle::Chars(5)), SHINGLE_TEXT);
/// LOWERCASE.
pub static LOWERCASE: Setting = Setting::yes_no("lowercase", false);
/// MASK.
pub static MASK: Setting = Setting::yes_no("mask", false);
/// SKETCH: the slots of a sketch, or 0 for none.
pub static SKETCH: Setting = Setting::text("sketch", 0, SKETCH_TEXT);
/// SCORE.
pub static SCORE: Setting = Setting::text("score", encode_score(ScoreMode::Overlap), SCORE_TEXT);
/// RECALL that THRESHOLD aims at: 0.95.
pub static RECALL: Setting = Setting::text("recall", 950_000, RECALL_TEXT);
/// SLOTS that THRESHOLD may use.
pub static SLOTS: Setting = Setting::number("slots", 128, setting_limits(&Definition::SLOTS));

// Limits of commands, and switches.

/// True if RECORD creates a scope that is missing.
pub static AUTO_CREATE: Setting = Setting::yes_no("auto-create", true);
/// True if DEL and UNLINK of a scope free its chunks.
pub static DEL_FREES_CHUNKS: Setting = Setting::yes_no("del-frees-chunks", true);
/// The most bytes of a name: of a scope, an index, an item or a bucket.
pub static MAX_NAME_BYTES: Setting = Setting::number("max-name", 65_536, 64..=MAX_NAME as i64);
/// The most bytes of a TEXT.
pub static MAX_TEXT: Setting = Setting::number("max-text", 1 << 20, 1..=1 << 29);
/// The most features of a clause, times slots of the scope.
pub static MAX_FEATURE_SLOTS: Setting = Setting::number("max-feature-slots", 1 << 24, 1..=1 << 40);
/// The budget of a command, in postings that a search reads.
pub static MAX_POSTINGS: Setting = Setting::number("max-postings", 1_000_000, 1..=i64::MAX);
/// True if SIM.DEBUG exists, for tests.
pub static DEBUG: Setting = Setting::yes_no("debug", false);

/// All settings.
pub static ALL: [&Setting; 21] = [
    &BANDS,
    &ROWS,
    &INTERVAL,
    &RETENTION,
    &HASH,
    &SEED,
    &MODULUS,
    &SHINGLE,
    &LOWERCASE,
    &MASK,
    &SKETCH,
    &SCORE,
    &RECALL,
    &SLOTS,
    &AUTO_CREATE,
    &DEL_FREES_CHUNKS,
    &MAX_NAME_BYTES,
    &MAX_TEXT,
    &MAX_FEATURE_SLOTS,
    &MAX_POSTINGS,
    &DEBUG,
];
/// The settings that cannot be changed while the server runs.
pub static FIXED: [&Setting; 1] = [&DEBUG];

/// The definition of a scope that is created without parameters.
pub fn definition() -> Definition {
    Definition {
        scheme: Scheme {
            hash: decode_hash(HASH.get()).with_modulus(modulus()),
            seed: SEED.get() as u32,
            bands: BANDS.get() as u16,
            rows: ROWS.get() as u16,
            sketch: SKETCH.get() as u16,
        },
        text: TextRules {
            shingle: decode_shingle(SHINGLE.get()),
            lowercase: LOWERCASE.is_yes(),
            mask: MASK.is_yes(),
        },
        interval: INTERVAL.size(),
        retention: RETENTION.get() as u32,
        score: decode_score(SCORE.get()),
    }
}

/// The SKETCH that THRESHOLD implies, if no other is set.
const SKETCH_OF_THRESHOLD: u16 = 256;

/// The SKETCH that THRESHOLD implies.
pub fn sketch_of_threshold() -> u16 {
    match SKETCH.get() as u16 {
        0 => SKETCH_OF_THRESHOLD,
        slots => slots,
    }
}

/// The MODULUS of a scope with HASH MURMUR3 that is created without one.
pub fn modulus() -> Option<u32> {
    u32::try_from(MODULUS.get()).ok().filter(|modulus| *modulus > 0)
}

/// The recall that THRESHOLD aims at.
pub fn recall() -> f64 {
    decode_recall(RECALL.get())
}

/// The value of HASH: a hash without its modulus, which is a parameter of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashName {
    /// Fast similarity sketching.
    Fss,
    /// Classic MinHash over MurmurHash3.
    Murmur3,
}

impl HashName {
    /// The words for it.
    pub const WORDS: [(&'static str, HashName); 2] = [("FSS", HashName::Fss), ("MURMUR3", HashName::Murmur3)];

    /// The hash of this name. FSS has no modulus.
    pub fn with_modulus(self, modulus: Option<u32>) -> Hash {
        match self {
            HashName::Fss => Hash::Fss,
            HashName::Murmur3 => Hash::Murmur3 { modulus },
        }
    }
}

impl From<Hash> for HashName {
    fn from(hash: Hash) -> HashName {
        match hash {
            Hash::Fss => HashName::Fss,
            Hash::Murmur3 { .. } => HashName::Murmur3,
        }
    }
}

/// A function that makes a shingle of a length.
pub type ShingleOfLength = fn(u8) -> Shingle;

/// The words of SHINGLE, each with the function that makes a shingle of a length.
pub const SHINGLE_WORDS: [(&str, ShingleOfLength); 2] =
    [("CHARS", Shingle::Chars), ("WORDS", Shingle::Words)];

// A setting is one integer, so the settings that are not numbers are encoded. The encodings exist only
// in the memory of a running server: users, redis.conf and CONFIG GET have the texts.

const fn encode_hash(hash: HashName) -> i64 {
    match hash {
        HashName::Fss => 0,
        HashName::Murmur3 => 1,
    }
}

fn decode_hash(value: i64) -> HashName {
    if value == encode_hash(HashName::Fss) { HashName::Fss } else { HashName::Murmur3 }
}

const HASH_TEXT: Text = Text {
    read: |text| meaning(text, &HashName::WORDS).map(encode_hash),
    write: |value| {
        let hash = decode_hash(value);
        let word = HashName::WORDS.iter().find(|(_, meaning)| *meaning == hash);
        word.map_or_else(String::new, |(word, _)| (*word).to_string())
    },
    expected: "FSS or MURMUR3",
};

/// The bit that tells words from characters. The length, at most 64, is in the bits below it.
const WORDS_BIT: i64 = 1 << 8;

const fn encode_shingle(shingle: Shingle) -> i64 {
    match shingle {
        Shingle::Chars(length) => length as i64,
        Shingle::Words(length) => WORDS_BIT | length as i64,
    }
}

fn decode_shingle(value: i64) -> Shingle {
    let length = (value & !WORDS_BIT) as u8;
    if value & WORDS_BIT == 0 { Shingle::Chars(length) } else { Shingle::Words(length) }
}

const SHINGLE_TEXT: Text = Text {
    read: |text| {
        let (unit, length) = text.split_once(' ')?;
        let length = length.parse::<u64>().ok().filter(|length| Definition::SHINGLE.contains(length))?;
        meaning(unit, &SHINGLE_WORDS).map(|shingle| encode_shingle(shingle(length as u8)))
    },
    write: |value| match decode_shingle(value) {
        Shingle::Chars(length) => format!("CHARS {length}"),
        Shingle::Words(length) => format!("WORDS {length}"),
    },
    expected: "CHARS n or WORDS n, with n between 1 and 64",
};

const SKETCH_TEXT: Text = Text {
    read: |text| {
        let slots = text.parse::<u64>().ok();
        slots.filter(|slots| Definition::is_sketch(*slots)).map(|slots| slots as i64)
    },
    write: |value| value.to_string(),
    expected: "0, or an integer between 16 and 4096",
};

const fn encode_score(score: ScoreMode) -> i64 {
    score.number() as i64
}

fn decode_score(value: i64) -> ScoreMode {
    ScoreMode::from_number(value as u64).unwrap_or_default()
}

const SCORE_TEXT: Text = Text {
    read: |text| meaning(text, &ScoreMode::WORDS).map(encode_score),
    write: |value| decode_score(value).word().to_string(),
    expected: "OVERLAP, COVERAGE, SIGNIFICANCE or JACCARD",
};

/// A recall is kept as a whole number of millionths.
const MILLIONTHS: f64 = 1e6;

fn encode_recall(recall: f64) -> i64 {
    (recall * MILLIONTHS).round() as i64
}

fn decode_recall(value: i64) -> f64 {
    value as f64 / MILLIONTHS
}

const RECALL_TEXT: Text = Text {
    read: |text| {
        let recall = text.parse::<f64>().ok().filter(|recall| *recall > 0.0 && *recall < 1.0);
        recall.map(encode_recall)
    },
    write: |value| decode_recall(value).to_string(),
    expected: "a number above 0 and below 1",
};

/// The meaning of a word, in upper or lower case.
fn meaning<T: Copy>(text: &str, words: &[(&str, T)]) -> Option<T> {
    let found = words.iter().find(|(word, _)| text.eq_ignore_ascii_case(word));
    found.map(|(_, meaning)| *meaning)
}

/// Checks the conditions on several settings: BANDS times ROWS is a number of slots that a scope may have, and
/// SCORE is not JACCARD without a SKETCH. CONFIG SET replies with the error.
pub fn check() -> Result<(), String> {
    let slots = BANDS.size() * ROWS.size();
    if !Definition::SLOTS.contains(&slots) {
        return Err(format!("bands times rows must be at most {}, not {slots}", Definition::SLOTS.end()));
    }
    if !decode_score(SCORE.get()).is_possible_with(SKETCH.get() as u16) {
        return Err("score JACCARD needs a sketch: set sketch, too, for example to 256".to_string());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_settings_a_scope_is_the_default_definition() {
        assert_eq!(definition(), Definition::default());
        assert_eq!(check(), Ok(()));
    }

    #[test]
    fn a_setting_is_read_as_it_is_written() {
        for (text, kind) in [
            ("FSS", HASH_TEXT),
            ("MURMUR3", HASH_TEXT),
            ("CHARS 64", SHINGLE_TEXT),
            ("WORDS 3", SHINGLE_TEXT),
            ("0", SKETCH_TEXT),
            ("256", SKETCH_TEXT),
            ("JACCARD", SCORE_TEXT),
            ("0.95", RECALL_TEXT),
        ] {
            assert_eq!((kind.read)(text).map(kind.write).as_deref(), Some(text));
        }
        for (text, kind) in [
            ("sha", HASH_TEXT),
            ("CHARS 0", SHINGLE_TEXT),
            ("CHARS 65", SHINGLE_TEXT),
            ("WORDS", SHINGLE_TEXT),
            ("15", SKETCH_TEXT),
            ("4097", SKETCH_TEXT),
            ("BEST", SCORE_TEXT),
            ("1", RECALL_TEXT),
            ("nan", RECALL_TEXT),
        ] {
            assert_eq!((kind.read)(text), None, "{text}");
        }
    }
}
