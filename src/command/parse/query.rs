//! The options of a query, for CLASSIFY and COMPARE. EXPLAIN, ASSIGN and SIGNIFICANT have some of them.
//!
//! ```text
//! [TIMESTAMP t] [WINDOW n] [LIMIT n] [MINSCORE s] [MINBANDS n h [h ...]] [SCORE mode]
//!     [MATCH pattern] [COMBINE] [WITHCOUNTS]
//! ```

use super::args::{Args, set_once};
use super::window::WindowOptions;
use crate::command::error::Error;
use crate::index::{Definition, Glob, ScoreMode};
use smallvec::SmallVec;

/// The words that options begin with.
pub const KEYWORDS: [&str; 9] =
    ["TIMESTAMP", "WINDOW", "LIMIT", "MINSCORE", "MINBANDS", "SCORE", "MATCH", "COMBINE", "WITHCOUNTS"];

/// LIMIT of a query that gives none.
pub const DEFAULT_LIMIT: u64 = 10;

/// The options of a query.
#[derive(Default)]
pub struct QueryOptions {
    /// TIMESTAMP and WINDOW.
    pub window: WindowOptions,
    /// LIMIT.
    pub limit: Option<u64>,
    /// MINSCORE.
    pub min_score: Option<f64>,
    /// MINBANDS: one number for all clauses or indexes, or one for each; empty if it is not given.
    pub min_bands: SmallVec<[u16; 4]>,
    /// SCORE.
    pub score: Option<ScoreMode>,
    /// MATCH.
    pub pattern: Option<Glob>,
    /// COMBINE, which has no value: `Some` if it is given.
    pub combine: Option<()>,
    /// WITHCOUNTS, which has none either.
    pub with_counts: Option<()>,
}

impl QueryOptions {
    /// Takes the value of one of [`KEYWORDS`].
    pub fn take(&mut self, keyword: &'static str, args: &mut Args) -> Result<(), Error> {
        match keyword {
            "LIMIT" => set_once(&mut self.limit, keyword, take_limit(args)?),
            "MINSCORE" => set_once(&mut self.min_score, keyword, args.min_score()?),
            "MINBANDS" => {
                let min_bands = take_min_bands(args)?;
                if !self.min_bands.is_empty() {
                    return Err(Error::GivenTwice(keyword));
                }
                self.min_bands = min_bands;
                Ok(())
            }
            "SCORE" => set_once(&mut self.score, keyword, take_score(args)?),
            "MATCH" => set_once(&mut self.pattern, keyword, take_pattern(args)?),
            "COMBINE" => set_once(&mut self.combine, keyword, ()),
            "WITHCOUNTS" => set_once(&mut self.with_counts, keyword, ()),
            _ => self.window.take(keyword, args),
        }
    }

    /// Checks that MINBANDS has one number, or one for each of the `queries` clauses or indexes.
    pub fn check(&self, queries: usize) -> Result<(), Error> {
        let given = self.min_bands.len();
        if given <= 1 || given == queries {
            return Ok(());
        }
        let expected = match queries {
            1 => "1".to_string(),
            _ => format!("1, or {queries}, one for each clause or index"),
        };
        Err(Error::expected("MINBANDS count", expected))
    }

    /// The number of bands that a result must share with this query. The query is counted from 0.
    pub fn min_bands(&self, query: usize) -> u16 {
        self.min_bands.get(query).or(self.min_bands.first()).copied().unwrap_or(1)
    }
}

/// Takes the value of LIMIT.
pub fn take_limit(args: &mut Args) -> Result<u64, Error> {
    args.number("LIMIT", 0..=u32::MAX.into())
}

/// The most results for a LIMIT: `None` for all, which is LIMIT 0.
pub fn max_results(limit: Option<u64>) -> Option<usize> {
    match limit.unwrap_or(DEFAULT_LIMIT) {
        0 => None,
        limit => Some(limit as usize),
    }
}

/// Takes the value of MATCH.
pub fn take_pattern(args: &mut Args) -> Result<Glob, Error> {
    let too_long = || Error::expected("MATCH", format!("at most {} bytes long", Glob::MAX_BYTES));
    Glob::new(args.bytes("MATCH")?).ok_or_else(too_long)
}

/// Takes the value of SCORE.
pub fn take_score(args: &mut Args) -> Result<ScoreMode, Error> {
    args.word("SCORE", &ScoreMode::WORDS)
}

fn take_min_bands(args: &mut Args) -> Result<SmallVec<[u16; 4]>, Error> {
    let count = args.number("MINBANDS count", 1..=u32::MAX.into())?;
    (0..count).map(|_| Ok(args.number("MINBANDS", Definition::BANDS)? as u16)).collect()
}
