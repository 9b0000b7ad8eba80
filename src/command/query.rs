//! What CLASSIFY and COMPARE share: the options of a query, the search, and its reply.
//!
//! ```text
//! [TIMESTAMP t] [WINDOW n] [LIMIT n] [MINSCORE s] [MINBANDS n h [h ...]] [SCORE mode] [COMBINE]
//! ```

use super::args::{Args, once};
use super::cost;
use super::error::Error;
use super::statistics::Searching;
use crate::index::{Chunk, Definition, Found, Part, Score, Wanted, combine, search};
use crate::keyspace::scope::Scope;
use crate::keyspace::window::Window;
use crate::server::call::Call;
use smallvec::SmallVec;
use std::ops::RangeInclusive;

/// The words that options begin with.
pub const KEYWORDS: [&str; 7] = ["TIMESTAMP", "WINDOW", "LIMIT", "MINSCORE", "MINBANDS", "SCORE", "COMBINE"];

/// Intervals that WINDOW may name: as many as a scope can keep.
const WINDOW: RangeInclusive<u64> = 1..=*Definition::RETENTION.end() + 1;
/// Items that a query returns where it does not say.
const LIMIT: u64 = 10;

/// A moment, and how much of the window before it is looked at.
#[derive(Default)]
pub struct When {
    timestamp: Option<u64>,
    window: Option<u32>,
}

impl When {
    /// The whole window at a moment.
    pub fn at(timestamp: u64) -> When {
        When { timestamp: Some(timestamp), window: None }
    }

    /// Takes TIMESTAMP or WINDOW.
    ///
    /// # Errors
    /// The value is missing, wrong, or given twice.
    pub fn take(&mut self, keyword: &'static str, args: &mut Args) -> Result<(), Error> {
        match keyword {
            "TIMESTAMP" => once(&mut self.timestamp, keyword, args.timestamp()?),
            _ => once(&mut self.window, keyword, args.number(keyword, WINDOW)? as u32),
        }
    }

    /// Takes all that is left: TIMESTAMP and WINDOW, and nothing else.
    ///
    /// # Errors
    /// As [`Self::take`], and another word.
    pub fn take_rest(args: &mut Args) -> Result<When, Error> {
        let mut when = When::default();
        while let Some(keyword) = args.keyword(&["TIMESTAMP", "WINDOW"], "TIMESTAMP or WINDOW")? {
            when.take(keyword, args)?;
        }
        Ok(when)
    }

    /// The window of an index, opened.
    ///
    /// # Errors
    /// A chunk is on its way to another node of the cluster, or there are too many.
    pub fn open<'c>(&self, call: &'c Call, scope: &Scope, index: &[u8]) -> Result<Window<'c>, Error> {
        let timestamp = self.timestamp.unwrap_or(call.now() / 1_000);
        let window = scope.definition.window(timestamp, self.window);
        cost::spend(call, cost::NAME + scope.starts(index, window.clone()).count() as u64 * cost::CHUNK)?;
        Ok(Window::open(call, scope, index, scope.starts(index, window))?)
    }

    /// The seconds of the window.
    pub fn seconds(&self, call: &Call, scope: &Scope) -> RangeInclusive<u64> {
        scope.definition.seconds(self.timestamp.unwrap_or(call.now() / 1_000), self.window)
    }
}

/// The options of a query.
#[derive(Default)]
pub struct Options {
    /// The moment and the window.
    pub when: When,
    limit: Option<u64>,
    min_score: Option<f64>,
    min_bands: Option<SmallVec<[u16; 4]>>,
    score: Option<Score>,
    combine: Option<()>,
}

impl Options {
    /// Takes what follows one of [`KEYWORDS`].
    ///
    /// # Errors
    /// The value is missing, wrong, or given twice.
    pub fn take(&mut self, keyword: &'static str, args: &mut Args) -> Result<(), Error> {
        match keyword {
            "LIMIT" => once(&mut self.limit, keyword, take_limit(args)?),
            "MINSCORE" => {
                let least = args.float(keyword, "a number, 0 or more", |least| least >= 0.0)?;
                once(&mut self.min_score, keyword, least)
            }
            "MINBANDS" => once(&mut self.min_bands, keyword, take_min_bands(args)?),
            "SCORE" => once(&mut self.score, keyword, take_score(args)?),
            "COMBINE" => once(&mut self.combine, keyword, ()),
            _ => self.when.take(keyword, args),
        }
    }

    /// Holds that MINBANDS fits the number of clauses or indexes.
    ///
    /// # Errors
    /// It does not.
    pub fn check(&self, parts: usize) -> Result<(), Error> {
        match &self.min_bands {
            Some(bands) if bands.len() != 1 && bands.len() != parts => {
                let each = if parts > 1 {
                    format!(", or {parts}, one for each clause or index")
                } else {
                    String::new()
                };
                Err(Error::Expected("MINBANDS count", format!("1{each}")))
            }
            _ => Ok(()),
        }
    }

