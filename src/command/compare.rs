//! `SIM.COMPARE scope item numindexes index [index ...] [query options] [NOSELF]`

use super::error::Error;
use super::parse::args::{Args, set_once};
use super::parse::query::{self, QueryOptions};
use super::run::cost;
use super::run::window::chunks_of;
use crate::index::IndexQuery;
use crate::keyspace::scope::ScopeKey;
use crate::keyspace::window::Window;
use crate::server::call::Call;
use smallvec::SmallVec;

const EXPECTED: &str = "TIMESTAMP, WINDOW, LIMIT, MINSCORE, MINBANDS, SCORE, COMBINE or NOSELF";

/// Carries the command out.
///
/// # Errors
/// An argument is not what it should be, or the query would read too much.
pub fn run(call: &Call) -> Result<(), Error> {
    let mut args = Args::new(call);
    let (name, item) = (args.scope()?, args.name("item")?);
    let count = args.number("numindexes", 1..=u32::MAX.into())?;
    let indexes = (0..count).map(|_| args.index()).collect::<Result<SmallVec<[&[u8]; 4]>, _>>()?;
    let (options, no_self) = take(&mut args)?;
    options.check(indexes.len())?;
    let Some(key) = ScopeKey::open(call, name)? else {
        options.reply_nothing(call, indexes.len());
        return Ok(());
    };
    let scope = key.scope()?;
    let windows = indexes.iter().map(|index| options.when.open(call, scope, index));
    let windows = windows.collect::<Result<SmallVec<[Window; 2]>, _>>()?;
    let chunks = chunks_of(&windows);
    chunks.iter().try_for_each(|chunks| cost::profile(call, item, chunks))?;
    options.search_and_reply(
        call,
        scope,
        chunks.iter().map(|chunks| IndexQuery::of_item(item, chunks)),
        no_self,
    )
}

fn take(args: &mut Args) -> Result<(QueryOptions, bool), Error> {
    let known: SmallVec<[&str; 8]> = query::KEYWORDS.into_iter().chain(["NOSELF"]).collect();
    let (mut options, mut no_self) = (QueryOptions::default(), None);
    while let Some(keyword) = args.keyword(&known, EXPECTED)? {
        match keyword {
            "NOSELF" => set_once(&mut no_self, keyword, ())?,
            _ => options.take(keyword, args)?,
        }
    }
    Ok((options, no_self.is_some()))
}
