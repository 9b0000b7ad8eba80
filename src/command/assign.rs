//! ```text
//! SIM.ASSIGN scope item MINSCORE score [TIMESTAMP unix-time-seconds]
//!     [SCORE <OVERLAP | COVERAGE | SIGNIFICANCE | JACCARD>] clause [clause ...]
//! ```
//!
//! One step of grouping a stream: the observations go to the most similar item of the window, if it
//! reaches MINSCORE, or else to the item that the command names, which usually does not exist yet.
//!
//! Replicas and the AOF receive the RECORD that it became, so they search nothing.

use super::error::Error;
use super::parse::args::{Args, set_once};
use super::parse::clause::{self, ClauseList, Clauses};
use super::parse::query::take_score;
use super::parse::window::WindowOptions;
use super::run::observe::Observation;
use super::run::query::{MORE_ROWS, scope_score};
use super::run::recording::Recording;
use super::run::search_account::SearchAccount;
use super::run::window::chunks_of;
use crate::index::{Chunk, IndexQuery, Profile, ScoreMode, SearchOptions, combine};
use crate::keyspace::window::Window;
use crate::server::call::Call;
use smallvec::SmallVec;

/// The arguments of the command.
struct Request<'a> {
    scope: &'a [u8],
    item: &'a [u8],
    min_score: f64,
    timestamp: Option<u64>,
    score: Option<ScoreMode>,
    clauses: ClauseList<'a>,
}

impl<'a> Request<'a> {
    fn take(args: &mut Args<'a>) -> Result<Request<'a>, Error> {
        let scope = args.scope()?;
        let item = args.name("item")?;
        let (mut min_score, mut timestamp, mut score) = (None, None, None);
        let mut clauses = Clauses::default();
        let options = &["MINSCORE", "TIMESTAMP", "SCORE"];
        while let Some(keyword) = args.keyword_of(&[options, &clause::KEYWORDS, &[clause::SKETCH]])? {
            match keyword {
                "MINSCORE" => set_once(&mut min_score, keyword, args.min_score()?)?,
                "TIMESTAMP" => set_once(&mut timestamp, keyword, args.timestamp()?)?,
                "SCORE" => set_once(&mut score, keyword, take_score(args)?)?,
                _ => clauses.take(keyword, args)?,
            }
        }
        let min_score = min_score.ok_or(Error::Missing("MINSCORE"))?;
        let clauses = clauses.finish()?;
        Ok(Request { scope, item, min_score, timestamp, score, clauses })
    }
}

/// Carries the command out.
///
/// # Errors
/// Those of SIM.RECORD, or the search would read too much.
pub fn run(call: &Call) -> Result<(), Error> {
    let mut args = Args::new(call);
    let request = Request::take(&mut args)?;
    let recording = Recording::new(call, request.scope, request.timestamp, &request.clauses, true)?;
    // Without features there is nothing to compare, and nothing to record.
    if recording.is_empty() {
        call.reply_null();
        return Ok(());
    }
    let score = scope_score(&recording.definition()?, request.score)?;
    let assignment = request.choose_item(call, &recording, score)?;
    // Not verbatim: replicas and the AOF receive a RECORD.
    recording.record(&assignment.item, false, false)?;
    assignment.reply(call);
    Ok(())
}

/// The item that the observations go to.
struct Assignment {
    item: Vec<u8>,
    /// The score of the most similar item, whether it reaches MINSCORE or not.
    best_score: Option<f64>,
    /// True if the item had no observation in the window, in any index that the clauses name.
    is_new: bool,
}

impl Request<'_> {
    /// Chooses the most similar item of the window, if it reaches MINSCORE, or else the one that the
    /// command names.
    fn choose_item(&self, call: &Call, recording: &Recording, mode: ScoreMode) -> Result<Assignment, Error> {
        let Some(scope) = recording.scope() else {
            return Ok(Assignment { item: self.item.into(), best_score: None, is_new: true });
        };

        // Open the window of each clause.
        let options = WindowOptions::whole_at(recording.timestamp);
        let mut windows: SmallVec<[Window; 2]> = SmallVec::new();
        for clause in &recording.observations {
            windows.push(options.open(call, scope, clause.index)?);
        }
        let chunks = chunks_of(&windows);

        // Search for the best item, over all clauses together.
        let mut queries: SmallVec<[IndexQuery; 2]> = SmallVec::new();
        for (clause, chunks) in recording.observations.iter().zip(&chunks) {
            let observation = clause.observation.as_ref();
            let profile = observation.map_or_else(Profile::default, Observation::profile);
            let sketch = observation.and_then(Observation::sketch);
            queries.push(IndexQuery::new(profile, chunks).with_sketch(sketch));
        }
        let options = SearchOptions { mode, limit: Some(1), ..SearchOptions::default() };
        let mut account = SearchAccount::begin(call);
        let results = combine(&queries, &options, &mut account.budget);
        let results = results.map_err(|error| account.error(error, &[MORE_ROWS]))?;

        // Take it if it is similar enough.
        let best = results.first();
        let joined = best.filter(|best| best.score >= self.min_score);
        let item = joined.map_or(self.item, |best| best.item);
        let has_item = |chunk: &&Chunk| chunk.item_id(item).is_some();
        let is_new = !chunks.iter().flatten().any(has_item);
        Ok(Assignment { item: item.into(), best_score: best.map(|best| best.score), is_new })
    }
}

impl Assignment {
    fn reply(&self, call: &Call) {
        call.reply_array(3);
        call.reply_bytes(&self.item);
        self.best_score.map_or_else(|| call.reply_null(), |score| call.reply_double(score));
        call.reply_integer(self.is_new.into());
    }
}
