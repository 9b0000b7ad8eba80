//! `SIM.EXPORT scope index item [index item ...]`
//!
//! A blob has an item's observations in all live chunks of an index, and the definition that they were
//! made with. It has no ids and no uid, so equal observations give the same blob on every server.

use super::error::Error;
use super::parse::args::Args;
use super::run::cost;
use super::run::option_words;
use crate::index::blob;
use crate::keyspace::scope::{Scope, ScopeKey};
use crate::server::call::Call;

/// Carries the command out.
pub fn run(call: &Call) -> Result<(), Error> {
    // Arguments.
    let mut args = Args::new(call);
    let name = args.scope()?;
    let mut pairs = vec![(args.index()?, args.name("item")?)];
    while args.left() > 0 {
        pairs.push((args.index()?, args.name("item")?));
    }

    // Encode all before the reply begins: an error must not follow half a reply.
    let mut blobs = vec![None; pairs.len()];
    let key = ScopeKey::open(call, name)?;
    let scope = key.as_ref().map(ScopeKey::scope).transpose()?;
    for (index, _) in &pairs {
        option_words::check(call, scope, index)?;
    }
    if let Some(scope) = scope {
        for (blob, (index, item)) in blobs.iter_mut().zip(pairs) {
            *blob = export(call, scope, index, item)?;
        }
    }

    // Reply.
    call.reply_array(blobs.len());
    for blob in blobs {
        blob.map_or_else(|| call.reply_null(), |blob| call.reply_bytes(&blob));
    }
    Ok(())
}

/// The blob of an item; `None` if no live chunk of the index has it.
fn export(call: &Call, scope: &Scope, index: &[u8], item: &[u8]) -> Result<Option<Vec<u8>>, Error> {
    let window = cost::open_all_charged(call, scope, index, 1)?;
    let chunks = window.chunks();
    cost::charge_export(call, item, &chunks)?;
    Ok(blob::encode(&scope.definition, item, window.starts().zip(chunks)))
}
