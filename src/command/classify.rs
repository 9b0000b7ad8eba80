//! `SIM.CLASSIFY scope [query options] clause [clause ...]`

use super::args::Args;
use super::clause::{self, Clause, Observation};
use super::error::Error;
use super::query::{self, Options};
use crate::index::Profile;
use crate::keyspace::scope::ScopeKey;
use crate::server::call::Call;
use smallvec::SmallVec;

const EXPECTED: &str =
    "SIGNATURE, FEATURES, TEXT, TIMESTAMP, WINDOW, LIMIT, MINSCORE, MINBANDS, SCORE or COMBINE";

/// Carries the command out.
///
/// # Errors
/// An argument is not what it should be, or the query would read too much.
pub fn run(call: &Call) -> Result<(), Error> {
    let mut args = Args::new(call);
    let name = args.scope()?;
    let (options, clauses) = take(&mut args)?;
    let Some(key) = ScopeKey::open(call, name)? else {
        options.answer_nothing(call, clauses.len());
        return Ok(());
    };
    let scope = key.scope()?;
    let observed: SmallVec<[Option<Observation>; 2]> = clauses
        .iter()
        .map(|clause| clause.source.observe(call, &scope.definition))
        .collect::<Result<_, Error>>()?;
    let windows = clauses.iter().map(|clause| options.when.open(call, scope, clause.index));
    let windows = windows.collect::<Result<Vec<_>, _>>()?;
    let queries = observed.iter().map(|o| o.as_ref().map_or_else(Profile::default, Observation::profile));
    options.answer(call, scope, &windows, queries.collect(), None)
}

fn take<'a>(args: &mut Args<'a>) -> Result<(Options, SmallVec<[Clause<'a>; 2]>), Error> {
    let known: SmallVec<[&str; 10]> = clause::KEYWORDS.into_iter().chain(query::KEYWORDS).collect();
    let (mut options, mut clauses) = (Options::default(), SmallVec::new());
    while let Some(keyword) = args.keyword(&known, EXPECTED)? {
        if clause::KEYWORDS.contains(&keyword) {
            clauses.push(Clause::take(keyword, args)?);
        } else {
            options.take(keyword, args)?;
        }
    }
    if clauses.is_empty() {
        return Err(Error::Missing("clause (SIGNATURE, FEATURES or TEXT)"));
    }
    options.check(clauses.len())?;
    Ok((options, clauses))
}
