//! `SIM.SIGNATURE scope <FEATURES count [feature [feature ...]] | TEXT text>`
//!
//! The scope may be missing: then the signature is that of a scope which RECORD would create.

use super::error::Error;
use super::parse::args::Args;
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
    let keyword = args.keyword(&["FEATURES", "TEXT"])?.ok_or(Error::Missing("FEATURES or TEXT"))?;
    let source = Source::take(keyword, &mut args)?;
    args.end()?;
    let definition = match ScopeKey::open(call, name)? {
        Some(key) => key.scope()?.definition,
        None => config::definition(),
    };
    let observation = source.observe(call, &definition)?;
    // Without features there is no signature, and the reply is empty.
    call.reply_array(observation.as_ref().map_or(0, |_| definition.bands().into()));
    let buckets = observation.iter().flat_map(Observation::buckets);
    buckets.for_each(|bucket| call.reply_bytes(bucket));
    Ok(())
}
