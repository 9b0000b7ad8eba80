//! `SIM.SIGNATURE scope <FEATURES count [feature [feature ...]] | TEXT text> [WITHSKETCH]`
//!
//! With WITHSKETCH the reply has the slots of the sketch as well: as many bytes as the scope's SKETCH, so none
//! in a scope without sketches. RECORD and CLASSIFY take both back, as SIGNATURE and SKETCH.
//!
//! The scope may be missing: then the signature is that of a scope which RECORD would create.

use super::error::Error;
use super::parse::args::{Args, set_once};
use super::parse::clause::Source;
use super::run::observe::Observation;
use crate::config;
use crate::keyspace::scope::ScopeKey;
use crate::server::call::Call;

/// Carries the command out.
///
/// # Errors
/// The text is not UTF-8, or signing would be too much work.
pub fn run(call: &Call) -> Result<(), Error> {
    let mut args = Args::new(call);
    let name = args.scope()?;
    let (source, with_sketch) = take(&mut args)?;
    let definition = match ScopeKey::open(call, name)? {
        Some(key) => key.scope()?.definition,
        None => config::definition(),
    };
    let observation = source.observe(call, &definition, with_sketch)?;
    if with_sketch {
        call.reply_array(2);
    }
    // Without features there is no signature, and the array is empty.
    call.reply_array(observation.as_ref().map_or(0, |_| definition.bands().into()));
    let buckets = observation.iter().flat_map(Observation::buckets);
    buckets.for_each(|bucket| call.reply_bytes(bucket));
    if with_sketch {
        call.reply_bytes(observation.as_ref().and_then(Observation::sketch).unwrap_or_default());
    }
    Ok(())
}

/// Takes FEATURES or TEXT, and whether WITHSKETCH is given, in any order.
fn take<'a>(args: &mut Args<'a>) -> Result<(Source<'a>, bool), Error> {
    let (mut source, mut with_sketch) = (None, None);
    while let Some(keyword) = args.keyword(&["FEATURES", "TEXT", "WITHSKETCH"])? {
        match keyword {
            "WITHSKETCH" => set_once(&mut with_sketch, keyword, ())?,
            _ => set_once(&mut source, "FEATURES or TEXT", Source::take(keyword, args)?)?,
        }
    }
    Ok((source.ok_or(Error::Missing("FEATURES or TEXT"))?, with_sketch.is_some()))
}
