//! `SIM.MERGE scope destination index source [index source ...]`

use super::error::Error;
use super::parse::args::Args;
use super::parse::item_pairs;
use super::run::changes;
use super::run::cost;
use crate::index::{CapacityError, Chunk};
use crate::keyspace::scope::{Scope, ScopeKey};
use crate::keyspace::window::{self, Window};
use crate::server::call::Call;
use std::collections::BTreeSet;

/// Carries the command out.
///
/// # Errors
/// An argument is not what it should be, or a sum would not fit.
pub fn run(call: &Call) -> Result<(), Error> {
    let mut args = Args::new(call);
    let (name, destination) = (args.scope()?, args.name("destination")?);
    let pairs = item_pairs::take(&mut args, "source")?;
    if pairs.iter().any(|(_, source)| *source == destination) {
        return Err(Error::Expected("source", "another item than the destination".to_string()));
    }
    let Some(key) = ScopeKey::open(call, name)? else {
        call.reply_integer(0);
        return Ok(());
    };
    let scope = key.scope()?;
    let by_index = changes::by_index(call, scope, &pairs)?;
    for (index, sources) in &by_index {
        check(call, scope, destination, index, sources)?;
    }
    let mut merged = 0;
    for (index, sources) in &by_index {
        let merge = |chunk: &mut Chunk, source: &[u8]| chunk.merge(destination, source);
        merged += changes::change_chunks(call, scope, index, sources, merge)?;
    }
    if merged > 0 {
        call.replicate_verbatim();
        call.notify_changed(c"sim.merge");
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
    sources: &BTreeSet<&[u8]>,
) -> Result<(), Error> {
    cost::all_chunks(call, scope, index, 5)?;
    window::check_all_writable(call, scope, index)?;
    changes::check_cost(call, scope, index, sources)?;
    for chunk in Window::open_all(call, scope, index)?.chunks() {
        let items = sources.iter().chain([&destination]);
        let sum: u64 = items.map(|item| u64::from(chunk.observations_of(item))).sum();
        u32::try_from(sum).map_err(|_| CapacityError::Count)?;
    }
    Ok(())
}
