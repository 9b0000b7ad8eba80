//! `SIM.COMPARE scope item numindexes index [index ...] [query options] [NOSELF]`
//!
//! The query in each index is the profile of the item there, over the whole window. An item is usually
//! the most similar to itself, so it is among the results, unless NOSELF leaves it out.

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

/// Carries the command out.
///
/// # Errors
/// The search would read too much.
pub fn run(call: &Call) -> Result<(), Error> {
    // Arguments.
    let mut args = Args::new(call);
    let name = args.scope()?;
    let item = args.name("item")?;
    let indexes = take_indexes(&mut args)?;
    let (options, no_self) = take_options(&mut args)?;
    options.check(indexes.len())?;
    let Some(key) = ScopeKey::open(call, name)? else {
        options.reply_nothing(call, indexes.len());
        return Ok(());
    };
    let scope = key.scope()?;

    // Open the window of each index, and charge for the item's profile there.
    let mut windows: SmallVec<[Window; 2]> = SmallVec::new();
    for index in indexes {
        windows.push(options.window.open(call, scope, index)?);
    }
    let chunks = chunks_of(&windows);
    chunks.iter().try_for_each(|chunks| cost::charge_profile(call, item, chunks))?;

    // Search.
    let queries = chunks.iter().map(|chunks| IndexQuery::of_item(item, chunks));
    options.search_and_reply(call, scope, queries, no_self)
}

/// Takes `numindexes index [index ...]`.
fn take_indexes<'a>(args: &mut Args<'a>) -> Result<SmallVec<[&'a [u8]; 4]>, Error> {
    let count = args.number("numindexes", 1..=u32::MAX.into())?;
    (0..count).map(|_| args.index()).collect()
}

/// Takes the query options, and whether NOSELF is among them.
fn take_options(args: &mut Args) -> Result<(QueryOptions, bool), Error> {
    let mut options = QueryOptions::default();
    let mut no_self = None;
    while let Some(keyword) = args.keyword_of(&[&query::KEYWORDS, &["NOSELF"]])? {
        match keyword {
            "NOSELF" => set_once(&mut no_self, keyword, ())?,
            _ => options.take(keyword, args)?,
        }
    }
    Ok((options, no_self.is_some()))
}
