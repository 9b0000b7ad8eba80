//! `SIM.FREQUENCIES scope index item [TIMESTAMP t] [WINDOW n]`

use super::error::Error;
use super::parse::args::Args;
use super::parse::window::WindowOptions;
use super::run::cost;
use crate::index::Profile;
use crate::keyspace::scope::ScopeKey;
use crate::server::call::Call;

/// Carries the command out.
///
/// # Errors
/// An argument is not what it should be.
pub fn run(call: &Call) -> Result<(), Error> {
    let mut args = Args::new(call);
    let (name, index, item) = (args.scope()?, args.index()?, args.name("item")?);
    let when = WindowOptions::take_rest(&mut args)?;
    let Some(key) = ScopeKey::open(call, name)? else {
        call.reply_array(0);
        return Ok(());
    };
    let scope = key.scope()?;
    let window = when.open(call, scope, index)?;
    let chunks = window.chunks();
    cost::profile(call, item, &chunks)?;
    let profile = Profile::of_item(item, &chunks);
    call.reply_array(scope.definition.bands().into());
    for frequencies in profile.by_band(scope.definition.bands()) {
        call.reply_map(frequencies.len());
        for frequency in frequencies {
            call.reply_bytes(frequency.bucket);
            call.reply_integer(frequency.count);
        }
    }
    Ok(())
}
