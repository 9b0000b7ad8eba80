//! `SIM.RECORD scope item [TIMESTAMP unix-time-seconds] clause [clause ...]`
//!
//! SKETCH clauses have the slots for the SIGNATURE clauses of their indexes. An item keeps the first sketch that it
//! has in a chunk; a later one changes nothing.
//!
//! A clause without features, such as an empty text, records nothing; its counts in the reply are
//! empty. A command that observes nothing at all does not even create the scope.

use super::error::Error;
use super::parse::args::{Args, set_once};
use super::parse::clause::{self, Clause, Sketches, Source};
use super::run::recording::Recording;
use crate::index::Counts;
use crate::server::call::Call;
use smallvec::SmallVec;

/// The arguments of the command.
struct Request<'a> {
    scope: &'a [u8],
    item: &'a [u8],
    timestamp: Option<u64>,
    clauses: SmallVec<[Clause<'a>; 2]>,
}

impl<'a> Request<'a> {
    fn take(args: &mut Args<'a>) -> Result<Request<'a>, Error> {
        let scope = args.scope()?;
        let item = args.name("item")?;
        let mut timestamp = None;
        let mut clauses: SmallVec<[Clause; 2]> = SmallVec::new();
        let mut sketches = Sketches::default();
        while let Some(keyword) = args.keyword_of(&[&["TIMESTAMP"], &clause::KEYWORDS, &[clause::SKETCH]])? {
            match keyword {
                clause::SKETCH => sketches.take(args)?,
                "TIMESTAMP" => set_once(&mut timestamp, keyword, args.timestamp()?)?,
                _ => clauses.push(Clause::take(keyword, args)?),
            }
        }
        if clauses.is_empty() {
            return Err(Error::Missing(clause::ANY_CLAUSE));
        }
        sketches.give_to(clauses.iter_mut())?;
        Ok(Request { scope, item, timestamp, clauses })
    }

    /// True if the command can go to replicas and the AOF as it is: it gives its moment, and all its
    /// buckets. The sketches are then given, too, if there are any.
    fn can_replicate_verbatim(&self) -> bool {
        let has_buckets = |clause: &Clause| matches!(clause.source, Source::Signature(..));
        self.timestamp.is_some() && self.clauses.iter().all(has_buckets)
    }
}

/// Carries the command out.
///
/// # Errors
/// A clause does not fit the scope, the moment is not in its window, or a count would not fit.
pub fn run(call: &Call) -> Result<(), Error> {
    let mut args = Args::new(call);
    let request = Request::take(&mut args)?;
    let recording = Recording::new(call, request.scope, request.timestamp, &request.clauses)?;
    let counts = if recording.is_empty() {
        request.clauses.iter().map(|_| Counts::new()).collect()
    } else {
        recording.record(request.item, request.can_replicate_verbatim())?
    };
    reply(call, &counts);
    Ok(())
}

/// The new count of the item in each bucket, for each clause.
fn reply(call: &Call, counts: &[Counts]) {
    call.reply_array(counts.len());
    for counts in counts {
        call.reply_array(counts.len());
        counts.iter().for_each(|count| call.reply_integer((*count).into()));
    }
}
