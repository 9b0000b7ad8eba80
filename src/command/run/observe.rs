//! From a clause to an observation: what a source observes under a definition, and what signing may cost.

use super::cost;
use crate::command::error::Error;
use crate::command::parse::args::check_length;
use crate::command::parse::clause::{Positions, Source};
use crate::config;
use crate::index::{Definition, Profile};
use crate::server::call::Call;
use crate::signature::Signature;
use smallvec::SmallVec;

impl<'a> Source<'a> {
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
                let limit = config::MAX_TEXT.size();
                if text.len() as u64 > limit && !call.is_trusted_source() {
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
    let (limit, slots) = (config::MAX_FEATURE_SLOTS.size(), definition.scheme.slots() as u64);
    if features as u64 * slots > limit && !call.is_trusted_source() {
        let most = limit / slots;
        return Err(Error::Expected(
            what,
            format!("at most {most} features of {slots} slots (simile.max-feature-slots)"),
        ));
    }
    if (bytes as u64 / BYTES).saturating_mul(slots) > limit && !call.is_trusted_source() {
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
