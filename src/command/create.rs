//! ```text
//! SIM.CREATE scope [BANDS n] [ROWS n] | [THRESHOLD jaccard [RECALL p] [SLOTS n]]
//!     [INTERVAL seconds] [RETENTION intervals] [HASH FSS|MURMUR3] [SEED n] [MODULUS n]
//!     [SHINGLE CHARS n|WORDS n] [LOWERCASE yes|no] [MASK yes|no]
//! ```
//! From a primary or an AOF also `[UID hex] [TAG tag]`, which fix what is drawn otherwise.

use super::args::{Args, once};
use super::error::{Error, shown};
use super::settings;
use crate::index::Definition;
use crate::keyspace::name;
use crate::keyspace::scope::{Scope, ScopeKey};
use crate::server::call::{Call, Forward};
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

/// Carries the command out.
///
/// # Errors
/// A parameter is out of its limits, or the scope exists with another.
pub fn run(call: &Call) -> Result<(), Error> {
    let mut args = Args::new(call);
    let name = args.scope()?;
    let given = Given::take(&mut args)?;
    if !call.is_obeyed() && (given.uid.is_some() || given.tag.is_some()) {
        return Err(Error::NotObeyed("UID and TAG are"));
    }
    if let Some(key) = ScopeKey::open(call, name)? {
        let there = key.scope()?.definition;
        compare(&there, &given.over(there)?)?;
    } else {
        let definition = given.over(settings::definition())?;
        let tag = name::tag(given.tag.unwrap_or(name))?;
        let scope = Scope::new(definition, given.uid.unwrap_or_else(|| name::uid(call.random(), name)), &tag);
        replicate(call, name, &scope);
        ScopeKey::create(call, name, scope);
        call.changed(c"sim.create");
    }
    call.reply_ok();
    Ok(())
}

/// Replicates the creation of a scope with every parameter made explicit.
pub fn replicate(call: &Call, name: &[u8], scope: &Scope) {
    let mut words: Vec<Vec<u8>> = vec![name.to_vec()];
    for (parameter, value) in scope.definition.parameters() {
        words.push(parameter.into());
        words.extend(value.split(' ').map(Vec::from));
    }
    words.extend([
        b"UID".to_vec(),
        format!("{:016x}", scope.uid).into(),
        b"TAG".to_vec(),
        scope.tag().to_vec(),
    ]);
    let words: Vec<Forward> = words.iter().map(|word| Forward::Bytes(word)).collect();
    call.replicate(c"SIM.CREATE", &words);
}

/// Holds that two definitions are the same.
fn compare(there: &Definition, given: &Definition) -> Result<(), Error> {
    match there.difference(given, &[]) {
        Some((parameter, there, given)) => Err(Error::Differs { parameter, there, given }),
        None => Ok(()),
    }
}

/// The parameters that were given.
#[derive(Default)]
struct Given<'a> {
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
    uid: Option<u64>,
    tag: Option<&'a [u8]>,
}

impl<'a> Given<'a> {
    fn take(args: &mut Args<'a>) -> Result<Given<'a>, Error> {
        let mut given = Given::default();
        while let Some(keyword) = args.keyword(&KEYWORDS, EXPECTED)? {
            given.take_one(keyword, args)?;
        }
        Ok(given)
    }

    fn take_one(&mut self, keyword: &'static str, args: &mut Args<'a>) -> Result<(), Error> {
        match keyword {
            "BANDS" => once(&mut self.bands, keyword, args.number(keyword, Definition::BANDS)? as u16),
            "ROWS" => once(&mut self.rows, keyword, args.number(keyword, Definition::ROWS)? as u16),
            "THRESHOLD" => {
                let is = |threshold| threshold > 0.0 && threshold <= 1.0;
                once(&mut self.threshold, keyword, args.float(keyword, "a number above 0 and at most 1", is)?)
            }
            "RECALL" => {
                let is = |recall| recall > 0.0 && recall < 1.0;
                once(&mut self.recall, keyword, args.float(keyword, "a number above 0 and below 1", is)?)
            }
            "SLOTS" => once(&mut self.slots, keyword, args.number(keyword, Definition::SLOTS)? as usize),
            "INTERVAL" => once(&mut self.interval, keyword, args.number(keyword, Definition::INTERVAL)?),
            "RETENTION" => {
                once(&mut self.retention, keyword, args.number(keyword, Definition::RETENTION)? as u32)
            }
            "HASH" => once(&mut self.is_murmur3, keyword, take_hash(args)?),
            "SEED" => once(&mut self.seed, keyword, args.number(keyword, Definition::SEED)? as u32),
            "MODULUS" => once(&mut self.modulus, keyword, args.number(keyword, Definition::MODULUS)? as u32),
            "SHINGLE" => once(&mut self.shingle, keyword, take_shingle(args)?),
            "LOWERCASE" => once(&mut self.lowercase, keyword, args.yes_no(keyword)?),
            "MASK" => once(&mut self.mask, keyword, args.yes_no(keyword)?),
            "UID" => once(&mut self.uid, keyword, take_uid(args)?),
            _ => once(&mut self.tag, keyword, args.bytes(keyword)?),
        }
    }

    /// The definition with these parameters, and those of `base` where none is given.
    fn over(&self, base: Definition) -> Result<Definition, Error> {
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
        let recall = self.recall.unwrap_or_else(settings::recall);
        let slots = self.slots.unwrap_or(settings::SLOTS.size() as usize);
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
            (true, Hash::Fss) => Ok(Hash::Murmur3 { modulus: self.modulus.or_else(settings::modulus) }),
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
    uid.ok_or_else(|| Error::Expected("UID", format!("16 hex digits, not '{}'", shown(text))))
}
