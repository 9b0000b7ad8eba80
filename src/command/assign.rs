//! `SIM.ASSIGN scope item MINSCORE s [TIMESTAMP t] [SCORE mode] clause [clause ...]`
//!
//! One step of grouping a stream: what is observed goes to the item that it is like, or founds a new
//! one. It is replicated as the RECORD that it became.

use super::error::Error;
use super::parse::args::{Args, set_once};
use super::parse::clause::{Clause, KEYWORDS};
use super::parse::query::take_score;
use super::parse::window::WindowOptions;
use super::run::observe::Observation;
use super::run::recording::Recording;
use super::run::search_account::SearchAccount;
use super::run::window::chunks_of;
use crate::index::{Chunk, IndexQuery, Profile, ScoreMode, SearchOptions, combine};
use crate::keyspace::window::Window;
use crate::server::call::Call;
use smallvec::SmallVec;

const EXPECTED: &str = "MINSCORE, TIMESTAMP, SCORE, SIGNATURE, FEATURES or TEXT";

/// Carries the command out.
///
/// # Errors
/// An argument is not what it should be, the moment is not in the window, or the search would read too
/// much.
pub fn run(call: &Call) -> Result<(), Error> {
    let mut args = Args::new(call);
    let request = Request::take(&mut args)?;
    let recording = Recording::new(call, request.scope, request.timestamp, &request.clauses)?;
    if recording.is_empty() {
        let nothing = Assigned { item: request.item.into(), score: None, is_created: false };
        nothing.reply(call);
        return Ok(());
    }
    let assigned = request.choose(call, &recording)?;
    recording.record(&assigned.item, false)?;
    assigned.reply(call);
    Ok(())
}

/// The item that the observations go to.
struct Assigned {
    item: Vec<u8>,
    /// The best score that was found.
    score: Option<f64>,
    /// Whether the item had no observation in the window, in the indexes that the clauses name.
    is_created: bool,
}

impl Assigned {
    fn reply(&self, call: &Call) {
        call.reply_array(3);
        call.reply_bytes(&self.item);
        self.score.map_or_else(|| call.reply_null(), |score| call.reply_double(score));
        call.reply_integer(self.is_created.into());
    }
}

/// What the command's arguments say.
struct Request<'a> {
    scope: &'a [u8],
    item: &'a [u8],
    min_score: f64,
    timestamp: Option<u64>,
    score: Option<ScoreMode>,
    clauses: SmallVec<[Clause<'a>; 2]>,
}

impl<'a> Request<'a> {
    fn take(args: &mut Args<'a>) -> Result<Request<'a>, Error> {
        let (scope, item) = (args.scope()?, args.name("item")?);
        let (mut min_score, mut timestamp, mut score) = (None, None, None);
        let mut clauses = SmallVec::new();
        let known = ["MINSCORE", "TIMESTAMP", "SCORE", KEYWORDS[0], KEYWORDS[1], KEYWORDS[2]];
        while let Some(keyword) = args.keyword(&known, EXPECTED)? {
            match keyword {
                "MINSCORE" => {
                    let least = args.float(keyword, "a number, 0 or more", |least| least >= 0.0)?;
                    set_once(&mut min_score, keyword, least)?;
                }
                "TIMESTAMP" => set_once(&mut timestamp, keyword, args.timestamp()?)?,
                "SCORE" => set_once(&mut score, keyword, take_score(args)?)?,
                _ => clauses.push(Clause::take(keyword, args)?),
            }
        }
        let min_score = min_score.ok_or(Error::Missing("MINSCORE"))?;
        if clauses.is_empty() {
            return Err(Error::Missing("clause (SIGNATURE, FEATURES or TEXT)"));
        }
        Ok(Request { scope, item, min_score, timestamp, score, clauses })
    }

    /// The best item of the window, if it is good enough, or else the one that was given.
    fn choose(&self, call: &Call, recording: &Recording) -> Result<Assigned, Error> {
        let Some(scope) = recording.scope() else {
            return Ok(Assigned { item: self.item.into(), score: None, is_created: true });
        };
        let when = WindowOptions::at(recording.timestamp);
        let windows = recording.observed.iter().map(|(index, _)| when.open(call, scope, index));
        let windows = windows.collect::<Result<SmallVec<[Window; 2]>, _>>()?;
        let chunks = chunks_of(&windows);
        let queries = recording
            .observed
            .iter()
            .map(|(_, observation)| observation.as_ref().map_or_else(Profile::default, Observation::profile));
        let parts: SmallVec<[IndexQuery; 2]> =
            chunks.iter().zip(queries).map(|(chunks, query)| IndexQuery::new(query, chunks)).collect();
        let wanted = SearchOptions {
            mode: self.score.unwrap_or_default(),
            limit: Some(1),
            ..SearchOptions::default()
        };
        let mut searching = SearchAccount::begin(call);
        let best = combine(&parts, &wanted, &mut searching.budget).map_err(SearchAccount::too_many)?;
        let best = best.first();
        let joined = best.filter(|best| best.score >= self.min_score);
        let item = joined.map_or(self.item, |best| best.item);
        let has_item = |chunk: &&Chunk| chunk.item(item).is_some();
        let is_created = !chunks.iter().flatten().any(has_item);
        Ok(Assigned { item: item.into(), score: best.map(|best| best.score), is_created })
    }
}
