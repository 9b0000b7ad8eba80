//! Why a key cannot be used: each is replied to the client as it is.

use crate::server::key::WrongType;

/// Why a key cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It holds a value of another type.
    #[error("WRONGTYPE Operation against a key holding the wrong kind of value")]
    WrongType,
    /// The scope's slot is on its way to another node of the cluster, and a chunk is there already.
    #[error("TRYAGAIN the scope's slot is on its way to another node of the cluster")]
    Moving,
    /// The scope was made under another name, in whose slot its chunks are.
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
    /// The scope was given the name of one of its chunks.
    #[error("ERR the scope's key has the name that one of its chunks must have: rename it")]
    NamedAsChunk,
}

impl From<WrongType> for Error {
    fn from(_: WrongType) -> Error {
        Error::WrongType
    }
}
