//! `SIM.LOAD key piece`: the AOF's own form of a key.
//!
//! A rewritten AOF holds each value as its saved pieces (see [`super::data_type`]), one command for each; a
//! letter before the piece tells its kind. SIM.CREATE and SIM.RECORD could not restore every value: a scope
//! that was renamed keeps a tag that does not follow from its name.
//!
//! One more letter is for replicas, too: it removes an entry from a scope's directory ([`super::dead_entries`]).

use super::chunk::StoredChunk;
use super::data_type::{CONTINUATION, NativeValue};
use super::dead_entries::{self, REMOVAL};
use super::scope::Scope;
use crate::index::codec::DecodeError;
use crate::server::call::Call;
use crate::server::key::{Access, Key};

/// Loads a piece of a key's value: the first one makes the value, each further one adds to it.
///
/// # Errors
/// The piece is damaged, or does not continue the value that the key holds.
pub fn piece(call: &Call, name: &[u8], piece: &[u8]) -> Result<(), DecodeError> {
    let (letter, piece) = piece.split_first().ok_or(DecodeError::Truncated)?;
    let mut key = Key::open(call, name, Access::Write);
    match *letter {
        Scope::LETTER => key.set(Scope::load(piece, name)?),
        StoredChunk::LETTER => {
            let mut chunk = StoredChunk::load(piece, name)?;
            chunk.update_totals();
            key.set(chunk);
        }
        CONTINUATION => {
            // Only chunks have further pieces. Without one in the key, the first piece is missing.
            let chunk = key.value_mut::<StoredChunk>().ok().flatten();
            let chunk = chunk.ok_or(DecodeError::Truncated)?;
            chunk.load_more(piece)?;
            chunk.update_totals();
        }
        REMOVAL => {
            let scope = key.value_mut::<Scope>().ok().flatten();
            dead_entries::remove(scope.ok_or(DecodeError::Truncated)?, piece)?;
        }
        _ => return Err(DecodeError::Range),
    }
    Ok(())
}
