//! Clauses: an index, and the source of an observation in it.
//!
//! ```text
//! SIGNATURE index count bucket [bucket ...]
//! FEATURES  index count [feature ...]
//! TEXT      index text
//! ```
//!
//! SIGNATURE has the buckets themselves, from a client that signs; the server signs FEATURES and TEXT. That
//! needs the definition of the scope, so it comes after parsing (`run::observe`).

use super::args::Args;
use crate::command::error::Error;
use std::ops::Range;

/// The words that clauses begin with.
pub const KEYWORDS: [&str; 3] = ["SIGNATURE", "FEATURES", "TEXT"];

/// The name of any clause, for the error of a command without one.
pub const ANY_CLAUSE: &str = "clause (SIGNATURE, FEATURES or TEXT)";

/// The positions of some of the command's arguments.
pub type Positions = Range<usize>;

/// The source of an observation.
pub enum Source<'a> {
    /// The buckets, one for each band.
    Signature(Positions),
    /// A set of features.
    Features(Positions),
    /// A text.
    Text(&'a [u8]),
}

impl<'a> Source<'a> {
    /// Takes the arguments after the keyword and, in a clause, the index.
    pub fn take(keyword: &str, args: &mut Args<'a>) -> Result<Source<'a>, Error> {
        if keyword == "TEXT" {
            return Ok(Source::Text(args.bytes("text")?));
        }
        let count = args.number("count", 0..=u32::MAX.into())? as usize;
        match keyword {
            "SIGNATURE" => Ok(Source::Signature(args.positions("bucket", count)?)),
            _ => Ok(Source::Features(args.positions("feature", count)?)),
        }
    }
}

/// A clause of RECORD, ASSIGN or CLASSIFY.
pub struct Clause<'a> {
    /// The name of the index.
    pub index: &'a [u8],
    /// The source of the observation in this index.
    pub source: Source<'a>,
}

impl<'a> Clause<'a> {
    /// Takes the arguments after the keyword.
    pub fn take(keyword: &str, args: &mut Args<'a>) -> Result<Clause<'a>, Error> {
        Ok(Clause { index: args.index()?, source: Source::take(keyword, args)? })
    }
}
