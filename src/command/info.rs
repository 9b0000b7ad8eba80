//! `SIM.INFO scope`
//!
//! The reply has the definition, in the words of SIM.CREATE, the similarity from which on two sets meet, and for each
//! index that has a live chunk the number of its chunks, items, buckets, observations and bytes.

use super::error::Error;
use super::parse::args::Args;
use super::run::cost;
use crate::config;
use crate::index::Chunk;
use crate::keyspace::name;
use crate::keyspace::scope::ScopeKey;
use crate::keyspace::window::Window;
use crate::server::call::Call;
use crate::signature::{Scheme, meeting_similarity};

/// Carries the command out.
pub fn run(call: &Call) -> Result<(), Error> {
    let mut args = Args::new(call);
    let name = args.scope()?;
    args.end()?;
    let Some(key) = ScopeKey::open(call, name)? else {
        call.reply_null();
        return Ok(());
    };
    let scope = key.scope()?;

    // The indexes that have a live chunk.
    let mut live: Vec<(&[u8], Window)> = Vec::new();
    for index in scope.indexes() {
        let window = cost::open_all_charged(call, scope, index, 1)?;
        if window.starts().next().is_some() {
            live.push((index, window));
        }
    }

    // Reply.
    let parameters = scope.definition.parameters();
    call.reply_map(parameters.len() + 3);
    for (parameter, value) in parameters {
        call.reply_bytes(parameter.to_ascii_lowercase().as_bytes());
        match value.parse() {
            Ok(number) => call.reply_integer(number),
            Err(_) => call.reply_bytes(value.as_bytes()),
        }
    }
    call.reply_bytes(b"meets");
    call.reply_double(meets(&scope.definition.scheme));
    call.reply_bytes(b"uid");
    call.reply_bytes(&name::hex(scope.uid));
    call.reply_bytes(b"indexes");
    reply_indexes(call, &live);
    Ok(())
}

/// The similarity from which on two sets share a bucket with the probability that THRESHOLD asks for, to three
/// decimals.
fn meets(scheme: &Scheme) -> f64 {
    (meeting_similarity(scheme.bands, scheme.rows, config::recall()) * 1000.0).round() / 1000.0
}

/// Replies with a pair for each index: its name, and a map. A map of indexes would not do: clients that decode the keys
/// of maps would merge names that become the same text.
fn reply_indexes(call: &Call, live: &[(&[u8], Window)]) {
    call.reply_array(live.len());
    for (index, window) in live {
        let chunks = window.chunks();
        let sum = |number: fn(&Chunk) -> u64| chunks.iter().map(|chunk| number(chunk)).sum();
        let fields = [
            ("chunks", chunks.len() as u64),
            ("items", sum(|chunk| chunk.item_count() as u64)),
            ("buckets", sum(|chunk| chunk.bucket_count() as u64)),
            ("observations", sum(Chunk::observations)),
            ("bytes", sum(|chunk| chunk.memory() as u64)),
            ("oldest", window.starts().min().unwrap_or_default()),
            ("newest", window.starts().max().unwrap_or_default()),
        ];
        call.reply_array(2);
        call.reply_bytes(index);
        call.reply_map(fields.len());
        for (field, value) in fields {
            call.reply_bytes(field.as_bytes());
            call.reply_integer(value);
        }
    }
}
