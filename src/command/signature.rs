//! `SIM.SIGNATURE scope FEATURES count feature ...` or `SIM.SIGNATURE scope TEXT text`

use super::error::Error;
use super::parse::args::Args;
use super::parse::clause::Source;
use super::run::observe::Observation;
use crate::config;
use crate::keyspace::scope::ScopeKey;
use crate::server::call::Call;

const EXPECTED: &str = "FEATURES or TEXT";

/// Carries the command out.
///
/// # Errors
/// An argument is not what it should be.
pub fn run(call: &Call) -> Result<(), Error> {
    let mut args = Args::new(call);
    let name = args.scope()?;
    let keyword = args.keyword(&["FEATURES", "TEXT"], EXPECTED)?.ok_or(Error::Missing(EXPECTED))?;
    let source = Source::take(keyword, &mut args)?;
    args.end("nothing more")?;
    let definition = match ScopeKey::open(call, name)? {
        Some(key) => key.scope()?.definition,
        None => config::definition(),
    };
    let observation = source.observe(call, &definition)?;
    call.reply_array(observation.as_ref().map_or(0, |_| definition.bands().into()));
    let buckets = observation.iter().flat_map(Observation::buckets);
    buckets.for_each(|bucket| call.reply_bytes(bucket));
    Ok(())
}