    /// How many bands a found item must share in a part.
    fn min_bands(&self, part: usize) -> u16 {
        let bands = self.min_bands.as_deref().unwrap_or_default();
        bands.get(part).or(bands.first()).copied().unwrap_or(1)
    }

    /// Holds that MINBANDS fits the scope.
    fn check_bands(&self, scope: &Scope) -> Result<(), Error> {
        let bands = scope.definition.bands();
        let fits = self.min_bands.iter().flatten().all(|least| *least <= bands);
        if fits {
            Ok(())
        } else {
            Err(Error::Expected("MINBANDS", format!("between 1 and {bands}, the scope's BANDS")))
        }
    }

    /// Searches each part, and replies. `no_self`: the item that asks is not to be found.
    ///
    /// # Errors
    /// The query would read too much.
    pub fn answer<'p>(
        &self,
        call: &Call,
        scope: &Scope,
        parts: impl Iterator<Item = Part<'p>>,
        no_self: bool,
    ) -> Result<(), Error> {
        self.check_bands(scope)?;
        let parts = parts.enumerate().map(|(number, part)| part.with_min_bands(self.min_bands(number)));
        let parts: SmallVec<[Part; 2]> = parts.collect();
        let wanted = Wanted {
            score: self.score.unwrap_or_default(),
            limit: limit(self.limit),
            min_score: self.min_score,
            no_self,
        };
        let mut searching = Searching::begin(call);
        let budget = &mut searching.budget;
        if self.combine.is_some() {
            let found = combine(&parts, &wanted, budget).map_err(Searching::too_many)?;
            reply_combined(call, &found);
        } else {
            let searched =
                parts.iter().map(|part| search(part, &wanted, budget).map_err(Searching::too_many));
            reply(call, &searched.collect::<Result<SmallVec<[_; 2]>, _>>()?);
        }
        Ok(())
    }

    /// The reply where there is no scope: nothing is found, in each of so many parts.
    pub fn answer_nothing(&self, call: &Call, parts: usize) {
        if self.combine.is_some() {
            reply_combined(call, &[]);
        } else {
            call.reply_array(parts);
            (0..parts).for_each(|_| call.reply_array(0));
        }
    }
}

/// The chunks of each window.
pub fn chunks<'c>(windows: &'c [Window]) -> SmallVec<[SmallVec<[&'c Chunk; 16]>; 2]> {
    windows.iter().map(Window::chunks).collect()
}

/// How many results are wanted.
///
/// # Errors
/// It is missing, or no integer.
pub fn take_limit(args: &mut Args) -> Result<u64, Error> {
    args.number("LIMIT", 0..=u32::MAX.into())
}

/// What LIMIT means: 0 is all, which is `None`.
pub fn limit(given: Option<u64>) -> Option<usize> {
    match given.unwrap_or(LIMIT) {
        0 => None,
        limit => Some(limit as usize),
    }
}

fn take_min_bands(args: &mut Args) -> Result<SmallVec<[u16; 4]>, Error> {
    let count = args.number("MINBANDS count", 1..=u32::MAX.into())?;
    (0..count).map(|_| Ok(args.number("MINBANDS", Definition::BANDS)? as u16)).collect()
}

/// A score's name.
///
/// # Errors
/// It is missing, or none.
pub fn take_score(args: &mut Args) -> Result<Score, Error> {
    match args.bytes("SCORE") {
        Ok(word) if word.eq_ignore_ascii_case(b"OVERLAP") => Ok(Score::Overlap),
        Ok(word) if word.eq_ignore_ascii_case(b"COVERAGE") => Ok(Score::Coverage),
        Ok(word) if word.eq_ignore_ascii_case(b"SIGNIFICANCE") => Ok(Score::Significance),
        _ => Err(Error::Expected("SCORE", "OVERLAP, COVERAGE or SIGNIFICANCE".to_string())),
    }
}

fn reply(call: &Call, lists: &[Vec<Found>]) {
    call.reply_array(lists.len());
    for list in lists {
        call.reply_array(list.len());
        for found in list {
            call.reply_array(2);
            call.reply_bytes(found.item);
            call.reply_double(found.score);
        }
    }
}

fn reply_combined(call: &Call, list: &[Found]) {
    call.reply_array(list.len());
    for found in list {
        call.reply_array(3);
        call.reply_bytes(found.item);
        call.reply_double(found.score);
        call.reply_array(found.parts.len());
        for part in &found.parts {
            part.map_or_else(|| call.reply_null(), |score| call.reply_double(score));
        }
    }
}
