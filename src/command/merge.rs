//! `SIM.MERGE scope destination index source [index source ...]`
//!
//! `*` for an index stands for every index of the scope. Counts are added chunk by chunk, each in its
//! own interval; a source is gone afterwards. An item that is not there is skipped.

use super::error::Error;
use super::parse::args::Args;
use super::parse::item_pairs;
use super::run::changes;
use super::run::cost;
use super::run::option_words;
use crate::index::{CapacityError, Chunk};
use crate::keyspace::dead_entries;
use crate::keyspace::scope::{Scope, ScopeKey};
use crate::keyspace::window;
use crate::server::call::Call;
use std::collections::BTreeSet;

/// Carries the command out.
///
/// # Errors
/// A source is the destination, or a sum would not fit.
pub fn run(call: &Call) -> Result<(), Error> {
    // Arguments.
    let mut args = Args::new(call);
    let name = args.scope()?;
    let destination = args.name("destination")?;
    let pairs = item_pairs::take(&mut args, "source")?;
    if pairs.iter().any(|(_, source)| *source == destination) {
        return Err(Error::expected("source", "an item other than the destination"));
    }
    let key = ScopeKey::open(call, name)?;
    let scope = key.as_ref().map(ScopeKey::scope).transpose()?;
    for index in pairs.iter().filter_map(|(index, _)| *index) {
        option_words::check(call, scope, index)?;
    }
    let Some(mut key) = key else {
        call.reply_integer(0);
        return Ok(());
    };
    let scope = key.scope()?;

    // Check all, then change all.
    let items_by_index = changes::items_by_index(call, scope, &pairs)?;
    for (index, sources) in &items_by_index {
        check(call, scope, destination, index, sources)?;
    }
    let mut merged = 0;
    for (index, sources) in &items_by_index {
        let merge = |chunk: &mut Chunk, source: &[u8]| chunk.merge(destination, source);
        merged += changes::change_chunks(call, scope, index, sources, merge)?;
    }

    // Replicate and reply.
    if merged > 0 {
        call.replicate_verbatim();
        call.notify_changed(c"sim.merge");
        dead_entries::remove_some(call, &mut key)?;
    }
    call.reply_integer(merged as u64);
    Ok(())
}

/// Charges for merging these items of an index, and checks that every chunk can be changed, and that in
/// none the observations of all the items together exceed 32 bits.
fn check(
    call: &Call,
    scope: &Scope,
    destination: &[u8],
    index: &[u8],
    sources: &BTreeSet<&[u8]>,
) -> Result<(), Error> {
    let window = cost::open_all_charged(call, scope, index, 5)?;
    window::check_all_writable(call, scope, index)?;
    let chunks = window.chunks();
    changes::charge(call, &chunks, sources)?;
    for chunk in chunks {
        let items = sources.iter().chain([&destination]);
        let sum: u64 = items.map(|item| u64::from(chunk.observations_of(item))).sum();
        u32::try_from(sum).map_err(|_| CapacityError::Count)?;
    }
    Ok(())
}
