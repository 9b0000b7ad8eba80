//! The options of a query, which CLASSIFY and COMPARE share.
//!
//! ```text
//! [TIMESTAMP t] [WINDOW n] [LIMIT n] [MINSCORE s] [MINBANDS n h [h ...]] [SCORE mode] [COMBINE]
//! ```

use super::args::{Args, set_once};
use super::window::WindowOptions;
use crate::command::error::Error;
use crate::index::{Definition, ScoreMode};
use smallvec::SmallVec;

/// The words that options begin with.
pub const KEYWORDS: [&str; 7] = ["TIMESTAMP", "WINDOW", "LIMIT", "MINSCORE", "MINBANDS", "SCORE", "COMBINE"];

/// Items that a query returns where it does not say.
const LIMIT: u64 = 10;

/// The options of a query.
#[derive(Default)]
pub struct QueryOptions {
    /// The moment and the window.
    pub when: WindowOptions,
    /// LIMIT.
    pub limit: Option<u64>,
    /// MINSCORE.
    pub min_score: Option<f64>,
    /// MINBANDS: one for all clauses or indexes, or one for each.
    pub min_bands: Option<SmallVec<[u16; 4]>>,
    /// SCORE.
    pub score: Option<ScoreMode>,
    /// COMBINE.
    pub combine: Option<()>,
}

impl QueryOptions {
    /// Takes what follows one of [`KEYWORDS`].
    ///
    /// # Errors
    /// The value is missing, wrong, or given twice.
    pub fn take(&mut self, keyword: &'static str, args: &mut Args) -> Result<(), Error> {
        match keyword {
            "LIMIT" => set_once(&mut self.limit, keyword, take_limit(args)?),
            "MINSCORE" => {
                let least = args.float(keyword, "a number, 0 or more", |least| least >= 0.0)?;
                set_once(&mut self.min_score, keyword, least)
            }
            "MINBANDS" => set_once(&mut self.min_bands, keyword, take_min_bands(args)?),
            "SCORE" => set_once(&mut self.score, keyword, take_score(args)?),
            "COMBINE" => set_once(&mut self.combine, keyword, ()),
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
    pub fn min_bands(&self, part: usize) -> u16 {
        let bands = self.min_bands.as_deref().unwrap_or_default();
        bands.get(part).or(bands.first()).copied().unwrap_or(1)
    }
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
pub fn take_score(args: &mut Args) -> Result<ScoreMode, Error> {
    match args.bytes("SCORE") {
        Ok(word) if word.eq_ignore_ascii_case(b"OVERLAP") => Ok(ScoreMode::Overlap),
        Ok(word) if word.eq_ignore_ascii_case(b"COVERAGE") => Ok(ScoreMode::Coverage),
        Ok(word) if word.eq_ignore_ascii_case(b"SIGNIFICANCE") => Ok(ScoreMode::Significance),
        _ => Err(Error::Expected("SCORE", "OVERLAP, COVERAGE or SIGNIFICANCE".to_string())),
    }
}
