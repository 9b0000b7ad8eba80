//! `SIM.DEBUG <VALIDATE name | MEMORY name | PANIC>`
//!
//! For tests: it exists only if the module was loaded with `debug yes`. VALIDATE checks the invariants of a
//! key's value, MEMORY returns its bytes, and PANIC shows that a panic ends the command and not the server.

use super::error::Error;
use super::parse::args::Args;
use crate::keyspace::debug;
use crate::server::call::Call;

/// Carries the command out.
///
/// # Errors
/// VALIDATE found a broken invariant.
///
/// # Panics
/// On purpose, with PANIC.
pub fn run(call: &Call) -> Result<(), Error> {
    let mut args = Args::new(call);
    match args.keyword(&["VALIDATE", "MEMORY", "PANIC"])? {
        Some("VALIDATE") => {
            let name = take_name(&mut args)?;
            debug::validate(call, name)
                .map_err(|fault| Error::expected("key", format!("valid, but {fault}")))?;
            call.reply_ok();
            Ok(())
        }
        Some("MEMORY") => {
            let name = take_name(&mut args)?;
            call.reply_integer(debug::memory(call, name)? as u64);
            Ok(())
        }
        Some(_) => panic!("SIM.DEBUG PANIC"),
        None => Err(Error::Missing("VALIDATE, MEMORY or PANIC")),
    }
}

fn take_name<'a>(args: &mut Args<'a>) -> Result<&'a [u8], Error> {
    let name = args.bytes("key")?;
    args.end()?;
    Ok(name)
}
