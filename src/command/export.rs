//! `SIM.EXPORT scope index item [index item ...]`

use super::error::Error;
use super::parse::args::Args;
use super::run::cost;
use crate::index::blob;
use crate::keyspace::scope::{Scope, ScopeKey};
use crate::keyspace::window::Window;
use crate::server::call::Call;

/// Carries the command out.
///
/// # Errors
/// An argument is not what it should be.
pub fn run(call: &Call) -> Result<(), Error> {
    let mut args = Args::new(call);
    let name = args.scope()?;
    let mut pairs = vec![(args.index()?, args.name("item")?)];
    while args.left() > 0 {
        pairs.push((args.index()?, args.name("item")?));
    }
    let blobs = match ScopeKey::open(call, name)? {
        Some(key) => {
            let scope = key.scope()?;
            let blobs = pairs.iter().map(|(index, item)| export(call, scope, index, item));
            blobs.collect::<Result<Vec<_>, _>>()?
        }
        None => vec![None; pairs.len()],
    };
    call.reply_array(blobs.len());
    for blob in blobs {
        blob.map_or_else(|| call.reply_null(), |blob| call.reply_bytes(&blob));
    }
    Ok(())
}

/// The blob of an item in the live chunks of an index; `None` where it has no observation there.
fn export(call: &Call, scope: &Scope, index: &[u8], item: &[u8]) -> Result<Option<Vec<u8>>, Error> {
    cost::all_chunks(call, scope, index, 1)?;
    let window = Window::open_all(call, scope, index)?;
    let chunks = window.chunks();
    let buckets: usize = chunks.iter().map(|chunk| chunk.buckets_of(item)).sum();
    cost::spend(call, buckets as u64 * cost::ENTRY)?;
    Ok(blob::encode(&scope.definition, item, window.starts().zip(chunks)))
}
