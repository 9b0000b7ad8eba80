//! `SIM.RECORD scope item [TIMESTAMP t] clause [clause ...]`

use super::error::Error;
use super::parse::args::{Args, set_once};
use super::parse::clause::{Clause, KEYWORDS, Source};
use super::run::recording::Recording;
use crate::index::Counts;
use crate::server::call::Call;
use smallvec::SmallVec;

const EXPECTED: &str = "TIMESTAMP, SIGNATURE, FEATURES or TEXT";

/// Carries the command out.
///
/// # Errors
/// An argument is not what it should be, or the moment is not in the window.
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

fn reply(call: &Call, counts: &SmallVec<[Counts; 2]>) {
    call.reply_array(counts.len());
    for counts in counts {
        call.reply_array(counts.len());
        counts.iter().for_each(|count| call.reply_integer((*count).into()));
    }
}

/// What the command's arguments say.
struct Request<'a> {
    scope: &'a [u8],
    item: &'a [u8],
    timestamp: Option<u64>,
    clauses: SmallVec<[Clause<'a>; 2]>,
}

impl<'a> Request<'a> {
    fn take(args: &mut Args<'a>) -> Result<Request<'a>, Error> {
        let (scope, item) = (args.scope()?, args.name("item")?);
        let (mut timestamp, mut clauses) = (None, SmallVec::new());
        let known = ["TIMESTAMP", KEYWORDS[0], KEYWORDS[1], KEYWORDS[2]];
        while let Some(keyword) = args.keyword(&known, EXPECTED)? {
            match keyword {
                "TIMESTAMP" => set_once(&mut timestamp, keyword, args.timestamp()?)?,
                _ => clauses.push(Clause::take(keyword, args)?),
            }
        }
        if clauses.is_empty() {
            return Err(Error::Missing("clause (SIGNATURE, FEATURES or TEXT)"));
        }
        Ok(Request { scope, item, timestamp, clauses })
    }

    /// Whether it goes out as it came: its moment is given, and its buckets are ready.
    fn can_replicate_verbatim(&self) -> bool {
        let is_ready = |clause: &Clause| matches!(clause.source, Source::Signature(_));
        self.timestamp.is_some() && self.clauses.iter().all(is_ready)
    }
}
