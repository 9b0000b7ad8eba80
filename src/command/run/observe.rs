//! From a clause to an observation: takes its buckets, or signs its features or text, within the limits of
//! a command.

use super::cost;
use crate::command::error::Error;
use crate::command::parse::args::check_length;
use crate::command::parse::clause::{self, Positions, Source};
use crate::config;
use crate::index::{Definition, Profile};
use crate::server::call::Call;
use crate::signature::{Scheme, Signature};
use foldhash::quality::RandomState;
use hashbrown::HashSet;
use smallvec::SmallVec;

impl<'a> Source<'a> {
    /// The observation of this source under a definition; `None` if it has no features, such as an empty
    /// text. A sketch of features or a text takes as long as their buckets, so it is only made if
    /// `needs_sketch` is true.
    ///
    /// # Errors
    /// The number of buckets is not that of bands, or that of a sketch's slots not SKETCH; the text is not UTF-8,
    /// or a limit is exceeded.
    pub fn observe(
        &self,
        call: &Call<'a>,
        definition: &Definition,
        needs_sketch: bool,
    ) -> Result<Option<Observation<'a>>, Error> {
        let sketch = if needs_sketch { definition.scheme.sketch } else { 0 };
        let scheme = Scheme { sketch, ..definition.scheme };
        match self {
            Source::Signature(positions, sketch) => {
                sketch.map_or(Ok(()), |sketch| check_sketch(sketch, definition))?;
                let buckets = take_buckets(call, positions, definition)?;
                Ok(Some(Observation::Given { buckets, positions: positions.clone(), sketch: *sketch }))
            }
            Source::Features(positions) => {
                let features = positions.clone().map(|position| call.argument(position));
                let bytes = features.clone().map(<[u8]>::len).sum();
                Ok(sign(call, "features", features, bytes, &scheme)?.map(Observation::Signed))
            }
            Source::Text(text) => {
                // Each step is checked and charged for before it is done: first shingling, then signing.
                check_text(call, text)?;
                let not_utf8 = |_| Error::expected("text", "valid UTF-8");
                let prepared = definition.text.prepare(std::str::from_utf8(text).map_err(not_utf8)?);
                let (features, bytes) = (prepared.features(), prepared.max_bytes());
                Ok(sign(call, "text", features, bytes, &scheme)?.map(Observation::Signed))
            }
        }
    }
}

/// Checks that a sketch has the scope's number of slots.
fn check_sketch(sketch: &[u8], definition: &Definition) -> Result<(), Error> {
    match usize::from(definition.scheme.sketch) {
        0 => Err(Error::Usage("SKETCH needs a scope with a SKETCH: this one keeps no slots")),
        slots if sketch.len() == slots => Ok(()),
        slots => {
            let expected = format!("{slots} bytes long, the scope's SKETCH: a byte for each slot");
            Err(Error::expected("SKETCH", expected))
        }
    }
}

/// The buckets of SIGNATURE, one for each band.
fn take_buckets<'a>(
    call: &Call<'a>,
    positions: &Positions,
    definition: &Definition,
) -> Result<GivenBuckets<'a>, Error> {
    let bands = usize::from(definition.bands());
    if positions.len() != bands {
        let expected = format!("{bands}, the scope's BANDS: a signature has one bucket for each band");
        return Err(Error::expected("count", expected));
    }
    cost::spend(call, cost::NAME + cost::ENTRY * bands as u64)?;
    let mut buckets = SmallVec::new();
    for bucket in positions.clone().map(|position| call.argument(position)) {
        check_length(call, "bucket", bucket)?;
        buckets.push(bucket);
    }
    Ok(buckets)
}

/// Checks the length of a text, and charges for making it into features.
fn check_text(call: &Call, text: &[u8]) -> Result<(), Error> {
    let limit = config::MAX_TEXT.size();
    if text.len() as u64 > limit && !call.is_trusted_source() {
        return Err(Error::expected("text", format!("at most {limit} bytes long (simile.max-text)")));
    }
    cost::charge_text(call, text.len())
}

/// Signs features, if that is not too much work: `simile.max-feature-slots` bounds the draws, and so the number of
/// distinct features. A primary or an AOF has no limit. `bytes` is the length of all features together.
fn sign<'f>(
    call: &Call,
    what: &'static str,
    features: impl ExactSizeIterator<Item = &'f [u8]>,
    bytes: usize,
    scheme: &Scheme,
) -> Result<Option<Signature>, Error> {
    let limit = config::MAX_FEATURE_SLOTS.size();
    let is_too_much = |features: usize| scheme.max_draws(features) > limit && !call.is_trusted_source();
    if !is_too_much(features.len()) {
        cost::charge_signing(call, features.len(), bytes, scheme)?;
        return Ok(scheme.sign(features));
    }
    // Many may be copies, which change nothing.
    cost::spend(call, features.len() as u64 / cost::FEATURES_PER_LOOKUP)?;
    let most = scheme.max_features(limit);
    let mut distinct =
        HashSet::with_capacity_and_hasher(features.len().min(most as usize) + 1, RandomState::default());
    for feature in features {
        distinct.insert(feature);
        if distinct.len() as u64 > most {
            let slots = scheme.slots() + usize::from(scheme.sketch);
            let expected =
                format!("at most {most} distinct features of {slots} slots (simile.max-feature-slots)");
            return Err(Error::expected(what, expected));
        }
    }
    cost::spend(call, distinct.len() as u64 * cost::DISTINCT_FEATURE)?;
    let bytes = distinct.iter().map(|feature| feature.len()).sum();
    cost::charge_signing(call, distinct.len(), bytes, scheme)?;
    Ok(scheme.sign(distinct.into_iter()))
}

/// The buckets that a client gave, one for each band.
type GivenBuckets<'a> = SmallVec<[&'a [u8]; 16]>;

/// An observation: a bucket for each band, and the slots of a sketch.
pub enum Observation<'a> {
    /// The buckets that a client gave, and the slots if it gave any.
    Given {
        /// One for each band.
        buckets: GivenBuckets<'a>,
        /// The positions of the buckets among the command's arguments.
        positions: Positions,
        /// As many slots as the scope's SKETCH.
        sketch: Option<&'a [u8]>,
    },
    /// The buckets and the slots of features or a text that the server signed.
    Signed(Signature),
}

impl Observation<'_> {
    /// The buckets, band by band.
    pub fn buckets(&self) -> impl Iterator<Item = &[u8]> {
        // One iterator type for both kinds: a chain of two halves, one of them empty. Boxing the iterator
        // would cost an allocation.
        let (given, signed) = match self {
            Observation::Given { buckets, .. } => (buckets.as_slice(), None),
            Observation::Signed(signature) => (&[][..], Some(signature.buckets())),
        };
        given.iter().copied().chain(signed.into_iter().flatten())
    }

    /// The positions of the clause that gave the buckets among the command's arguments; `None` if the server signed.
    pub fn given_clause(&self) -> Option<Positions> {
        match self {
            Observation::Given { positions, .. } => Some(positions.start - clause::HEAD..positions.end),
            Observation::Signed(_) => None,
        }
    }

    /// The slots of the sketch; `None` if there are none.
    pub fn sketch(&self) -> Option<&[u8]> {
        match self {
            Observation::Given { sketch, .. } => *sketch,
            Observation::Signed(signature) => Some(signature.sketch()).filter(|slots| !slots.is_empty()),
        }
    }

    /// The profile of an item with this one observation.
    pub fn profile(&self) -> Profile<'_> {
        Profile::of_signature(self.buckets())
    }
}
