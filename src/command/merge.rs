//! `SIM.MERGE scope destination index source [index source ...]`

use super::args::Args;
use super::delete::{open_to_write, there};
use super::error::Error;
use super::pairs;
use crate::index::Full;
use crate::keyspace::scope::{Scope, ScopeKey};
use crate::keyspace::window::ChunkKey;
use crate::server::call::Call;
use crate::server::key::Access;
use std::collections::BTreeSet;

/// Carries the command out.
///
/// # Errors
/// An argument is not what it should be, or a sum would not fit.
pub fn run(call: &Call) -> Result<(), Error> {
    let mut args = Args::new(call);
    let (name, destination) = (args.scope()?, args.name("destination")?);
    let pairs = pairs::take(&mut args, "source")?;
    if pairs.iter().any(|(_, source)| *source == destination) {
        return Err(Error::Expected("source", "another item than the destination".to_string()));
    }
    let Some(key) = ScopeKey::open(call, name)? else {
        call.reply_integer(0);
        return Ok(());
    };
    let scope = key.scope()?;
    let by_index = pairs::by_index(scope, &pairs);
    for (index, sources) in &by_index {
        check(call, scope, destination, index, sources)?;
    }
    let merged: usize =
        by_index.iter().map(|(index, sources)| merge(call, scope, destination, index, sources)).sum();
    if merged > 0 {
        call.replicate_verbatim();
        call.changed(name, c"sim.merge");
    }
    call.reply_integer(merged as u64);
    Ok(())
}

/// Holds that in no chunk the observations of all the items together pass 32 bits.
fn check(
    call: &Call,
    scope: &Scope,
    destination: &[u8],
    index: &[u8],
    sources: &[&[u8]],
) -> Result<(), Error> {
    for start in scope.all_starts(index) {
        let key = ChunkKey::open(call, scope, index, start, Access::Read);
        let Some(chunk) = key.as_ref().and_then(ChunkKey::chunk) else { continue };
        let items = sources.iter().chain([&destination]);
        let sum: u64 = items.map(|item| u64::from(chunk.observations_of(item))).sum();
        u32::try_from(sum).map_err(|_| Full::Count)?;
    }
    Ok(())
}

/// Merges the sources into the destination in every live chunk of an index. Returns how many of them
/// were there.
fn merge(call: &Call, scope: &Scope, destination: &[u8], index: &[u8], sources: &[&[u8]]) -> usize {
    let mut merged = BTreeSet::new();
    for start in scope.all_starts(index) {
        let there = there(call, scope, index, start, sources);
        let Some(mut key) = open_to_write(call, scope, index, start, &there) else { continue };
        let Some(chunk) = key.chunk_mut() else { continue };
        merged.extend(there.into_iter().filter(|source| chunk.merge(destination, source)));
    }
    merged.len()
}
