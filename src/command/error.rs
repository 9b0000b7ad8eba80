//! All errors that commands reply with, and their texts.
//!
//! A text begins with the error's code, names the argument, and says what was expected. `keyspace` and
//! `index` have error types of their own, which become texts here.

use crate::index::CapacityError;
use crate::index::blob::BlobError;
use crate::index::codec::DecodeError;
use crate::keyspace;
use crate::keyspace::name::NameError;
use std::borrow::Cow;

/// The error that a command ends in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    // Arguments.
    /// The arguments end before this one.
    #[error("ERR {0} is missing")]
    Missing(&'static str),
    /// An argument has another value than it must have: its name, and a description of the values.
    #[error("ERR {0} must be {1}")]
    Expected(&'static str, Cow<'static, str>),
    /// An argument is none of the words that may follow here: the argument, and these words.
    #[error("ERR unknown option '{0}': expected {1}")]
    Unknown(String, String),
    /// An option is given more than once.
    #[error("ERR {0} is given twice")]
    GivenTwice(&'static str),
    /// Arguments that are right one by one, but not together or not in this command. The text says it all.
    #[error("ERR {0}")]
    Usage(&'static str),
    /// The name of an option where an index is expected.
    #[error("ERR the command takes no options, and the scope has no index {0}")]
    OptionAsIndex(&'static str),
    /// An argument or a command that only a primary or an AOF may send.
    #[error("ERR {0} only for replication and the AOF")]
    ReplicationOnly(&'static str),

    // The scope.
    /// No scope can have this name.
    #[error("ERR scope name {0}")]
    Name(#[from] NameError),
    /// There is no scope, and the command does not create one. The text tells the user how to.
    #[error("ERR no such scope: {0}")]
    NoScope(&'static str),
    /// A SIM.CREATE of a scope that exists with another definition.
    #[error("ERR the scope exists with {parameter} {existing}, not {given}")]
    DefinitionDiffers {
        /// The first parameter that differs.
        parameter: &'static str,
        /// Its value in the scope.
        existing: String,
        /// Its value in the command.
        given: String,
    },

    /// SCORE JACCARD of a scope without sketches.
    #[error(
        "ERR SCORE JACCARD needs a scope with a SKETCH, and this one has none: \
         name another SCORE, or create a scope with SIM.CREATE ... SKETCH 256"
    )]
    NoSketch,

    // Observations.
    /// A RECORD of a moment before the window: the moment, and the first one in the window.
    #[error(
        "ERR TIMESTAMP {0} is older than the window: it must be in seconds since 1970, and not before {1}"
    )]
    TooOld(u64, u64),
    /// A RECORD of a moment too far in the future: the moment, and the last one that is accepted.
    #[error(
        "ERR TIMESTAMP {0} is too far in the future: it must be in seconds since 1970, and not after {1}"
    )]
    TooNew(u64, u64),
    /// A FORGET of what was not recorded, or not so often: the number of the clause, from 1.
    #[error(
        "ERR clause {0} cannot be forgotten: the item was not seen in each of its buckets so often at that time"
    )]
    NotRecorded(usize),
    /// A chunk cannot take more.
    #[error("ERR {0}")]
    Capacity(#[from] CapacityError),

    // Blobs.
    /// A blob cannot be read.
    #[error("ERR blob {0}")]
    Blob(#[from] BlobError),
    /// A blob comes from a scope with another definition.
    #[error("ERR blob must have the scope's {parameter}, {scope}, not {blob}")]
    OtherDefinition {
        /// The first parameter that differs.
        parameter: &'static str,
        /// Its value in the blob.
        blob: String,
        /// Its value in the scope.
        scope: String,
    },
    /// A blob has a chunk of a moment that RECORD would refuse: its start, and the last start accepted.
    #[error(
        "ERR blob has a chunk that starts at {0}, too far ahead of the server's clock: \
         it must not start after {1}"
    )]
    BlobTooNew(u64, u64),

    // Limits.
    /// A search would use up the budget.
    #[error(
        "ERR the query would cost {cost} postings or more, and simile.max-postings is {limit}: {remedies}"
    )]
    SearchOverBudget {
        /// What the command has cost so far, and the step that the search gave up at.
        cost: u64,
        /// The limit of a command.
        limit: u64,
        /// What makes the search smaller and was not done yet, and at last raising the limit.
        remedies: String,
    },
    /// Anything else would use up the budget.
    #[error(
        "ERR the command would cost {cost} postings or more, and simile.max-postings is {limit}: raise it, or \
         split the command if it names several indexes, items or clauses"
    )]
    OverBudget {
        /// What the command has cost so far, and the next step.
        cost: u64,
        /// The limit of a command.
        limit: u64,
    },

    // Keys.
    /// A key cannot be used.
    #[error("{0}")]
    Keyspace(#[from] keyspace::Error),
    /// A DROP of a renamed scope with more chunks than this, which one command can delete.
    #[error(
        "ERR the scope was renamed and has more than {0} chunks: name the indexes to drop, some at a time, \
         or give it its old name first"
    )]
    RenamedAndLarge(usize),
    /// SWEEP on a node of a cluster.
    #[error(
        "ERR SIM.SWEEP does not work in a cluster: \
         a scope that is not on this node may be on its way here, or on another node"
    )]
    NotInCluster,
    /// The server did not list its keys.
    #[error("ERR the server could not scan its keys; nothing was freed")]
    NoScan,
    /// A piece of a saved value is damaged.
    #[error("ERR the value cannot be loaded: {0}")]
    Damaged(#[from] DecodeError),
}

impl Error {
    /// The error of an argument that does not have a value that it must have.
    pub fn expected(what: &'static str, expected: impl Into<Cow<'static, str>>) -> Error {
        Error::Expected(what, expected.into())
    }
}

/// The first bytes of an argument, escaped so that an error can quote them.
pub fn escaped_excerpt(bytes: &[u8]) -> String {
    const LIMIT: usize = 64;
    let excerpt = bytes.get(..LIMIT).unwrap_or(bytes).escape_ascii().to_string();
    if bytes.len() > LIMIT { excerpt + "..." } else { excerpt }
}
