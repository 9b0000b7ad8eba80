//! ```text
//! SIM.EXPLAIN scope index item other [SCORE <OVERLAP | COVERAGE | SIGNIFICANCE | JACCARD>]
//!     [TIMESTAMP unix-time-seconds] [WINDOW intervals]
//! ```
//!
//! The score is the one that COMPARE gives `other` in a query for `item`. The order matters: in some modes
//! a score is not symmetric.
//!
//! JACCARD compares the slots of two sketches, not buckets: the reply has the slots that agree in place of the shares
//! of the bands.

use super::error::Error;
use super::parse::args::{Args, set_once};
use super::parse::query::take_score;
use super::parse::window::{self, WindowOptions};
use super::run::cost;
use super::run::query::scope_score;
use crate::config;
use crate::index::{Agreement, Explanation, Profile, ScoreMode, explain, newest_sketch};
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
        reply(call, score.unwrap_or(config::definition().score), &Explanation::default());
        return Ok(());
    };
    let scope = key.scope()?;
    let score = scope_score(&scope.definition, score)?;
    let window = options.open(call, scope, index)?;
    let chunks = window.chunks();
    items.iter().try_for_each(|item| cost::charge_profile(call, item, &chunks))?;
    let profiles = items.map(|item| Profile::of_item(item, &chunks));
    let sketches = items.map(|item| newest_sketch(item, &chunks));
    reply(call, score, &explain(score, &profiles, sketches, scope.definition.bands(), &chunks));
    Ok(())
}

fn take_options(args: &mut Args) -> Result<(WindowOptions, Option<ScoreMode>), Error> {
    let mut options = WindowOptions::default();
    let mut score = None;
    while let Some(keyword) = args.keyword_of(&[&["SCORE"], &window::KEYWORDS])? {
        match keyword {
            "SCORE" => set_once(&mut score, keyword, take_score(args)?)?,
            _ => options.take(keyword, args)?,
        }
    }
    Ok((options, score))
}

/// Replies with the score, the observations of both items, and for each band its share of the score and
/// the buckets that both items are in, with the counts of both. By JACCARD a band has no share; the slots of
/// the sketches come before.
fn reply(call: &Call, score: ScoreMode, explanation: &Explanation) {
    let is_by_sketch = score == ScoreMode::Jaccard;
    call.reply_map(if is_by_sketch { 5 } else { 3 });
    call.reply_bytes(b"score");
    explanation.score.map_or_else(|| call.reply_null(), |score| call.reply_double(score));
    call.reply_bytes(b"observations");
    reply_counts(call, explanation.observations);
    if is_by_sketch {
        reply_agreement(call, explanation.agreement.as_ref());
    }
    call.reply_bytes(b"bands");
    call.reply_array(explanation.bands.len());
    for band in &explanation.bands {
        call.reply_map(if is_by_sketch { 1 } else { 2 });
        if let Some(share) = band.share {
            call.reply_bytes(b"share");
            call.reply_double(share);
        }
        call.reply_bytes(b"buckets");
        call.reply_array(band.buckets.len());
        for (bucket, counts) in &band.buckets {
            call.reply_array(1 + counts.len());
            call.reply_bytes(bucket);
            counts.iter().for_each(|count| call.reply_integer(*count));
        }
    }
}

/// Replies with two fields: the number of slots that were compared, 0 if an item has no sketch, and the slots that
/// agree.
fn reply_agreement(call: &Call, agreement: Option<&Agreement>) {
    let (slots, agreeing) = agreement.map_or((0, &[][..]), |agreement| (agreement.of, &agreement.slots));
    call.reply_bytes(b"slots");
    call.reply_integer(slots as u64);
    call.reply_bytes(b"agreeing");
    call.reply_array(agreeing.len());
    agreeing.iter().for_each(|slot| call.reply_integer((*slot).into()));
}

/// Replies with a number for each of the two items, that of `item` first.
fn reply_counts(call: &Call, counts: [u64; 2]) {
    call.reply_array(counts.len());
    counts.into_iter().for_each(|count| call.reply_integer(count));
}
