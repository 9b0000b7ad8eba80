//! `SIM.MEMBERS scope index band bucket [TIMESTAMP t] [WINDOW n]`

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
/// An argument is not what it should be, or the bucket has more members than a query may read.
pub fn run(call: &Call) -> Result<(), Error> {
    let mut args = Args::new(call);
    let (name, index) = (args.scope()?, args.index()?);
    let band = args.number("band", 0..=*Definition::BANDS.end() - 1)? as u16;
    let bucket = args.bytes("bucket")?;
    check_length(call, "bucket", bucket)?;
    let when = WindowOptions::take_rest(&mut args)?;
    let Some(key) = ScopeKey::open(call, name)? else {
        call.reply_array(0);
        return Ok(());
    };
    let scope = key.scope()?;
    let bands = scope.definition.bands();
    if band >= bands {
        return Err(Error::Expected(
            "band",
            format!("between 0 and {}: the scope has {bands} BANDS", bands - 1),
        ));
    }
    let window = when.open(call, scope, index)?;
    let chunks = window.chunks();
    let members: usize = chunks.iter().map(|chunk| chunk.members(band, bucket).count()).sum();
    cost::spend(call, members as u64 * cost::MEMBER)?;
    let mut members: Vec<&[u8]> = chunks.iter().flat_map(|chunk| chunk.members(band, bucket)).collect();
    members.sort_unstable();
    members.dedup();
    call.reply_array(members.len());
    members.into_iter().for_each(|member| call.reply_bytes(member));
    Ok(())
}
