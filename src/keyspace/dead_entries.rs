//! Removing dead entries from the directory of a scope: those whose chunk is gone.
//!
//! A command removes the dead entries that it comes across, which are those of the index that it changes. An index
//! that is not written any longer would stay listed for ever. So every write to a scope checks a few entries of its
//! directory, in turn ([`Scope::entries_to_check`]).
//!
//! Which entries these are depends on the server: on when it was started, and on what it has checked before. A primary
//! therefore tells its replicas and the AOF what it has removed, in a SIM.LOAD of the [`REMOVAL`] kind, and they check
//! nothing by themselves.
//!
//! [`Scope::entries_to_check`]: super::scope::Scope::entries_to_check

use super::Error;
use super::scope::{Scope, ScopeKey};
use super::window::ChunkKey;
use crate::index::codec::{DecodeError, Reader, Writer};
use crate::server::call::{Call, ReplicatedArg};
use crate::server::key::Access;

/// The letter before the piece of a SIM.LOAD that removes an entry.
pub const REMOVAL: u8 = b'-';

/// Checks a few entries of the directory, and removes those whose chunk is gone. Every command that has changed the
/// scope calls this at its end, when it has no chunk open.
pub fn remove_some(call: &Call, key: &mut ScopeKey) -> Result<(), Error> {
    if call.is_trusted_source() {
        return Ok(());
    }
    for (index, start) in key.scope_mut()?.entries_to_check() {
        // An error means that the chunk is not gone: it is on its way to another node, or not the caller's.
        if matches!(ChunkKey::open(call, key.scope()?, &index, start, Access::Read), Ok(None)) {
            key.scope_mut()?.remove_dead(&index, start);
            let mut piece = Writer::default();
            piece.write_name(&index);
            piece.write_number(start);
            let piece = [&[REMOVAL], &*piece.into_bytes()].concat();
            call.replicate(c"SIM.LOAD", &[ReplicatedArg::Argument(1), ReplicatedArg::Bytes(&piece)]);
        }
    }
    Ok(())
}

/// Removes the entry that a piece names.
///
/// # Errors
/// The piece is damaged.
pub fn remove(scope: &mut Scope, piece: &[u8]) -> Result<(), DecodeError> {
    let mut reader = Reader::new(piece);
    let (index, start) = (reader.read_name()?, reader.read_number()?);
    reader.end()?;
    scope.remove_start(index, start);
    Ok(())
}
