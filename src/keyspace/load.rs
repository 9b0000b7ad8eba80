//! `SIM.LOAD key part`: the AOF's own form of a key.

use super::chunk::StoredChunk;
use super::data_type::{MORE, NativeValue};
use super::scope::Scope;
use crate::index::codec::DecodeError;
use crate::server::call::Call;
use crate::server::key::{Access, Key};

/// Takes a part of a key's value: the first one makes the value, each further one adds to it.
///
/// # Errors
/// The part is damaged, or does not go on where the key's value ends.
pub fn part(call: &Call, name: &[u8], part: &[u8]) -> Result<(), DecodeError> {
    let (letter, part) = part.split_first().ok_or(DecodeError::Truncated)?;
    let mut key = Key::open(call, name, Access::Write);
    match *letter {
        Scope::LETTER => key.set(Scope::load(part, name)?),
        StoredChunk::LETTER => {
            let mut chunk = StoredChunk::load(part, name)?;
            chunk.count();
            key.set(chunk);
        }
        MORE => {
            let chunk = key.value_mut::<StoredChunk>().ok().flatten();
            let chunk = chunk.ok_or(DecodeError::Truncated)?;
            chunk.load_more(part)?;
            chunk.count();
        }
        _ => return Err(DecodeError::Range),
    }
    Ok(())
}
