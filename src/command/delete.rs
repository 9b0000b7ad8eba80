//! `SIM.DELETE scope index item [index item ...]`

use super::error::Error;
use super::parse::args::Args;
use super::parse::item_pairs;
use super::run::changes;
use super::run::cost;
use crate::index::Chunk;
use crate::keyspace::scope::ScopeKey;
use crate::keyspace::window;
use crate::server::call::Call;

/// Carries the command out.
///
/// # Errors
/// An argument is not what it should be.
pub fn run(call: &Call) -> Result<(), Error> {
    let mut args = Args::new(call);
    let name = args.scope()?;
    let pairs = item_pairs::take(&mut args, "item")?;
    let Some(mut key) = ScopeKey::open(call, name)? else {
        call.reply_integer(0);
        return Ok(());
    };
    let by_index = changes::by_index(call, key.scope()?, &pairs)?;
    for (index, items) in &by_index {
        cost::all_chunks(call, key.scope()?, index, 4)?;
        window::check_all_writable(call, key.scope()?, index)?;
        changes::check_cost(call, key.scope()?, index, items)?;
    }
    let mut deleted = 0;
    for (index, items) in &by_index {
        let found = changes::change_chunks(call, key.scope()?, index, items, Chunk::delete)?;
        if found > 0 {
            let gone = window::gone(call, key.scope()?, index)?;
            let scope = key.scope_mut()?;
            scope.forget(index, gone);
        }
        deleted += found;
    }
    if deleted > 0 {
        call.replicate_verbatim();
        call.notify_changed(c"sim.delete");
    }
    call.reply_integer(deleted as u64);
    Ok(())
}
