//! `SIM.LOAD key piece`
//!
//! Restores a scope or a chunk from an AOF that was rewritten: its saved form, in as many pieces as it
//! needs. Only a primary or an AOF may send it.

use super::error::Error;
use super::parse::args::Args;
use crate::keyspace;
use crate::server::call::Call;

/// Carries the command out.
///
/// # Errors
/// A client sent it, or the piece is damaged.
pub fn run(call: &Call) -> Result<(), Error> {
    if !call.is_trusted_source() {
        return Err(Error::ReplicationOnly("SIM.LOAD is"));
    }
    let mut args = Args::new(call);
    let key = args.bytes("key")?;
    let piece = args.bytes("piece")?;
    args.end()?;
    keyspace::load::piece(call, key, piece)?;
    call.replicate_verbatim();
    call.reply_ok();
    Ok(())
}
