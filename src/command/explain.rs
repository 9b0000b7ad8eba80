//! ```text
//! SIM.EXPLAIN scope index item other [SCORE <OVERLAP | COVERAGE | SIGNIFICANCE>]
//!     [TIMESTAMP unix-time-seconds] [WINDOW intervals]
//! ```
//!
//! The score is the one that COMPARE gives `other` in a query for `item`. The order matters: in some modes
//! a score is not symmetric.

use super::error::Error;
use super::parse::args::{Args, set_once};
use super::parse::query::take_score;
use super::parse::window::{self, WindowOptions};
use super::run::cost;
use crate::index::{Explanation, ScoreMode, explain};
use crate::keyspace::scope::ScopeKey;
use crate::server::call::Call;

/// Carries the command out.
pub fn run(call: &Call) -> Result<(), Error> {
    let mut args = Args::new(call);
    let name = args.scope()?;
    let index = args.index()?;
    let items = [args.name("item")?, args.name("other")?];
    let (options, score) = take_options(&mut args)?;
    let Some(key) = ScopeKey::open(call, name)? else {
        reply(call, &Explanation::default());
        return Ok(());
    };
    let scope = key.scope()?;
    let window = options.open(call, scope, index)?;
    let chunks = window.chunks();
    items.iter().try_for_each(|item| cost::charge_profile(call, item, &chunks))?;
    reply(call, &explain(score, &items, scope.definition.bands(), &chunks));
    Ok(())
}

fn take_options(args: &mut Args) -> Result<(WindowOptions, ScoreMode), Error> {
    let mut options = WindowOptions::default();
    let mut score = None;
    while let Some(keyword) = args.keyword_of(&[&["SCORE"], &window::KEYWORDS])? {
        match keyword {
            "SCORE" => set_once(&mut score, keyword, take_score(args)?)?,
            _ => options.take(keyword, args)?,
        }
    }
    Ok((options, score.unwrap_or_default()))
}

/// Replies with the score, the observations of both items, and for each band its share of the score and
/// the buckets that both items are in.
fn reply(call: &Call, explanation: &Explanation) {
    call.reply_map(3);
    call.reply_bytes(b"score");
    explanation.score.map_or_else(|| call.reply_null(), |score| call.reply_double(score));
    call.reply_bytes(b"observations");
    reply_counts(call, explanation.observations);
    call.reply_bytes(b"bands");
    call.reply_array(explanation.bands.len());
    for band in &explanation.bands {
        call.reply_map(2);
        call.reply_bytes(b"share");
        call.reply_double(band.share.unwrap_or_default());
        call.reply_bytes(b"buckets");
        call.reply_map(band.buckets.len());
        for (bucket, counts) in &band.buckets {
            call.reply_bytes(bucket);
            reply_counts(call, *counts);
        }
    }
}

/// Replies with a number for each of the two items, that of `item` first.
fn reply_counts(call: &Call, counts: [u64; 2]) {
    call.reply_array(counts.len());
    counts.into_iter().for_each(|count| call.reply_integer(count));
}
