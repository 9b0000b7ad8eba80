//! `SIM.CLASSIFY scope [query options] query-clause [query-clause ...]`
//!
//! A query clause is one of RECORD's, or `PROFILE index blob`, with a blob that SIM.EXPORT returned from any
//! scope with the same signatures. Such a query is the profile of the blob in the window, as COMPARE
//! queries with the profile of an item of the scope. INTERVAL and RETENTION of the blob may differ,
//! because they do not change a signature; a chunk of the blob is in the window if its first second is.

use super::error::Error;
use super::parse::args::Args;
use super::parse::clause::{self, Clause, Source};
use super::parse::query::{self, QueryOptions};
use super::run::blob;
use super::run::cost;
use super::run::observe::Observation;
use super::run::window::chunks_of;
use crate::index::{Blob, Definition, IndexQuery, Profile};
use crate::keyspace::scope::ScopeKey;
use crate::keyspace::window::Window;
use crate::server::call::Call;
use smallvec::SmallVec;
use std::ops::RangeInclusive;

/// The most observations of a query: the most that an item of a scope can have in a window.
const MAX_OBSERVATIONS: u64 = (*Definition::RETENTION.end() + 1) * u32::MAX as u64;

/// A clause: an index, and the source of the query in it.
struct QueryClause<'a> {
    index: &'a [u8],
    source: QuerySource<'a>,
}

/// The source of a query's profile.
enum QuerySource<'a> {
    /// A single observation, as RECORD would make it.
    Observation(Source<'a>),
    /// A blob, with all observations of an item.
    Blob(Blob<'a>),
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

    // Check the clauses and make their observations, then open their windows.
    let mut observations: SmallVec<[Option<Observation>; 2]> = SmallVec::new();
    for clause in &clauses {
        observations.push(clause.check_and_observe(call, &scope.definition)?);
    }
    let mut windows: SmallVec<[Window; 2]> = SmallVec::new();
    for clause in &clauses {
        windows.push(options.window.open(call, scope, clause.index)?);
    }

    // Make the profile of each clause. It borrows from its observation or blob.
    let mut profiles: SmallVec<[Profile; 2]> = SmallVec::new();
    for (clause, observation) in clauses.iter().zip(&observations) {
        profiles.push(match &clause.source {
            QuerySource::Observation(_) => {
                observation.as_ref().map_or_else(Profile::default, Observation::profile)
            }
            QuerySource::Blob(blob) => profile_of(blob, &options.window.seconds(call, scope))?,
        });
    }

    // Charge for looking up the buckets of each profile in every chunk, then search.
    let chunks = chunks_of(&windows);
    for (profile, chunks) in profiles.iter().zip(&chunks) {
        cost::spend(call, profile.frequencies().len() as u64 * (cost::BUCKET + chunks.len() as u64))?;
    }
    let queries = profiles.into_iter().zip(&chunks).map(|(profile, chunks)| IndexQuery::new(profile, chunks));
    options.search_and_reply(call, scope, queries, false)
}

/// Takes the query options and the clauses, in any order.
fn take<'a>(
    call: &Call,
    args: &mut Args<'a>,
) -> Result<(QueryOptions, SmallVec<[QueryClause<'a>; 2]>), Error> {
    let mut options = QueryOptions::default();
    let mut clauses = SmallVec::new();
    while let Some(keyword) = args.keyword_of(&[&clause::KEYWORDS, &["PROFILE"], &query::KEYWORDS])? {
        if keyword == "PROFILE" {
            let index = args.index()?;
            clauses.push(QueryClause { index, source: QuerySource::Blob(blob::take(call, args)?) });
        } else if clause::KEYWORDS.contains(&keyword) {
            let Clause { index, source } = Clause::take(keyword, args)?;
            clauses.push(QueryClause { index, source: QuerySource::Observation(source) });
        } else {
            options.take(keyword, args)?;
        }
    }
    if clauses.is_empty() {
        return Err(Error::Missing("clause (SIGNATURE, FEATURES, TEXT or PROFILE)"));
    }
    options.check(clauses.len())?;
    Ok((options, clauses))
}

impl<'a> QueryClause<'a> {
    /// Checks this clause against the scope's definition, and makes its observation; `None` if it has no
    /// features, or is a blob.
    fn check_and_observe(
        &self,
        call: &Call<'a>,
        definition: &Definition,
    ) -> Result<Option<Observation<'a>>, Error> {
        match &self.source {
            QuerySource::Observation(source) => source.observe(call, definition),
            QuerySource::Blob(blob) => {
                blob::check_definition(blob, definition, &["INTERVAL", "RETENTION"])?;
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
