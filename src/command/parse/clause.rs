//! Clauses: an index, and the source of an observation in it.
//!
//! ```text
//! SIGNATURE index count bucket [bucket ...]
//! FEATURES  index count [feature ...]
//! TEXT      index text
//! SKETCH    index slots
//! ```
//!
//! SIGNATURE has the buckets themselves, from a client that signs; the server signs FEATURES and TEXT. That
//! needs the definition of the scope, so it comes after parsing (`run::observe`).
//!
//! SKETCH has the slots that belong to the SIGNATURE clauses of its index. It may come before or after them, so
//! [`Sketches`] collects these clauses, and gives them to the others at the end. [`Clauses`] takes both.

use super::args::Args;
use crate::command::error::Error;
use smallvec::SmallVec;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// The words that clauses begin with, except for [`SKETCH`], which only adds to another clause.
pub const KEYWORDS: [&str; 3] = ["SIGNATURE", "FEATURES", "TEXT"];

/// The arguments of a clause before its buckets or features: the keyword, the index and the count.
pub const HEAD: usize = 3;

/// The word that the slots for the SIGNATURE clauses of an index begin with.
pub const SKETCH: &str = "SKETCH";

/// The option with the number of times that an observation is recorded or forgotten.
pub const COUNT: &str = "COUNT";

/// The positions of some of the command's arguments.
pub type Positions = Range<usize>;

/// The source of an observation.
pub enum Source<'a> {
    /// The buckets, one for each band, and the slots of the sketch, if the client gives any.
    Signature(Positions, Option<&'a [u8]>),
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
            "SIGNATURE" => Ok(Source::Signature(args.positions("bucket", count)?, None)),
            _ => Ok(Source::Features(args.positions("feature", count)?)),
        }
    }
}

/// A clause of RECORD, FORGET, ASSIGN or CLASSIFY.
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

/// The clauses of a command that records them or takes them back, in the order in which they are given.
#[derive(Default)]
pub struct Clauses<'a> {
    list: ClauseList<'a>,
    sketches: Sketches<'a>,
}

/// One clause or a few, nearly always.
pub type ClauseList<'a> = SmallVec<[Clause<'a>; 2]>;

impl<'a> Clauses<'a> {
    /// Takes the arguments after one of [`KEYWORDS`], or after [`SKETCH`].
    pub fn take(&mut self, keyword: &str, args: &mut Args<'a>) -> Result<(), Error> {
        if keyword == SKETCH {
            return self.sketches.take(args);
        }
        self.list.push(Clause::take(keyword, args)?);
        Ok(())
    }

    /// All clauses, each with its slots.
    ///
    /// # Errors
    /// There is no clause, or slots have no SIGNATURE clause to belong to.
    pub fn finish(mut self) -> Result<ClauseList<'a>, Error> {
        if self.list.is_empty() {
            return Err(Error::Missing("clause (SIGNATURE, FEATURES or TEXT)"));
        }
        self.sketches.give_to(self.list.iter_mut())?;
        Ok(self.list)
    }
}

/// True if replicas and the AOF can receive clauses as they are: they give the buckets, and the slots if there are any.
pub fn are_signatures(clauses: &[Clause]) -> bool {
    clauses.iter().all(|clause| matches!(clause.source, Source::Signature(..)))
}

/// Takes the value of [`COUNT`].
pub fn take_times(args: &mut Args) -> Result<u32, Error> {
    Ok(args.number(COUNT, 1..=u32::MAX.into())? as u32)
}

/// The SKETCH clauses of a command: the slots for each index.
#[derive(Default)]
pub struct Sketches<'a>(BTreeMap<&'a [u8], &'a [u8]>);

impl<'a> Sketches<'a> {
    /// Takes the arguments after the keyword.
    pub fn take(&mut self, args: &mut Args<'a>) -> Result<(), Error> {
        let index = args.index()?;
        match self.0.insert(index, args.bytes("slots")?) {
            None => Ok(()),
            Some(_) => Err(Error::GivenTwice("SKETCH of an index")),
        }
    }

    /// Gives the slots to the SIGNATURE clauses of their indexes.
    ///
    /// # Errors
    /// An index with slots has no SIGNATURE clause, or another clause, whose sketch the server makes itself.
    pub fn give_to<'c>(self, clauses: impl Iterator<Item = &'c mut Clause<'a>>) -> Result<(), Error>
    where
        'a: 'c,
    {
        // Most commands have none.
        if self.0.is_empty() {
            return Ok(());
        }
        let mut used = BTreeSet::new();
        for clause in clauses {
            let Some(slots) = self.0.get(clause.index) else { continue };
            let Source::Signature(_, sketch) = &mut clause.source else {
                let text = "SKETCH is for SIGNATURE: the server makes the sketch of FEATURES and TEXT itself";
                return Err(Error::Usage(text));
            };
            *sketch = Some(slots);
            used.insert(clause.index);
        }
        let needs_clause = Error::Usage("SKETCH needs a SIGNATURE clause of its index");
        if used.len() == self.0.len() { Ok(()) } else { Err(needs_clause) }
    }
}
