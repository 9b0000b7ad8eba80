//! `SIM.MEMBERS scope index band bucket [TIMESTAMP unix-time-seconds] [WINDOW intervals]`
//!
//! The members come in the order of their names, each only once, even if several chunks have it.

use super::error::Error;
use super::parse::args::{Args, check_length};
use super::parse::window::WindowOptions;
use super::run::cost;
use crate::index::Definition;
use crate::keyspace::scope::ScopeKey;
use crate::server::call::Call;

/// Carries the command out.
///
/// # Errors
/// The scope has no such band, or the bucket has more members than the budget allows.
pub fn run(call: &Call) -> Result<(), Error> {
    let mut args = Args::new(call);
    let name = args.scope()?;
    let index = args.index()?;
    let band = args.number("band", 0..=*Definition::BANDS.end() - 1)? as u16;
    let bucket = args.bytes("bucket")?;
    check_length(call, "bucket", bucket)?;
    let options = WindowOptions::take_rest(&mut args)?;
    let Some(key) = ScopeKey::open(call, name)? else {
        call.reply_array(0);
        return Ok(());
    };
    let scope = key.scope()?;
    let bands = scope.definition.bands();
    if band >= bands {
        let expected = format!("between 0 and {}: the scope has {bands} BANDS", bands - 1);
        return Err(Error::expected("band", expected));
    }

    let window = options.open(call, scope, index)?;
    let chunks = window.chunks();

    // Charge for the members before they are collected, and for their names before these are read. Sorting makes equal names from several chunks
    // neighbours, for `dedup`.
    let count: usize = chunks.iter().map(|chunk| chunk.members(band, bucket).count()).sum();
    cost::spend(call, count as u64 * cost::MEMBER)?;
    let mut members: Vec<&[u8]> = chunks.iter().flat_map(|chunk| chunk.members(band, bucket)).collect();
    cost::charge_bytes(call, members.iter().map(|member| member.len()))?;
    members.sort_unstable();
    members.dedup();

    // Reply.
    call.reply_array(members.len());
    members.into_iter().for_each(|member| call.reply_bytes(member));
    Ok(())
}
