//! Clauses: where a signature comes from.
//!
//! ```text
//! SIGNATURE index count bucket [bucket ...]
//! FEATURES  index count [feature ...]
//! TEXT      index text
//! ```

use super::args::{Args, check_length};
use super::cost;
use super::error::Error;
use super::settings;
use crate::index::{Definition, Profile};
use crate::server::call::Call;
use crate::signature::Signature;
use smallvec::SmallVec;
use std::ops::Range;

/// The words that clauses begin with.
pub const KEYWORDS: [&str; 3] = ["SIGNATURE", "FEATURES", "TEXT"];

/// Arguments of the command, by their positions.
type Positions = Range<usize>;

/// Where a signature comes from.
pub enum Source<'a> {
    /// Ready buckets.
    Signature(Positions),
    /// A set of features.
    Features(Positions),
    /// A text.
    Text(&'a [u8]),
}

impl<'a> Source<'a> {
    /// Takes what follows a keyword and, where there is one, the index.
    ///
    /// # Errors
    /// An argument is missing or not what it should be.
    pub fn take(keyword: &str, args: &mut Args<'a>) -> Result<Source<'a>, Error> {
        if keyword == "TEXT" {
            return Ok(Source::Text(args.bytes("text")?));
        }
        let count = args.number("count", 0..=u32::MAX.into())? as usize;
        match keyword {
            "SIGNATURE" => Ok(Source::Signature(args.several("bucket", count)?)),
            _ => Ok(Source::Features(args.several("feature", count)?)),
        }
    }

    /// The observation that this is under a definition; `None` where there is no feature.
    ///
    /// # Errors
    /// There are not as many buckets as bands, the text is not UTF-8, or a limit is passed.
    pub fn observe(
        &self,
        call: &Call<'a>,
        definition: &Definition,
    ) -> Result<Option<Observation<'a>>, Error> {
        match self {
            Source::Signature(positions) => ready(call, positions, definition).map(Some),
            Source::Features(positions) => {
                let features = positions.clone().map(|at| call.argument(at));
                let bytes = features.clone().map(<[u8]>::len).sum();
                check_work(call, "features", positions.len(), bytes, definition)?;
                Ok(definition.scheme.sign(features).map(Observation::Signed))
            }
            Source::Text(text) => {
                let limit = settings::MAX_TEXT.size();
                if text.len() as u64 > limit && !call.is_obeyed() {
                    return Err(Error::Expected(
                        "text",
                        format!("at most {limit} bytes long (simile.max-text)"),
                    ));
                }
                cost::text(call, text.len())?;
                let utf8 = |_| Error::Expected("text", "valid UTF-8".to_string());
                let prepared = definition.text.prepare(std::str::from_utf8(text).map_err(utf8)?);
                check_work(call, "text", prepared.count(), prepared.most_bytes(), definition)?;
                Ok(definition.scheme.sign(prepared.features()).map(Observation::Signed))
            }
        }
    }
}

fn ready<'a>(
    call: &Call<'a>,
    positions: &Positions,
    definition: &Definition,
) -> Result<Observation<'a>, Error> {
    let bands = usize::from(definition.bands());
    if positions.len() != bands {
        return Err(Error::Expected(
            "count",
            format!("{bands}, the scope's BANDS: a signature has a bucket for each"),
        ));
    }
    cost::spend(call, cost::NAME + cost::ENTRY * bands as u64)?;
    let mut buckets = SmallVec::new();
    for bucket in positions.clone().map(|at| call.argument(at)) {
        check_length(call, "bucket", bucket)?;
        buckets.push(bucket);
    }
    Ok(Observation::Ready(buckets))
}

/// Bytes of features that are hashed in about the time that a feature takes by itself.
const BYTES: u64 = 16;

/// Holds that signing is not too much work: neither too many features, nor too long ones.
fn check_work(
    call: &Call,
    what: &'static str,
    features: usize,
    bytes: usize,
    definition: &Definition,
) -> Result<(), Error> {
    let (limit, slots) = (settings::MAX_FEATURE_SLOTS.size(), definition.scheme.slots() as u64);
    if features as u64 * slots > limit && !call.is_obeyed() {
        let most = limit / slots;
        return Err(Error::Expected(
            what,
            format!("at most {most} features of {slots} slots (simile.max-feature-slots)"),
        ));
    }
    if (bytes as u64 / BYTES).saturating_mul(slots) > limit && !call.is_obeyed() {
        let most = limit / slots * BYTES;
        return Err(Error::Expected(
            what,
            format!("at most {most} bytes of features for {slots} slots (simile.max-feature-slots)"),
        ));
    }
    cost::signing(call, features, bytes, slots)
}

/// A signature: one bucket for each band.
pub enum Observation<'a> {
    /// Made by a client.
    Ready(SmallVec<[&'a [u8]; 16]>),
    /// Made here.
    Signed(Signature),
}

impl Observation<'_> {
    /// The buckets, band by band.
    pub fn buckets(&self) -> impl Iterator<Item = &[u8]> {
        let (ready, signed) = match self {
            Observation::Ready(buckets) => (buckets.as_slice(), None),
            Observation::Signed(signature) => (&[][..], Some(signature.buckets())),
        };
        ready.iter().copied().chain(signed.into_iter().flatten())
    }

    /// The profile of this single observation.
    pub fn profile(&self) -> Profile<'_> {
        Profile::of_signature(self.buckets())
    }
}

/// A clause of RECORD or CLASSIFY: an index, and what was seen in it.
pub struct Clause<'a> {
    /// The index's name.
    pub index: &'a [u8],
    /// Where its signature comes from.
    pub source: Source<'a>,
}

impl<'a> Clause<'a> {
    /// Takes what follows a keyword.
    ///
    /// # Errors
    /// An argument is missing or not what it should be.
    pub fn take(keyword: &str, args: &mut Args<'a>) -> Result<Clause<'a>, Error> {
        Ok(Clause { index: args.index()?, source: Source::take(keyword, args)? })
    }
}
