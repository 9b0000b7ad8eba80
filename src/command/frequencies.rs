//! `SIM.FREQUENCIES scope index item [TIMESTAMP unix-time-seconds] [WINDOW intervals]`

use super::error::Error;
use super::parse::args::Args;
use super::parse::window::WindowOptions;
use super::run::cost;
use crate::index::Profile;
use crate::keyspace::scope::ScopeKey;
use crate::server::call::Call;

/// Carries the command out.
pub fn run(call: &Call) -> Result<(), Error> {
    let mut args = Args::new(call);
    let name = args.scope()?;
    let index = args.index()?;
    let item = args.name("item")?;
    let options = WindowOptions::take_rest(&mut args)?;
    let Some(key) = ScopeKey::open(call, name)? else {
        call.reply_array(0);
        return Ok(());
    };
    let scope = key.scope()?;
    let window = options.open(call, scope, index)?;
    let chunks = window.chunks();
    cost::charge_profile(call, item, &chunks)?;
    let profile = Profile::of_item(item, &chunks);
    // The buckets of each band, also of those that the item was not seen in. Pairs and not a map: clients that decode
    // the keys of maps would merge different ones.
    call.reply_array(scope.definition.bands().into());
    for frequencies in profile.by_band(scope.definition.bands()) {
        call.reply_array(frequencies.len());
        for frequency in frequencies {
            call.reply_array(2);
            call.reply_bytes(frequency.bucket);
            call.reply_integer(frequency.count);
        }
    }
    Ok(())
}
