//! The module's settings: every default of a definition, and every limit.

use crate::index::Definition;
use crate::index::codec::MAX_NAME;
use crate::server::setting::{Setting, Text};
use crate::signature::{Hash, Scheme, Shingle, TextRules};
use std::ops::RangeInclusive;

const fn within(limits: &RangeInclusive<u64>) -> RangeInclusive<i64> {
    *limits.start() as i64..=*limits.end() as i64
}

/// Bands of a new scope.
pub static BANDS: Setting = Setting::number("bands", 16, within(&Definition::BANDS));
/// Rows of a new scope.
pub static ROWS: Setting = Setting::number("rows", 2, within(&Definition::ROWS));
/// Seconds of an interval of a new scope.
pub static INTERVAL: Setting = Setting::number("interval", 2_592_000, within(&Definition::INTERVAL));
/// Intervals that a new scope keeps before the current one.
pub static RETENTION: Setting = Setting::number("retention", 3, within(&Definition::RETENTION));
/// How a new scope hashes; 0 is FSS, 1 MURMUR3.
pub static HASH: Setting = Setting::text("hash", 0, HASH_TEXT);
/// The seed of a new scope's hash.
pub static SEED: Setting = Setting::number("seed", 0, within(&Definition::SEED));
/// The modulus of a new scope with MURMUR3; 0 is none.
pub static MODULUS: Setting = Setting::number("modulus", 0, 0..=*Definition::MODULUS.end() as i64);
/// The shingles of a new scope; characters are positive, words negative.
pub static SHINGLE: Setting = Setting::text("shingle", 5, SHINGLE_TEXT);
/// Whether a new scope takes text in lower case.
pub static LOWERCASE: Setting = Setting::yes_no("lowercase", false);
/// Whether a new scope masks numbers in text.
pub static MASK: Setting = Setting::yes_no("mask", false);
/// The recall that THRESHOLD asks for, in millionths.
pub static RECALL: Setting = Setting::text("recall", 950_000, RECALL_TEXT);
/// The slots that THRESHOLD may use.
pub static SLOTS: Setting = Setting::number("slots", 128, within(&Definition::SLOTS));
/// Whether RECORD makes a scope that is missing.
pub static AUTO_CREATE: Setting = Setting::yes_no("auto-create", true);
/// Bytes of a name: of a scope, an index, an item, a bucket.
pub static MAX_NAME_BYTES: Setting = Setting::number("max-name", 65_536, 64..=MAX_NAME as i64);
/// Bytes of a TEXT.
pub static MAX_TEXT: Setting = Setting::number("max-text", 1 << 20, 1..=1 << 29);
/// Features times slots of a clause.
pub static MAX_FEATURE_SLOTS: Setting = Setting::number("max-feature-slots", 1 << 24, 1..=1 << 40);
/// What a command may cost, in postings that it reads.
pub static MAX_POSTINGS: Setting = Setting::number("max-postings", 1_000_000, 1..=i64::MAX);
/// Whether SIM.DEBUG is there, for tests.
pub static DEBUG: Setting = Setting::yes_no("debug", false);

/// All of them.
pub static ALL: [&Setting; 18] = [
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
    &RECALL,
    &SLOTS,
    &AUTO_CREATE,
    &MAX_NAME_BYTES,
    &MAX_TEXT,
    &MAX_FEATURE_SLOTS,
    &MAX_POSTINGS,
    &DEBUG,
];
/// Those that cannot be changed while the server runs.
pub static FIXED: [&Setting; 1] = [&DEBUG];

const HASH_TEXT: Text = Text {
    read: |text| match text.to_ascii_uppercase().as_str() {
        "FSS" => Some(0),
        "MURMUR3" => Some(1),
        _ => None,
    },
    write: |hash| if hash == 0 { "FSS" } else { "MURMUR3" }.to_string(),
    expected: "FSS or MURMUR3",
};

const SHINGLE_TEXT: Text = Text {
    read: |text| {
        let (unit, length) = text.split_once(' ')?;
        let length = length.parse::<i64>().ok().filter(|n| within(&Definition::SHINGLE).contains(n))?;
        match unit.to_ascii_uppercase().as_str() {
            "CHARS" => Some(length),
            "WORDS" => Some(-length),
            _ => None,
        }
    },
    write: |length| {
        if length < 0 { format!("WORDS {}", -length) } else { format!("CHARS {length}") }
    },
    expected: "CHARS n or WORDS n, with n between 1 and 64",
};

const MILLION: f64 = 1e6;

const RECALL_TEXT: Text = Text {
    read: |text| {
        let recall = text.parse::<f64>().ok().filter(|recall| *recall > 0.0 && *recall < 1.0)?;
        Some((recall * MILLION).round() as i64)
    },
    write: |millionths| (millionths as f64 / MILLION).to_string(),
    expected: "a number above 0 and below 1",
};

/// The recall that THRESHOLD asks for.
pub fn recall() -> f64 {
    RECALL.get() as f64 / MILLION
}

/// The modulus of a scope with MURMUR3 that is made without one.
pub fn modulus() -> Option<u32> {
    u32::try_from(MODULUS.get()).ok().filter(|modulus| *modulus > 0)
}

/// The definition of a scope that is made without parameters.
pub fn definition() -> Definition {
    let hash = if HASH.get() == 0 { Hash::Fss } else { Hash::Murmur3 { modulus: modulus() } };
    let length = SHINGLE.size() as u8;
    let shingle = if SHINGLE.get() < 0 { Shingle::Words(length) } else { Shingle::Chars(length) };
    Definition {
        scheme: Scheme { hash, seed: SEED.get() as u32, bands: BANDS.get() as u16, rows: ROWS.get() as u16 },
        text: TextRules { shingle, lowercase: LOWERCASE.is_yes(), mask: MASK.is_yes() },
        interval: INTERVAL.size(),
        retention: RETENTION.get() as u32,
    }
}

/// What must hold between settings.
///
/// # Errors
/// What does not.
pub fn check() -> Result<(), String> {
    let slots = BANDS.size() * ROWS.size();
    if Definition::SLOTS.contains(&slots) {
        return Ok(());
    }
    Err(format!("bands times rows must be at most {}, not {slots}", Definition::SLOTS.end()))
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
    fn words_are_read_as_they_are_written() {
        for (text, kind) in
            [("MURMUR3", &HASH_TEXT), ("FSS", &HASH_TEXT), ("WORDS 3", &SHINGLE_TEXT), ("0.95", &RECALL_TEXT)]
        {
            assert_eq!((kind.read)(text).map(kind.write).as_deref(), Some(text));
        }
        for (text, kind) in [
            ("sha", &HASH_TEXT),
            ("CHARS 0", &SHINGLE_TEXT),
            ("WORDS", &SHINGLE_TEXT),
            ("1", &RECALL_TEXT),
            ("nan", &RECALL_TEXT),
        ] {
            assert_eq!((kind.read)(text), None, "{text}");
        }
    }
}
