//! `SIM.COUNT scope index numitems item [item ...] [TIMESTAMP unix-time-seconds] [WINDOW intervals]`

use super::error::Error;
use super::parse::args::Args;
use super::parse::window::WindowOptions;
use super::run::cost;
use crate::index::Chunk;
use crate::keyspace::scope::ScopeKey;
use crate::server::call::Call;

/// Carries the command out.
pub fn run(call: &Call) -> Result<(), Error> {
    let mut args = Args::new(call);
    let name = args.scope()?;
    let index = args.index()?;
    let count = args.number("numitems", 1..=u32::MAX.into())?;
    let items = (0..count).map(|_| args.name("item")).collect::<Result<Vec<_>, _>>()?;
    let options = WindowOptions::take_rest(&mut args)?;
    let Some(key) = ScopeKey::open(call, name)? else {
        call.reply_array(items.len());
        items.iter().for_each(|_| call.reply_integer(0_u64));
        return Ok(());
    };
    let window = options.open(call, key.scope()?, index)?;
    let chunks = window.chunks();
    cost::spend(call, items.len() as u64 * cost::SCANNED * (1 + chunks.len() as u64))?;
    call.reply_array(items.len());
    for item in items {
        let in_chunk = |chunk: &&Chunk| u64::from(chunk.observations_of(item));
        call.reply_integer(chunks.iter().map(in_chunk).sum::<u64>());
    }
    Ok(())
}
