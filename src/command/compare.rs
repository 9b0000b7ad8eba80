//! `SIM.COMPARE scope item numindexes index [index ...] [query options] [NOSELF]`

use super::args::{Args, once};
use super::cost;
use super::error::Error;
use super::query::{self, Options};
use crate::index::Part;
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
        options.answer_nothing(call, indexes.len());
        return Ok(());
    };
    let scope = key.scope()?;
    let windows = indexes.iter().map(|index| options.when.open(call, scope, index));
    let windows = windows.collect::<Result<SmallVec<[Window; 2]>, _>>()?;
    let chunks = query::chunks(&windows);
    chunks.iter().try_for_each(|chunks| cost::profile(call, item, chunks))?;
    options.answer(call, scope, chunks.iter().map(|chunks| Part::of_item(item, chunks)), no_self)
}

fn take(args: &mut Args) -> Result<(Options, bool), Error> {
    let known: SmallVec<[&str; 8]> = query::KEYWORDS.into_iter().chain(["NOSELF"]).collect();
    let (mut options, mut no_self) = (Options::default(), None);
    while let Some(keyword) = args.keyword(&known, EXPECTED)? {
        match keyword {
            "NOSELF" => once(&mut no_self, keyword, ())?,
            _ => options.take(keyword, args)?,
        }
    }
    Ok((options, no_self.is_some()))
}
