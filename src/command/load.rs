//! `SIM.LOAD key part`: the AOF's own form of a key, for a primary or an AOF alone.

use super::error::Error;
use super::parse::args::Args;
use crate::keyspace;
use crate::server::call::Call;

/// Carries the command out.
///
/// # Errors
/// It comes from elsewhere, or the part is damaged.
pub fn run(call: &Call) -> Result<(), Error> {
    if !call.is_trusted_source() {
        return Err(Error::NotObeyed("SIM.LOAD is"));
    }
    let mut args = Args::new(call);
    let (key, part) = (args.bytes("key")?, args.bytes("part")?);
    args.end("nothing more")?;
    keyspace::load::part(call, key, part)?;
    call.replicate_verbatim();
    call.reply_ok();
    Ok(())
}
