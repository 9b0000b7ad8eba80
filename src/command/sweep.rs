//! `SIM.SWEEP cursor [COUNT count]`
//!
//! Frees chunks whose scope has expired, was evicted, or was deleted in a way that left them, if the caller may delete
//! their keys. When moving keys
//! by MIGRATE or RESTORE, move the scope before its chunks, or do not sweep until both have arrived: a
//! chunk whose scope is missing is freed, whether the scope is gone or still to come. For the same
//! reason it is refused in a cluster.

use super::error::Error;
use super::parse::args::{Args, set_once};
use crate::keyspace::sweep;
use crate::server::call::{Call, ReplicatedArg};
use std::ops::RangeInclusive;

/// The default of COUNT, the number of keys that a call looks at.
const DEFAULT_COUNT: u64 = 1_000;
/// Limits of COUNT. Freeing a chunk takes up to 5 us, so the largest stops the server for 25 ms.
const COUNT: RangeInclusive<u64> = 1..=5_000;

/// Carries the command out.
///
/// # Errors
/// The server is a node of a cluster, or could not scan its keys.
pub fn run(call: &Call) -> Result<(), Error> {
    let mut args = Args::new(call);
    let cursor = args.number("cursor", 0..=u64::MAX)?;
    let mut count = None;
    while let Some(keyword) = args.keyword(&["COUNT"])? {
        set_once(&mut count, keyword, args.number(keyword, COUNT)?)?;
    }
    if call.is_in_cluster() {
        return Err(Error::NotInCluster);
    }
    let swept = sweep::step(call, cursor, count.unwrap_or(DEFAULT_COUNT)).ok_or(Error::NoScan)?;
    if !swept.freed.is_empty() {
        let names: Vec<ReplicatedArg> = swept.freed.iter().map(|name| ReplicatedArg::Bytes(name)).collect();
        // Replicas receive the names, not the SWEEP: a cursor stands for other keys there.
        call.replicate(c"UNLINK", &names);
    }
    call.reply_array(2);
    call.reply_bytes(swept.next.to_string().as_bytes());
    call.reply_integer(swept.freed.len() as u64);
    Ok(())
}
