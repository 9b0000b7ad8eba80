//! `SIM.DEBUG VALIDATE key`, `SIM.DEBUG MEMORY key` and `SIM.DEBUG PANIC`: for tests, where the
//! module was loaded with `debug yes`.

use super::error::Error;
use super::parse::args::Args;
use crate::keyspace::debug;
use crate::server::call::Call;

const EXPECTED: &str = "VALIDATE, MEMORY or PANIC";

/// Carries the command out.
///
/// # Errors
/// A value does not hold together.
///
/// # Panics
/// On purpose, with PANIC.
pub fn run(call: &Call) -> Result<(), Error> {
    let mut args = Args::new(call);
    match args.keyword(&["VALIDATE", "MEMORY", "PANIC"], EXPECTED)? {
        Some("VALIDATE") => {
            let key = args.bytes("key")?;
            args.end("nothing more")?;
            debug::validate(call, key)
                .map_err(|what| Error::Expected("key", format!("valid, but {what}")))?;
            call.reply_ok();
            Ok(())
        }
        Some("MEMORY") => {
            let key = args.bytes("key")?;
            args.end("nothing more")?;
            call.reply_integer(debug::memory(call, key)? as u64);
            Ok(())
        }
        Some(_) => panic!("SIM.DEBUG PANIC"),
        None => Err(Error::Missing(EXPECTED)),
    }
}
