//! Where the index meets the keys of Redis: two types, the names of chunks, and the live chunks of a
//! window.

pub mod chunk;
mod data_type;
mod live_scopes;
pub mod load;
pub mod name;
pub mod scope;
pub mod sweep;
mod totals;
pub mod window;

use crate::server::call::Call;
use crate::server::key::{Access, Key, WrongType};
use data_type::NativeValue;

/// Why a key cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It holds a value of another type.
    #[error("WRONGTYPE Operation against a key holding the wrong kind of value")]
    WrongType,
    /// The scope's slot is on its way to another node of the cluster, and a chunk is there already.
    #[error("TRYAGAIN the scope's slot is on its way to another node of the cluster")]
    Moving,
    /// The scope was made under another name, whose slot its chunks lie in.
    #[error(
        "ERR the scope's chunks lie in another cluster slot than its key: \
         restore it under the name it was made under, or under one with the same hash tag"
    )]
    OtherSlot,
    /// The scope was made under another name, and its chunks are not the caller's to touch.
    #[error(
        "NOPERM No permissions to access the scope's chunks: it was made under another name, \
         so that the rights to its present name do not cover them"
    )]
    NotAllowed,
    /// The scope was given the name of one of its chunks.
    #[error("ERR the scope's key has the name that one of its chunks must have: rename it")]
    OwnName,
}

impl From<WrongType> for Error {
    fn from(_: WrongType) -> Error {
        Error::WrongType
    }
}

/// What all values of the module hold together; as far as it was counted, if that must do.
pub fn totals(as_far_as_counted: bool) -> totals::Totals {
    if !as_far_as_counted {
        chunk::count_changed();
    }
    totals::Totals::now()
}

/// Bytes that a value of the module says it takes; 0 where there is none. For tests.
///
/// # Errors
/// The key holds something else.
pub fn memory(call: &Call, key: &[u8]) -> Result<usize, Error> {
    let key = Key::open(call, key, Access::Read);
    if let Ok(Some(stored)) = key.value::<chunk::StoredChunk>() {
        return Ok(stored.memory());
    }
    Ok(key.value::<scope::Scope>()?.map_or(0, NativeValue::memory))
}

/// Checks that a value of the module holds together. For tests.
///
/// # Errors
/// What does not hold.
pub fn validate(call: &Call, key: &[u8]) -> Result<(), &'static str> {
    let key = Key::open(call, key, Access::Read);
    if let Ok(Some(stored)) = key.value::<chunk::StoredChunk>() {
        return stored.chunk().internal_validate();
    }
    key.value::<scope::Scope>().map(|_| ()).map_err(|_| "it holds another type")
}
