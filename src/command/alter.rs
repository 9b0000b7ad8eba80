//! `SIM.ALTER scope [RETENTION intervals] [SCORE <OVERLAP | COVERAGE | SIGNIFICANCE | JACCARD>]`
//!
//! At least one of them. No other parameter can change: they decide how signatures are made or, INTERVAL, where
//! chunks begin, and the chunks that exist were made with them.
//!
//! A new RETENTION is a new expiry of every live chunk. Chunks that have expired under a shorter one are
//! freed at once, and replicas receive a DEL for each, because their clocks may differ.

use super::error::Error;
use super::parse::args::{Args, set_once};
use super::parse::definition;
use super::parse::query::take_score;
use super::run::cost;
use super::run::query::scope_score;
use crate::index::{Definition, ScoreMode};
use crate::keyspace::scope::{Scope, ScopeKey};
use crate::keyspace::window::{self, ChunkKey};
use crate::server::call::{Call, ReplicatedArg};
use crate::server::key::Access;

/// Carries the command out.
///
/// # Errors
/// Another parameter than RETENTION and SCORE is given, there is no scope, or JACCARD has no sketch.
pub fn run(call: &Call) -> Result<(), Error> {
    let mut args = Args::new(call);
    let name = args.scope()?;
    let (retention, score) = take(&mut args)?;
    let no_scope = Error::NoScope("make it with SIM.CREATE");
    let mut key = ScopeKey::open(call, name)?.ok_or(no_scope)?;
    let existing = key.scope()?.definition;
    let score = scope_score(&existing, score)?;
    let retention = retention.unwrap_or(existing.retention);
    if (existing.retention, existing.score) != (retention, score) {
        if existing.retention != retention {
            alter_retention(call, &mut key, retention)?;
        }
        key.scope_mut()?.definition.score = score;
        call.replicate_verbatim();
        call.notify_changed(c"sim.alter");
    }
    call.reply_ok();
    Ok(())
}

/// The words that begin what can be altered.
const KEYWORDS: [&str; 2] = ["RETENTION", "SCORE"];

/// Takes RETENTION and SCORE, at least one of them.
fn take(args: &mut Args) -> Result<(Option<u32>, Option<ScoreMode>), Error> {
    let (mut retention, mut score) = (None, None);
    while args.left() > 0 {
        match args.keyword_if(&KEYWORDS) {
            Some(keyword @ "RETENTION") => {
                set_once(&mut retention, keyword, args.number(keyword, Definition::RETENTION)? as u32)?;
            }
            Some(keyword) => set_once(&mut score, keyword, take_score(args)?)?,
            None => return Err(not_alterable(args)),
        }
    }
    if retention.is_none() && score.is_none() {
        Err(Error::Missing("RETENTION or SCORE"))
    } else {
        Ok((retention, score))
    }
}

/// The error of an argument that is none of [`KEYWORDS`].
fn not_alterable(args: &mut Args) -> Error {
    let parameter = args.keyword_if(&definition::KEYWORDS);
    if parameter.or_else(|| args.keyword_if(&definition::REPLICATED_KEYWORDS)).is_some() {
        let text = "only RETENTION and SCORE can be altered: for any other change, create another scope";
        return Error::Usage(text);
    }
    args.keyword(&KEYWORDS).err().unwrap_or(Error::Missing("RETENTION or SCORE"))
}

/// Changes the retention, and with it the expiry of every live chunk.
fn alter_retention(call: &Call, key: &mut ScopeKey, retention: u32) -> Result<(), Error> {
    // Check all chunks. After this, nothing fails.
    let chunks = check_chunks(call, key.scope()?)?;

    // Change the scope, then each live chunk, and remove the entries of the others.
    key.scope_mut()?.definition.retention = retention;
    for ListedChunk { index, start, is_live } in chunks {
        let scope = key.scope()?;
        // A chunk that was gone before, and one that has just expired, are not listed any longer.
        if !(is_live && renew_expiry(call, scope, &index, start)?) {
            key.scope_mut()?.remove_start(&index, start);
        }
    }
    Ok(())
}

/// A chunk that the scope lists.
struct ListedChunk {
    index: Vec<u8>,
    start: u64,
    is_live: bool,
}

/// Charges for changing all chunks, and checks that they can be changed. Returns them.
///
/// # Errors
/// A chunk is on its way to another node of the cluster, or the caller may not write to its key.
fn check_chunks(call: &Call, scope: &Scope) -> Result<Vec<ListedChunk>, Error> {
    let mut chunks = Vec::new();
    for index in scope.indexes() {
        let window = cost::open_all_charged(call, scope, index, 3)?;
        window::check_all_writable(call, scope, index)?;
        let listed = scope.all_starts(index).map(|start| {
            let is_live = window.starts().any(|live| live == start);
            ListedChunk { index: index.to_vec(), start, is_live }
        });
        chunks.extend(listed);
    }
    Ok(chunks)
}

/// Sets the new expiry of a live chunk. If it has passed already, frees the chunk, and sends replicas a DEL.
/// Returns true if the chunk still exists.
///
/// A replica or an AOF load frees nothing by its own clock: it follows the DEL that comes before the
/// ALTER, and then finds the chunk gone.
fn renew_expiry(call: &Call, scope: &Scope, index: &[u8], start: u64) -> Result<bool, Error> {
    let Some(mut key) = ChunkKey::open(call, scope, index, start, Access::Write)? else { return Ok(false) };
    if !call.is_trusted_source() && scope.definition.is_expired(start, call.now_ms()) {
        key.unlink();
        call.replicate(c"DEL", &[ReplicatedArg::Bytes(&scope.chunk_name(index, start))]);
        return Ok(false);
    }
    key.set_expiry(&scope.definition);
    Ok(true)
}
