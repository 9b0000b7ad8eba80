//! `SIM.LOAD key part`: the AOF's own form of a key.
//!
//! A rewritten AOF holds each value as its saved parts (see [`super::data_type`]), one command for each; a
//! letter before the part says what it is. SIM.CREATE and SIM.RECORD could not bring it back: a scope that
//! was renamed keeps a tag that does not follow from its name.

use super::chunk::StoredChunk;
use super::data_type::{CONTINUATION, NativeValue};
use super::scope::Scope;
use crate::index::codec::DecodeError;
use crate::server::call::Call;
use crate::server::key::{Access, Key};

/// Loads a part of a key's value: the first one makes the value, each further one adds to it.
///
/// # Errors
/// The part is damaged, or does not continue the value that the key holds.
pub fn part(call: &Call, name: &[u8], part: &[u8]) -> Result<(), DecodeError> {
    let (letter, part) = part.split_first().ok_or(DecodeError::Truncated)?;
    let mut key = Key::open(call, name, Access::Write);
    match *letter {
        Scope::LETTER => key.set(Scope::load(part, name)?),
        StoredChunk::LETTER => {
            let mut chunk = StoredChunk::load(part, name)?;
            chunk.update_totals();
            key.set(chunk);
        }
        CONTINUATION => {
            let chunk = key.value_mut::<StoredChunk>().ok().flatten();
            let chunk = chunk.ok_or(DecodeError::Truncated)?;
            chunk.load_more(part)?;
            chunk.update_totals();
        }
        _ => return Err(DecodeError::Range),
    }
    Ok(())
}
