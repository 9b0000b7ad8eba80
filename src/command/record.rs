//! `SIM.RECORD scope item [TIMESTAMP unix-time-seconds] [COUNT count] [NX | REPLACE] clause [clause ...]`
//!
//! COUNT records the same observation several times. With NX nothing happens if the item is in a live chunk of any
//! index that the clauses name. With REPLACE all that it has there is deleted before; replicas and the AOF receive
//! the DELETE and the RECORD.
//!
//! SKETCH clauses have the slots for the SIGNATURE clauses of their indexes. An item keeps the first sketch that it
//! has in a chunk; a later one changes nothing.
//!
//! A clause without features, such as an empty text, records nothing; its counts in the reply are
//! empty. A command that observes nothing at all does not even create the scope.

use super::error::Error;
use super::parse::args::{Args, set_once};
use super::parse::clause::{self, ClauseList, Clauses};
use super::run::recording::{Recording, reply_counts};
use crate::index::Counts;
use crate::server::call::Call;

/// The arguments of the command.
struct Request<'a> {
    scope: &'a [u8],
    item: &'a [u8],
    timestamp: Option<u64>,
    times: u32,
    precondition: Option<Precondition>,
    clauses: ClauseList<'a>,
}

/// What is done about observations that the item has already.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Precondition {
    /// Then nothing is recorded.
    New,
    /// They are deleted.
    Replace,
}

impl<'a> Request<'a> {
    fn take(args: &mut Args<'a>) -> Result<Request<'a>, Error> {
        let scope = args.scope()?;
        let item = args.name("item")?;
        let (mut timestamp, mut times, mut precondition) = (None, None, None);
        let mut clauses = Clauses::default();
        let options = &["TIMESTAMP", clause::COUNT, "NX", "REPLACE"];
        while let Some(keyword) = args.keyword_of(&[options, &clause::KEYWORDS, &[clause::SKETCH]])? {
            match keyword {
                "TIMESTAMP" => set_once(&mut timestamp, keyword, args.timestamp()?)?,
                clause::COUNT => set_once(&mut times, keyword, clause::take_times(args)?)?,
                "NX" => set_once(&mut precondition, "NX or REPLACE", Precondition::New)?,
                "REPLACE" => set_once(&mut precondition, "NX or REPLACE", Precondition::Replace)?,
                _ => clauses.take(keyword, args)?,
            }
        }
        let (times, clauses) = (times.unwrap_or(1), clauses.finish()?);
        Ok(Request { scope, item, timestamp, times, precondition, clauses })
    }

    /// True if the command can go to replicas and the AOF as it is: it gives its moment, and all its
    /// buckets, and does not depend on what is there. The sketches are then given, too, if there are any.
    fn can_replicate_verbatim(&self) -> bool {
        self.timestamp.is_some() && self.precondition.is_none() && clause::are_signatures(&self.clauses)
    }
}

/// Carries the command out.
///
/// # Errors
/// A clause does not fit the scope, the moment is not in its window, or a count would not fit.
pub fn run(call: &Call) -> Result<(), Error> {
    let mut args = Args::new(call);
    let request = Request::take(&mut args)?;
    let mut recording = Recording::new(call, request.scope, request.timestamp, &request.clauses, true)?;
    recording.times = request.times;
    let is_replaced = request.precondition == Some(Precondition::Replace);
    let is_refused = request.precondition == Some(Precondition::New) && recording.is_known(request.item)?;
    let is_idle = is_refused || (recording.is_empty() && !is_replaced);
    let counts = if is_idle {
        request.clauses.iter().map(|_| Counts::new()).collect()
    } else {
        recording.record(request.item, is_replaced, request.can_replicate_verbatim())?
    };
    reply_counts(call, &counts);
    Ok(())
}
