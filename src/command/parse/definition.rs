//! The parameters of a definition, as SIM.CREATE takes them.

use super::args::{Args, set_once};
use crate::command::error::{Error, escaped_excerpt};
use crate::config;
use crate::index::Definition;
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
    "UID",
    "TAG",
];
const EXPECTED: &str = "BANDS, ROWS, THRESHOLD, RECALL, SLOTS, INTERVAL, RETENTION, HASH, SEED, MODULUS, SHINGLE, LOWERCASE or MASK";

/// The parameters that were given.
#[derive(Default)]
pub struct CreateOptions<'a> {
    bands: Option<u16>,
    rows: Option<u16>,
    threshold: Option<f64>,
    recall: Option<f64>,
    slots: Option<usize>,
    interval: Option<u64>,
    retention: Option<u32>,
    is_murmur3: Option<bool>,
    seed: Option<u32>,
    modulus: Option<u32>,
    shingle: Option<Shingle>,
    lowercase: Option<bool>,
    mask: Option<bool>,
    /// UID, from a primary or an AOF.
    pub uid: Option<u64>,
    /// TAG, from a primary or an AOF.
    pub tag: Option<&'a [u8]>,
}

impl<'a> CreateOptions<'a> {
    /// Takes parameters up to the end.
    ///
    /// # Errors
    /// A value is missing, out of its limits, or given twice.
    pub fn take(args: &mut Args<'a>) -> Result<CreateOptions<'a>, Error> {
        let mut given = CreateOptions::default();
        while let Some(keyword) = args.keyword(&KEYWORDS, EXPECTED)? {
            given.take_one(keyword, args)?;
        }
        Ok(given)
    }

    fn take_one(&mut self, keyword: &'static str, args: &mut Args<'a>) -> Result<(), Error> {
        match keyword {
            "BANDS" => set_once(&mut self.bands, keyword, args.number(keyword, Definition::BANDS)? as u16),
            "ROWS" => set_once(&mut self.rows, keyword, args.number(keyword, Definition::ROWS)? as u16),
            "THRESHOLD" => {
                let is = |threshold| threshold > 0.0 && threshold <= 1.0;
                set_once(
                    &mut self.threshold,
                    keyword,
                    args.float(keyword, "a number above 0 and at most 1", is)?,
                )
            }
            "RECALL" => {
                let is = |recall| recall > 0.0 && recall < 1.0;
                set_once(&mut self.recall, keyword, args.float(keyword, "a number above 0 and below 1", is)?)
            }
            "SLOTS" => set_once(&mut self.slots, keyword, args.number(keyword, Definition::SLOTS)? as usize),
            "INTERVAL" => set_once(&mut self.interval, keyword, args.number(keyword, Definition::INTERVAL)?),
            "RETENTION" => {
                set_once(&mut self.retention, keyword, args.number(keyword, Definition::RETENTION)? as u32)
            }
            "HASH" => set_once(&mut self.is_murmur3, keyword, take_hash(args)?),
            "SEED" => set_once(&mut self.seed, keyword, args.number(keyword, Definition::SEED)? as u32),
            "MODULUS" => {
                set_once(&mut self.modulus, keyword, args.number(keyword, Definition::MODULUS)? as u32)
            }
            "SHINGLE" => set_once(&mut self.shingle, keyword, take_shingle(args)?),
            "LOWERCASE" => set_once(&mut self.lowercase, keyword, args.yes_no(keyword)?),
            "MASK" => set_once(&mut self.mask, keyword, args.yes_no(keyword)?),
            "UID" => set_once(&mut self.uid, keyword, take_uid(args)?),
            _ => set_once(&mut self.tag, keyword, args.bytes(keyword)?),
        }
    }

    /// The definition with these parameters, and those of `base` where none is given.
    ///
    /// # Errors
    /// Parameters exclude each other, or have a product out of its limits.
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
        Ok(definition)
    }

    fn bands_and_rows(&self, base: &Definition) -> Result<(u16, u16), Error> {
        let Some(threshold) = self.threshold else {
            if self.recall.is_some() || self.slots.is_some() {
                return Err(Error::Together("RECALL and SLOTS go with THRESHOLD"));
            }
            let (bands, rows) =
                (self.bands.unwrap_or(base.scheme.bands), self.rows.unwrap_or(base.scheme.rows));
            let (slots, most) = (u64::from(bands) * u64::from(rows), Definition::SLOTS.end());
            if slots > *most {
                return Err(Error::Expected("BANDS times ROWS", format!("at most {most}, not {slots}")));
            }
            return Ok((bands, rows));
        };
        if self.bands.is_some() || self.rows.is_some() {
            return Err(Error::Together("THRESHOLD chooses BANDS and ROWS: give it, or them"));
        }
        let recall = self.recall.unwrap_or_else(config::recall);
        let slots = self.slots.unwrap_or(config::SLOTS.size() as usize);
        choose_bands(threshold, recall, slots).ok_or_else(|| {
            let expected = format!("such that {slots} SLOTS reach a RECALL of {recall}: raise it, or SLOTS");
            Error::Expected("THRESHOLD", expected)
        })
    }

    fn hash(&self, base: Hash) -> Result<Hash, Error> {
        let is_murmur3 = self.is_murmur3.unwrap_or(matches!(base, Hash::Murmur3 { .. }));
        match (is_murmur3, base) {
            (false, _) if self.modulus.is_some() => Err(Error::Together("MODULUS goes with HASH MURMUR3")),
            (false, _) => Ok(Hash::Fss),
            (true, Hash::Murmur3 { modulus }) => Ok(Hash::Murmur3 { modulus: self.modulus.or(modulus) }),
            (true, Hash::Fss) => Ok(Hash::Murmur3 { modulus: self.modulus.or_else(config::modulus) }),
        }
    }
}

fn take_hash(args: &mut Args) -> Result<bool, Error> {
    match args.bytes("HASH") {
        Ok(word) if word.eq_ignore_ascii_case(b"FSS") => Ok(false),
        Ok(word) if word.eq_ignore_ascii_case(b"MURMUR3") => Ok(true),
        _ => Err(Error::Expected("HASH", "FSS or MURMUR3".to_string())),
    }
}

fn take_shingle(args: &mut Args) -> Result<Shingle, Error> {
    let unit = args.bytes("SHINGLE").unwrap_or_default();
    let is_words = unit.eq_ignore_ascii_case(b"WORDS");
    if !is_words && !unit.eq_ignore_ascii_case(b"CHARS") {
        return Err(Error::Expected("SHINGLE", "CHARS n or WORDS n".to_string()));
    }
    let length = args.number("SHINGLE length", Definition::SHINGLE)? as u8;
    Ok(if is_words { Shingle::Words(length) } else { Shingle::Chars(length) })
}

fn take_uid(args: &mut Args) -> Result<u64, Error> {
    let text = args.bytes("UID")?;
    let uid = std::str::from_utf8(text).ok().filter(|text| text.len() == 16);
    let uid = uid.and_then(|text| u64::from_str_radix(text, 16).ok());
    uid.ok_or_else(|| Error::Expected("UID", format!("16 hex digits, not '{}'", escaped_excerpt(text))))
}
