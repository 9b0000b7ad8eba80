//! The errors of keys. Each text goes to the client as it is, so it begins with the error's code.

use crate::server::key::WrongType;

/// The reason that a scope's key, or one of its chunks, cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It holds a value of another type.
    #[error("WRONGTYPE Operation against a key holding the wrong kind of value")]
    WrongType,
    /// The scope's slot is on its way to another node of the cluster, and a chunk is there already.
    #[error("TRYAGAIN the scope's slot is on its way to another node of the cluster")]
    Moving,
    /// The scope was made under another name, and its chunks are in the slot of that name.
    #[error(
        "ERR the scope's chunks lie in another cluster slot than its key: \
         restore it under the name it was made under, or under one with the same hash tag"
    )]
    OtherSlot,
    /// The scope was made under another name, and the caller has no right to its chunks.
    #[error(
        "NOPERM No permissions to access the scope's chunks: it was made under another name, \
         so that the rights to its present name do not cover them"
    )]
    NotAllowed,
    /// The key of a chunk that is to be created holds something else. Its name, so that it can be printed.
    #[error("ERR a chunk of the scope needs the key '{0}', which holds something else: rename it")]
    Occupied(String),
}

impl From<WrongType> for Error {
    fn from(_: WrongType) -> Error {
        Error::WrongType
    }
}
