//! `SIM.SWEEP cursor [COUNT n]`
//!
//! Whoever brings a scope and its chunks here by MIGRATE or RESTORE brings the scope first, or sweeps
//! afterwards: a chunk that arrives before its scope is one whose scope is not here.

use super::error::Error;
use super::parse::args::{Args, set_once};
use crate::keyspace::sweep;
use crate::server::call::{Call, ReplicatedArg};
use std::ops::RangeInclusive;

/// Keys that a call looks at where it does not say.
const COUNT: u64 = 1_000;
/// Keys that a call may look at: it takes up to 5 us to free one.
const COUNTS: RangeInclusive<u64> = 1..=5_000;

/// Carries the command out.
///
/// # Errors
/// An argument is not what it should be, or the server is a node of a cluster.
pub fn run(call: &Call) -> Result<(), Error> {
    let mut args = Args::new(call);
    let cursor = args.number("cursor", 0..=u64::MAX)?;
    let mut count = None;
    while let Some(keyword) = args.keyword(&["COUNT"], "COUNT")? {
        set_once(&mut count, keyword, args.number(keyword, COUNTS)?)?;
    }
    if call.is_in_cluster() {
        return Err(Error::NotInCluster);
    }
    let swept = sweep::step(call, cursor, count.unwrap_or(COUNT)).ok_or(Error::NoScan)?;
    if !swept.freed.is_empty() {
        let names: Vec<ReplicatedArg> = swept.freed.iter().map(|name| ReplicatedArg::Bytes(name)).collect();
        call.replicate(c"UNLINK", &names);
    }
    call.reply_array(2);
    call.reply_bytes(swept.next.to_string().as_bytes());
    call.reply_integer(swept.freed.len() as u64);
    Ok(())
}
