//! Clauses: where a signature comes from.
//!
//! ```text
//! SIGNATURE index count bucket [bucket ...]
//! FEATURES  index count [feature ...]
//! TEXT      index text
//! ```

use super::args::Args;
use crate::command::error::Error;
use std::ops::Range;

/// The words that clauses begin with.
pub const KEYWORDS: [&str; 3] = ["SIGNATURE", "FEATURES", "TEXT"];

/// Arguments of the command, by their positions.
pub type Positions = Range<usize>;

/// Where a signature comes from.
pub enum Source<'a> {
    /// Ready buckets.
    Signature(Positions),
    /// A set of features.
    Features(Positions),
    /// A text.
    Text(&'a [u8]),
}

impl<'a> Source<'a> {
    /// Takes what follows a keyword and, where there is one, the index.
    ///
    /// # Errors
    /// An argument is missing or not what it should be.
    pub fn take(keyword: &str, args: &mut Args<'a>) -> Result<Source<'a>, Error> {
        if keyword == "TEXT" {
            return Ok(Source::Text(args.bytes("text")?));
        }
        let count = args.number("count", 0..=u32::MAX.into())? as usize;
        match keyword {
            "SIGNATURE" => Ok(Source::Signature(args.several("bucket", count)?)),
            _ => Ok(Source::Features(args.several("feature", count)?)),
        }
    }
}

/// A clause of RECORD or CLASSIFY: an index, and what was seen in it.
pub struct Clause<'a> {
    /// The index's name.
    pub index: &'a [u8],
    /// Where its signature comes from.
    pub source: Source<'a>,
}

impl<'a> Clause<'a> {
    /// Takes what follows a keyword.
    ///
    /// # Errors
    /// An argument is missing or not what it should be.
    pub fn take(keyword: &str, args: &mut Args<'a>) -> Result<Clause<'a>, Error> {
        Ok(Clause { index: args.index()?, source: Source::take(keyword, args)? })
    }
}
