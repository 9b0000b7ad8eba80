//! `SIM.DELETE scope index item [index item ...]`
//!
//! `*` for an index stands for every index of the scope. A chunk that is left empty is deleted, too.

use super::error::Error;
use super::parse::args::Args;
use super::parse::item_pairs;
use super::run::changes;
use super::run::option_words;
use crate::keyspace::dead_entries;
use crate::keyspace::scope::ScopeKey;
use crate::server::call::Call;

/// Carries the command out.
pub fn run(call: &Call) -> Result<(), Error> {
    // Arguments.
    let mut args = Args::new(call);
    let name = args.scope()?;
    let pairs = item_pairs::take(&mut args, "item")?;
    let key = ScopeKey::open(call, name)?;
    let scope = key.as_ref().map(ScopeKey::scope).transpose()?;
    for index in pairs.iter().filter_map(|(index, _)| *index) {
        option_words::check(call, scope, index)?;
    }
    let Some(mut key) = key else {
        call.reply_integer(0);
        return Ok(());
    };

    // Check all, then change all.
    let items_by_index = changes::items_by_index(call, key.scope()?, &pairs)?;
    for (index, items) in &items_by_index {
        changes::check_deletion(call, key.scope()?, index, items)?;
    }
    let mut deleted = 0;
    for (index, items) in &items_by_index {
        deleted += changes::delete(call, &mut key, index, items)?;
    }

    // Replicate and reply.
    if deleted > 0 {
        call.replicate_verbatim();
        call.notify_changed(c"sim.delete");
        dead_entries::remove_some(call, &mut key)?;
    }
    call.reply_integer(deleted as u64);
    Ok(())
}
