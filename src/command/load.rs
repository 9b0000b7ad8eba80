//! `SIM.LOAD key part`
//!
//! Restores a scope or a chunk from an AOF that was rewritten: its saved form, in as many parts as it
//! needs. Only a primary or an AOF may send it.

use super::error::Error;
use super::parse::args::Args;
use crate::keyspace;
use crate::server::call::Call;

/// Carries the command out.
///
/// # Errors
/// A client sent it, or the part is damaged.
pub fn run(call: &Call) -> Result<(), Error> {
    if !call.is_trusted_source() {
        return Err(Error::ReplicationOnly("SIM.LOAD is"));
    }
    let mut args = Args::new(call);
    let key = args.bytes("key")?;
    let part = args.bytes("part")?;
    args.end()?;
    keyspace::load::part(call, key, part)?;
    call.replicate_verbatim();
    call.reply_ok();
    Ok(())
}
