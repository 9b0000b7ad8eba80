//! `SIM.SIGNIFICANT scope index item [LIMIT n] [TIMESTAMP t] [WINDOW n]`

use super::error::Error;
use super::parse::args::{Args, set_once};
use super::parse::query;
use super::parse::window::WindowOptions;
use super::run::cost;
use crate::index::{Profile, significant};
use crate::keyspace::scope::ScopeKey;
use crate::server::call::Call;

/// Carries the command out.
///
/// # Errors
/// An argument is not what it should be.
pub fn run(call: &Call) -> Result<(), Error> {
    let mut args = Args::new(call);
    let (name, index, item) = (args.scope()?, args.index()?, args.name("item")?);
    let (when, limit) = take(&mut args)?;
    let Some(key) = ScopeKey::open(call, name)? else {
        call.reply_array(0);
        return Ok(());
    };
    let window = when.open(call, key.scope()?, index)?;
    let chunks = window.chunks();
    cost::profile(call, item, &chunks)?;
    let found = significant(&Profile::of_item(item, &chunks), &chunks, limit);
    call.reply_array(found.len());
    for bucket in found {
        call.reply_array(5);
        call.reply_integer(bucket.band.into());
        call.reply_bytes(bucket.bucket);
        call.reply_double(bucket.score);
        call.reply_integer(bucket.foreground);
        call.reply_integer(bucket.background);
    }
    Ok(())
}

/// The window, and how many buckets are wanted; `None`: all.
fn take(args: &mut Args) -> Result<(WindowOptions, Option<usize>), Error> {
    let (mut when, mut limit) = (WindowOptions::default(), None);
    while let Some(keyword) = args.keyword(&["LIMIT", "TIMESTAMP", "WINDOW"], "LIMIT, TIMESTAMP or WINDOW")? {
        match keyword {
            "LIMIT" => set_once(&mut limit, keyword, query::take_limit(args)?)?,
            _ => when.take(keyword, args)?,
        }
    }
    Ok((when, query::limit(limit)))
}
