//! The one home of error texts.
//!
//! A text begins with a code, names the argument, and says what was expected.

use crate::index::CapacityError;
use crate::index::blob::BlobError;
use crate::index::codec::DecodeError;
use crate::keyspace;
use crate::keyspace::name::NameError;

/// Why a command ends in an error. It has then changed nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The arguments end where one is needed.
    #[error("ERR {0} is missing")]
    Missing(&'static str),
    /// An argument is not what it should be.
    #[error("ERR {0} must be {1}")]
    Expected(&'static str, String),
    /// A word stands where an option or a clause should.
    #[error("ERR unknown option '{0}': expected {1}")]
    Unknown(String, &'static str),
    /// An option is given more than once.
    #[error("ERR {0} is given twice")]
    Twice(&'static str),
    /// Two options exclude each other, or one needs the other.
    #[error("ERR {0}")]
    Together(&'static str),
    /// A scope cannot have the name.
    #[error("ERR scope name {0}")]
    Name(#[from] NameError),
    /// A key cannot be used.
    #[error("{0}")]
    Keyspace(#[from] keyspace::Error),
    /// A chunk cannot take more.
    #[error("ERR {0}")]
    Capacity(#[from] CapacityError),
    /// The scope is there, and is another one.
    #[error("ERR the scope exists with {parameter} {there}, not {given}")]
    Differs {
        /// The first parameter that differs.
        parameter: &'static str,
        /// What the scope has.
        there: String,
        /// What the command asks for.
        given: String,
    },
    /// A scope that must be made by hand is missing.
    #[error("ERR no such scope: make it with SIM.CREATE, or set simile.auto-create to yes")]
    NoScope,
    /// A scope is missing that the command cannot make.
    #[error("ERR no such scope: make it with SIM.CREATE")]
    NotThere,
    /// A RECORD came too late.
    #[error(
        "ERR TIMESTAMP {0} is older than the window: it must be in seconds since 1970, and not before {1}"
    )]
    TooOld(u64, u64),
    /// A RECORD came too early.
    #[error("ERR TIMESTAMP {0} is too far ahead: it must be in seconds since 1970, and not after {1}")]
    TooNew(u64, u64),
    /// A blob cannot be read.
    #[error("ERR blob {0}")]
    Blob(#[from] BlobError),
    /// A blob was made under another definition.
    #[error("ERR blob must have the scope's {parameter}, {scope}, not {blob}")]
    OtherDefinition {
        /// The first parameter that differs.
        parameter: &'static str,
        /// What the blob has.
        blob: String,
        /// What the scope has.
        scope: String,
    },
    /// A blob has observations that RECORD would refuse.
    #[error("ERR blob has a chunk of {0}, too far ahead of the server's clock: not after {1}")]
    BlobTooNew(u64, u64),
    /// An IMPORT into a scope that is missing.
    #[error("ERR no such scope: SIM.IMPORT adds to one that is there; make it with SIM.CREATE")]
    NothingToImportInto,
    /// A query would read too much.
    #[error(
        "ERR the query would cost more than {limit} postings (the next bucket has {postings}): \
         shorten its WINDOW, set a LIMIT, give the scope more ROWS, or raise simile.max-postings"
    )]
    TooManyPostings {
        /// What the step that it gave up at would have cost.
        postings: u64,
        /// The limit of a command.
        limit: u64,
    },
    /// A command would do too much at once.
    #[error(
        "ERR the command would cost more than {0} postings (simile.max-postings): \
         name fewer indexes, items or clauses, or raise it"
    )]
    TooMuch(u64),
    /// A SWEEP in a cluster.
    #[error(
        "ERR SIM.SWEEP is not for a cluster: a scope that is not on this node may be on its way, or on another"
    )]
    NotInCluster,
    /// The server did not list its keys.
    #[error("ERR the server did not go over its keys; nothing was freed")]
    NoScan,
    /// Only a primary or an AOF may send this.
    #[error("ERR {0} for replication and the AOF alone")]
    NotObeyed(&'static str),
    /// A part of a value is damaged.
    #[error("ERR the value cannot be loaded: {0}")]
    Damaged(#[from] DecodeError),
}

/// Bytes as they can stand in an error: escaped, and not too many.
pub fn escaped_excerpt(bytes: &[u8]) -> String {
    const MOST: usize = 64;
    let cut = bytes.get(..MOST).unwrap_or(bytes).escape_ascii().to_string();
    if bytes.len() > MOST { cut + "..." } else { cut }
}
