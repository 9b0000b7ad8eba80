//! `SIM.CLASSIFY scope [query options] clause [clause ...]`
//!
//! Besides the clauses of RECORD, a clause may be `PROFILE index blob`: an item that SIM.EXPORT gave,
//! from whatever scope of a like definition. What the blob has in the query's window is looked for,
//! just as COMPARE does with an item of the scope itself. INTERVAL and RETENTION may differ: a chunk of
//! the blob is in the window if its first second is.

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

const EXPECTED: &str =
    "SIGNATURE, FEATURES, TEXT, PROFILE, TIMESTAMP, WINDOW, LIMIT, MINSCORE, MINBANDS, SCORE or COMBINE";

/// The most observations that an item can have in a window, and so a query.
const MOST: u64 = (*Definition::RETENTION.end() + 1) * u32::MAX as u64;

/// What is looked for in an index.
struct QueryClause<'a> {
    index: &'a [u8],
    by: QuerySource<'a>,
}

/// What an index is asked by.
enum QuerySource<'a> {
    /// What RECORD would observe.
    Source(Source<'a>),
    /// A whole profile.
    Blob(Blob<'a>),
}

/// Carries the command out.
///
/// # Errors
/// An argument is not what it should be, or the query would read too much.
pub fn run(call: &Call) -> Result<(), Error> {
    let mut args = Args::new(call);
    let name = args.scope()?;
    let (options, clauses) = take(call, &mut args)?;
    let Some(key) = ScopeKey::open(call, name)? else {
        options.reply_nothing(call, clauses.len());
        return Ok(());
    };
    let scope = key.scope()?;
    let observed = clauses.iter().map(|clause| clause.observe(call, &scope.definition));
    let observed = observed.collect::<Result<SmallVec<[Option<Observation>; 2]>, Error>>()?;
    let windows = clauses.iter().map(|clause| options.when.open(call, scope, clause.index));
    let windows = windows.collect::<Result<SmallVec<[Window; 2]>, _>>()?;
    let queries = clauses.iter().zip(&observed).map(|(clause, observed)| match &clause.by {
        QuerySource::Source(_) => Ok(observed.as_ref().map_or_else(Profile::default, Observation::profile)),
        QuerySource::Blob(blob) => profile(blob, &options.when.seconds(call, scope)),
    });
    let queries = queries.collect::<Result<SmallVec<[Profile; 2]>, _>>()?;
    let chunks = chunks_of(&windows);
    for (query, chunks) in queries.iter().zip(&chunks) {
        cost::spend(call, query.frequencies().len() as u64 * (cost::BUCKET + chunks.len() as u64))?;
    }
    let parts = queries.into_iter().zip(&chunks).map(|(query, chunks)| IndexQuery::new(query, chunks));
    options.search_and_reply(call, scope, parts, false)
}

fn take<'a>(
    call: &Call,
    args: &mut Args<'a>,
) -> Result<(QueryOptions, SmallVec<[QueryClause<'a>; 2]>), Error> {
    let known: SmallVec<[&str; 12]> =
        clause::KEYWORDS.into_iter().chain(["PROFILE"]).chain(query::KEYWORDS).collect();
    let (mut options, mut clauses) = (QueryOptions::default(), SmallVec::new());
    while let Some(keyword) = args.keyword(&known, EXPECTED)? {
        if clause::KEYWORDS.contains(&keyword) {
            let Clause { index, source } = Clause::take(keyword, args)?;
            clauses.push(QueryClause { index, by: QuerySource::Source(source) });
        } else if keyword == "PROFILE" {
            let index = args.index()?;
            clauses.push(QueryClause { index, by: QuerySource::Blob(blob::take(call, args)?) });
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
    /// The single observation that is asked by under a definition; `None` where there is no feature,
    /// and for a blob, which must suit the definition.
    fn observe(&self, call: &Call<'a>, definition: &Definition) -> Result<Option<Observation<'a>>, Error> {
        match &self.by {
            QuerySource::Source(source) => source.observe(call, definition),
            QuerySource::Blob(blob) => {
                blob::check_definition(blob, definition, &["INTERVAL", "RETENTION"])?;
                Ok(None)
            }
        }
    }
}

/// What a blob has in a window.
fn profile<'a>(blob: &Blob<'a>, window: &RangeInclusive<u64>) -> Result<Profile<'a>, Error> {
    let profile = blob.profile(window);
    // A blob of shorter intervals than the scope's may hold more than any item of a scope can.
    if profile.observations() > MOST {
        return Err(Error::Expected("blob", format!("of at most {MOST} observations in the window")));
    }
    Ok(profile)
}
