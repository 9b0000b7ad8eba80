//! `SIM.EXPLAIN scope index item other [SCORE mode] [TIMESTAMP t] [WINDOW n]`

use super::error::Error;
use super::parse::args::{Args, set_once};
use super::parse::query::take_score;
use super::parse::window::WindowOptions;
use super::run::cost;
use crate::index::{Explanation, Profile, ScoreMode, explain};
use crate::keyspace::scope::ScopeKey;
use crate::server::call::Call;

/// Carries the command out.
///
/// # Errors
/// An argument is not what it should be.
pub fn run(call: &Call) -> Result<(), Error> {
    let mut args = Args::new(call);
    let (name, index) = (args.scope()?, args.index()?);
    let (item, other) = (args.name("item")?, args.name("other")?);
    let (when, score) = take(&mut args)?;
    let Some(key) = ScopeKey::open(call, name)? else {
        reply(call, &Explanation::default());
        return Ok(());
    };
    let scope = key.scope()?;
    let window = when.open(call, scope, index)?;
    let chunks = window.chunks();
    [item, other].into_iter().try_for_each(|item| cost::profile(call, item, &chunks))?;
    let profiles = [item, other].map(|item| Profile::of_item(item, &chunks));
    reply(call, &explain(score, &profiles, scope.definition.bands(), &chunks));
    Ok(())
}

fn take(args: &mut Args) -> Result<(WindowOptions, ScoreMode), Error> {
    let (mut when, mut score) = (WindowOptions::default(), None);
    while let Some(keyword) = args.keyword(&["SCORE", "TIMESTAMP", "WINDOW"], "SCORE, TIMESTAMP or WINDOW")? {
        match keyword {
            "SCORE" => set_once(&mut score, keyword, take_score(args)?)?,
            _ => when.take(keyword, args)?,
        }
    }
    Ok((when, score.unwrap_or_default()))
}

fn reply(call: &Call, explained: &Explanation) {
    call.reply_map(3);
    call.reply_bytes(b"score");
    explained.score.map_or_else(|| call.reply_null(), |score| call.reply_double(score));
    call.reply_bytes(b"observations");
    reply_counts(call, explained.observations);
    call.reply_bytes(b"bands");
    call.reply_array(explained.bands.len());
    for band in &explained.bands {
        call.reply_map(2);
        call.reply_bytes(b"share");
        call.reply_double(band.share);
        call.reply_bytes(b"buckets");
        call.reply_map(band.buckets.len());
        for (bucket, counts) in &band.buckets {
            call.reply_bytes(bucket);
            reply_counts(call, *counts);
        }
    }
}

/// Two numbers: the item's, and the other's.
fn reply_counts(call: &Call, counts: [u64; 2]) {
    call.reply_array(counts.len());
    counts.into_iter().for_each(|count| call.reply_integer(count));
}
