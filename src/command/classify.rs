//! `SIM.CLASSIFY scope [query options] query-clause [query-clause ...]`
//!
//! A query clause is one of RECORD's, or `PROFILE index blob`, with a blob that SIM.EXPORT returned from any
//! scope with the same signatures. Such a query is the profile of the blob in the window, as COMPARE
//! queries with the profile of an item of the scope. INTERVAL of the blob may differ, because it does not
//! change a signature; a chunk of the blob is in the window if its first second is.
//!
//! A sketch is made and compared only by the score JACCARD.

use super::error::Error;
use super::parse::args::Args;
use super::parse::clause::{self, Clause, Sketches};
use super::parse::query::{self, QueryOptions};
use super::run::blob;
use super::run::cost;
use super::run::observe::Observation;
use super::run::query::scope_score;
use super::run::window::chunks_of;
use crate::index::{Blob, Definition, IndexQuery, Profile, ScoreMode};
use crate::keyspace::scope::ScopeKey;
use crate::keyspace::window::Window;
use crate::server::call::Call;
use smallvec::SmallVec;
use std::ops::RangeInclusive;

/// The most observations of a query: the most that an item of a scope can have in a window.
const MAX_OBSERVATIONS: u64 = (*Definition::RETENTION.end() + 1) * u32::MAX as u64;

/// A clause: an index, and the source of the query in it.
enum QueryClause<'a> {
    /// A single observation, as RECORD would make it.
    Observation(Clause<'a>),
    /// An index, and a blob with all observations of an item.
    Profile(&'a [u8], Blob<'a>),
}

/// Carries the command out.
///
/// # Errors
/// A clause does not fit the scope, or the search would read too much.
pub fn run(call: &Call) -> Result<(), Error> {
    // Arguments.
    let mut args = Args::new(call);
    let name = args.scope()?;
    let (options, clauses) = take(call, &mut args)?;
    let Some(key) = ScopeKey::open(call, name)? else {
        options.reply_nothing(call, clauses.len());
        return Ok(());
    };
    let scope = key.scope()?;

    let score = scope_score(&scope.definition, options.score)?;

    // Check the clauses and make their observations, then open their windows.
    let mut observations: SmallVec<[Option<Observation>; 2]> = SmallVec::new();
    for clause in &clauses {
        observations.push(clause.check_and_observe(call, &scope.definition, score == ScoreMode::Jaccard)?);
    }
    let mut windows: SmallVec<[Window; 2]> = SmallVec::new();
    for clause in &clauses {
        windows.push(options.window.open(call, scope, clause.index())?);
    }

    // Make the query of each clause, which borrows from its observation or blob, and charge for looking up its
    // buckets in every chunk.
    let chunks = chunks_of(&windows);
    let seconds = options.window.seconds(call, scope);
    let mut queries: SmallVec<[IndexQuery; 2]> = SmallVec::new();
    for ((clause, observation), chunks) in clauses.iter().zip(&observations).zip(&chunks) {
        let (profile, sketch) = match (clause, observation) {
            (QueryClause::Profile(_, blob), _) => (profile_of(blob, &seconds)?, blob.sketch(&seconds)),
            (_, Some(observation)) => (observation.profile(), observation.sketch()),
            (_, None) => (Profile::default(), None),
        };
        cost::spend(call, profile.frequencies().len() as u64 * (cost::BUCKET + chunks.len() as u64))?;
        queries.push(IndexQuery::new(profile, chunks).with_sketch(sketch));
    }
    options.search_and_reply(call, scope, queries.into_iter(), false)
}

/// Takes the query options and the clauses, in any order.
fn take<'a>(
    call: &Call,
    args: &mut Args<'a>,
) -> Result<(QueryOptions, SmallVec<[QueryClause<'a>; 2]>), Error> {
    let mut options = QueryOptions::default();
    let mut clauses: SmallVec<[QueryClause; 2]> = SmallVec::new();
    let mut sketches = Sketches::default();
    let own_keywords = [clause::SKETCH, "PROFILE"];
    while let Some(keyword) = args.keyword_of(&[&clause::KEYWORDS, &own_keywords, &query::KEYWORDS])? {
        if keyword == "PROFILE" {
            clauses.push(QueryClause::Profile(args.index()?, blob::take(call, args, 1)?));
        } else if keyword == clause::SKETCH {
            sketches.take(args)?;
        } else if clause::KEYWORDS.contains(&keyword) {
            clauses.push(QueryClause::Observation(Clause::take(keyword, args)?));
        } else {
            options.take(keyword, args)?;
        }
    }
    let observations = clauses.iter_mut().filter_map(|clause| match clause {
        QueryClause::Observation(clause) => Some(clause),
        QueryClause::Profile(..) => None,
    });
    sketches.give_to(observations)?;
    if clauses.is_empty() {
        return Err(Error::Missing("clause (SIGNATURE, FEATURES, TEXT or PROFILE)"));
    }
    options.check(clauses.len())?;
    Ok((options, clauses))
}

impl<'a> QueryClause<'a> {
    fn index(&self) -> &'a [u8] {
        match self {
            QueryClause::Observation(clause) => clause.index,
            QueryClause::Profile(index, _) => index,
        }
    }

    /// Checks this clause against the scope's definition, and makes its observation; `None` if it has no
    /// features, or is a blob.
    fn check_and_observe(
        &self,
        call: &Call<'a>,
        definition: &Definition,
        needs_sketch: bool,
    ) -> Result<Option<Observation<'a>>, Error> {
        match self {
            QueryClause::Observation(clause) => clause.source.observe(call, definition, needs_sketch),
            QueryClause::Profile(_, blob) => {
                blob::check_definition(blob, definition, &["INTERVAL"])?;
                Ok(None)
            }
        }
    }
}

/// The profile of a blob in a window.
fn profile_of<'a>(blob: &Blob<'a>, window: &RangeInclusive<u64>) -> Result<Profile<'a>, Error> {
    let profile = blob.profile(window);
    // A blob with shorter intervals than the scope's may have more than any item of a scope can.
    if profile.observations() > MAX_OBSERVATIONS {
        let expected = format!("at most {MAX_OBSERVATIONS} in the window");
        return Err(Error::expected("observations of blob", expected));
    }
    Ok(profile)
}
