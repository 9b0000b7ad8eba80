//! `SIM.SIGNIFICANT scope index item [LIMIT limit] [TIMESTAMP unix-time-seconds] [WINDOW intervals]`

use super::error::Error;
use super::parse::args::{Args, set_once};
use super::parse::query;
use super::parse::window::{self, WindowOptions};
use super::run::cost;
use crate::index::{Profile, significant};
use crate::keyspace::scope::ScopeKey;
use crate::server::call::Call;

/// Carries the command out.
pub fn run(call: &Call) -> Result<(), Error> {
    let mut args = Args::new(call);
    let name = args.scope()?;
    let index = args.index()?;
    let item = args.name("item")?;
    let (options, max_results) = take_options(&mut args)?;
    let Some(key) = ScopeKey::open(call, name)? else {
        call.reply_array(0);
        return Ok(());
    };
    let window = options.open(call, key.scope()?, index)?;
    let chunks = window.chunks();
    cost::charge_profile(call, item, &chunks)?;
    let buckets = significant(&Profile::of_item(item, &chunks), &chunks, max_results);
    call.reply_array(buckets.len());
    for bucket in buckets {
        call.reply_array(5);
        call.reply_integer(bucket.band.into());
        call.reply_bytes(bucket.bucket);
        call.reply_double(bucket.score);
        call.reply_integer(bucket.foreground);
        call.reply_integer(bucket.background);
    }
    Ok(())
}

/// Takes the window, and the most buckets to return; `None` for all.
fn take_options(args: &mut Args) -> Result<(WindowOptions, Option<usize>), Error> {
    let mut options = WindowOptions::default();
    let mut limit = None;
    while let Some(keyword) = args.keyword_of(&[&["LIMIT"], &window::KEYWORDS])? {
        match keyword {
            "LIMIT" => set_once(&mut limit, keyword, query::take_limit(args)?)?,
            _ => options.take(keyword, args)?,
        }
    }
    Ok((options, query::max_results(limit)))
}
