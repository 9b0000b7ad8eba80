//! `SIM.FORGET scope item [TIMESTAMP unix-time-seconds] [COUNT count] clause [clause ...]`
//!
//! Takes back what the same RECORD added to the chunk of TIMESTAMP: all or nothing. The item's sketch stays as long as
//! the item has any observation there.

use super::error::Error;
use super::parse::args::{Args, set_once};
use super::parse::clause::{self, Clauses};
use super::run::recording::{Recording, reply_counts};
use crate::index::Counts;
use crate::server::call::Call;

/// Carries the command out.
///
/// # Errors
/// A clause does not fit the scope, the moment is not in its window, or the item was not seen in each of the buckets so
/// often.
pub fn run(call: &Call) -> Result<(), Error> {
    // Arguments.
    let mut args = Args::new(call);
    let scope = args.scope()?;
    let item = args.name("item")?;
    let (mut timestamp, mut times) = (None, None);
    let mut clauses = Clauses::default();
    let options = &["TIMESTAMP", clause::COUNT];
    while let Some(keyword) = args.keyword_of(&[options, &clause::KEYWORDS, &[clause::SKETCH]])? {
        match keyword {
            "TIMESTAMP" => set_once(&mut timestamp, keyword, args.timestamp()?)?,
            clause::COUNT => set_once(&mut times, keyword, clause::take_times(&mut args)?)?,
            _ => clauses.take(keyword, &mut args)?, // SKETCH may be there, as in the RECORD; it changes nothing
        }
    }
    let clauses = clauses.finish()?;

    // Work.
    let mut recording = Recording::new(call, scope, timestamp, &clauses, false)?;
    recording.times = times.unwrap_or(1);
    let is_verbatim = timestamp.is_some() && clause::are_signatures(&clauses);
    let counts = if recording.is_empty() {
        clauses.iter().map(|_| Counts::new()).collect()
    } else {
        recording.forget(item, is_verbatim)?
    };
    reply_counts(call, &counts);
    Ok(())
}
