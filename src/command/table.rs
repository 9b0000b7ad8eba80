//! The table of commands. From it each is registered, and COMMAND DOCS, COMMAND INFO and the heads of the
//! pages in `docs/commands` are filled.
//!
//! The notation of a syntax line is that of [`super::reference::syntax`].

use super::{
    alter, assign, classify, compare, count, create, debug, delete, drop, explain, export, forget,
    frequencies, import, info, load, members, merge, record, scan, signature, significant, sweep,
};
use crate::server::register::{Command, KeyUse};
use redis_module::raw::{RedisModuleCmdFunc, RedisModuleCtx, RedisModuleString};
use std::ffi::c_int;

/// The C function that the server calls for a command.
macro_rules! function {
    ($command:path) => {{
        unsafe extern "C" fn function(
            ctx: *mut RedisModuleCtx,
            argv: *mut *mut RedisModuleString,
            argc: c_int,
        ) -> c_int {
            // SAFETY: called by the server, with the context and the arguments of a command.
            unsafe { crate::server::call::run(ctx, argv, argc, crate::config::MAX_POSTINGS.size(), $command) }
        }
        let function: RedisModuleCmdFunc = Some(function);
        function
    }};
}

// An entry of the table names only what differs from one of these.

/// A command that reads its key.
const READ: Command = Command {
    name: c"",
    syntax: "",
    function: None,
    arity: 0,
    flags: c"readonly",
    categories: c"read slow",
    key: Some(KeyUse::Read),
    summary: c"",
    complexity: c"",
    since: c"0.1.0",
    tips: c"",
};
/// A command that writes to its key, and may need memory for it.
const WRITE: Command =
    Command { flags: c"write deny-oom", categories: c"write slow", key: Some(KeyUse::Write), ..READ };
/// A command that only removes, and so is allowed when memory is short.
const REMOVE: Command = Command { flags: c"write", key: Some(KeyUse::Remove), ..WRITE };

/// The commands that users see.
pub static COMMANDS: [Command; 21] = [
    Command {
        name: c"SIM.CREATE",
        syntax: "scope [[BANDS bands] [ROWS rows] | THRESHOLD jaccard [RECALL recall] [SLOTS slots]] \
                 [INTERVAL seconds] [RETENTION intervals] [HASH <FSS | MURMUR3>] [SEED seed] [MODULUS modulus] \
                 [SHINGLE <CHARS characters | WORDS words>] [LOWERCASE <YES | NO>] [MASK <YES | NO>] \
                 [SKETCH slots] mode",
        function: function!(create::run),
        arity: -2,
        summary: c"Creates a scope: the definition of a similarity index.",
        complexity: c"O(1)",
        ..WRITE
    },
    Command {
        name: c"SIM.RECORD",
        syntax: "scope item [TIMESTAMP unix-time-seconds] [COUNT count] [NX | REPLACE] clause [clause ...]",
        function: function!(record::run),
        arity: -5,
        summary: c"Adds an observation of an item.",
        complexity: c"O(B) for each clause, with B bands, plus signing: O(F + S log S) with F features and S slots",
        ..WRITE
    },
    Command {
        name: c"SIM.FORGET",
        syntax: "scope item [TIMESTAMP unix-time-seconds] [COUNT count] clause [clause ...]",
        function: function!(forget::run),
        arity: -5,
        flags: c"write", // allowed when memory is short: it frees some
        summary: c"Takes back an observation of an item.",
        complexity: c"That of SIM.RECORD",
        ..WRITE
    },
    Command {
        name: c"SIM.CLASSIFY",
        syntax: "scope options query-clause [query-clause ...]",
        function: function!(classify::run),
        arity: -4,
        summary: c"Finds the items most similar to a signature, a set of features, a text or an exported item.",
        complexity: c"O(B*C + P) for each clause, with B bands, C chunks in the window and P members of the buckets",
        ..READ
    },
    Command {
        name: c"SIM.COMPARE",
        syntax: "scope item numindexes index [index ...] options [NOSELF]",
        function: function!(compare::run),
        arity: -5,
        summary: c"Finds the items most similar to an item.",
        complexity: c"O(N*C + P) for each index, with N buckets of the item, C chunks in the window and P members of the buckets",
        ..READ
    },
    Command {
        name: c"SIM.MERGE",
        syntax: "scope destination index source [index source ...]",
        function: function!(merge::run),
        arity: -5,
        summary: c"Moves the observations of items to another item.",
        complexity: c"O(N) for each index and source, with N buckets of the source",
        ..WRITE
    },
    Command {
        name: c"SIM.DELETE",
        syntax: "scope index item [index item ...]",
        function: function!(delete::run),
        arity: -4,
        summary: c"Deletes items.",
        complexity: c"O(N) for each index and item, with N buckets of the item",
        ..REMOVE
    },
    Command {
        name: c"SIM.EXPORT",
        syntax: "scope index item [index item ...]",
        function: function!(export::run),
        arity: -4,
        summary: c"Returns the observations of items as blobs, for SIM.IMPORT and the PROFILE clause.",
        complexity: c"O(C + N log N) for each item, with C chunks and N buckets of the item",
        ..READ
    },
    Command {
        name: c"SIM.IMPORT",
        syntax: "scope index item blob [index item blob ...]",
        function: function!(import::run),
        arity: -5,
        summary: c"Adds the observations of blobs that SIM.EXPORT returned.",
        complexity: c"O(C + N) for each blob, with C chunks and N buckets in the blob",
        ..WRITE
    },
    Command {
        name: c"SIM.FREQUENCIES",
        syntax: "scope index item when",
        function: function!(frequencies::run),
        arity: -4,
        summary: c"Returns the number of observations of an item in each bucket, band by band.",
        complexity: c"O(N log N) with N buckets of the item",
        ..READ
    },
    Command {
        name: c"SIM.COUNT",
        syntax: "scope index numitems item [item ...] when",
        function: function!(count::run),
        arity: -5,
        summary: c"Returns the number of observations of items.",
        complexity: c"O(C) for each item, with C chunks in the window",
        ..READ
    },
    Command {
        name: c"SIM.MEMBERS",
        syntax: "scope index band bucket when",
        function: function!(members::run),
        arity: -5,
        summary: c"Returns the items that were seen in a bucket.",
        complexity: c"O(P log P) with P members of the bucket",
        ..READ
    },
    Command {
        name: c"SIM.ASSIGN",
        syntax: "scope item MINSCORE score [TIMESTAMP unix-time-seconds] mode clause [clause ...]",
        function: function!(assign::run),
        arity: -8,
        summary: c"Adds an observation to the most similar item, or to a new one.",
        complexity: c"That of SIM.CLASSIFY with LIMIT 1, plus that of SIM.RECORD",
        ..WRITE
    },
    Command {
        name: c"SIM.EXPLAIN",
        syntax: "scope index item other mode when",
        function: function!(explain::run),
        arity: -5,
        summary: c"Explains the score of two items, band by band.",
        complexity: c"O(N log N) with N buckets of both items",
        ..READ
    },
    Command {
        name: c"SIM.SIGNIFICANT",
        syntax: "scope index item [LIMIT limit] when",
        function: function!(significant::run),
        arity: -4,
        summary: c"Returns the buckets that set an item apart from the rest of the index.",
        complexity: c"O(N*C + N log N) with N buckets of the item and C chunks in the window",
        ..READ
    },
    Command {
        name: c"SIM.SCAN",
        syntax: "scope index cursor [MATCH pattern] [COUNT count]",
        function: function!(scan::run),
        arity: -4,
        summary: c"Iterates over the items of an index, a few at each call.",
        complexity: c"O(N*C) for each call, with N items looked at and C chunks",
        tips: c"nondeterministic_output",
        ..READ
    },
    Command {
        name: c"SIM.ALTER",
        syntax: "scope [RETENTION intervals] mode",
        function: function!(alter::run),
        arity: -4,
        flags: c"write", // allowed when memory is short: a shorter window frees some
        summary: c"Changes how long a scope keeps its chunks, or the score of its queries.",
        complexity: c"O(C) with C chunks; those that leave the window are freed by another thread",
        ..WRITE
    },
    Command {
        name: c"SIM.SIGNATURE",
        syntax: "scope <FEATURES count [feature [feature ...]] | TEXT text> [WITHSKETCH]",
        function: function!(signature::run),
        arity: -4,
        summary: c"Returns the buckets of a set of features or a text, and its sketch, without recording it.",
        complexity: c"O(F + S log S) with F features and S slots",
        ..READ
    },
    Command {
        name: c"SIM.INFO",
        syntax: "scope",
        function: function!(info::run),
        arity: 2,
        summary: c"Returns the definition of a scope, and what its indexes hold.",
        complexity: c"O(C) with C chunks",
        tips: c"nondeterministic_output",
        ..READ
    },
    Command {
        name: c"SIM.DROP",
        syntax: "scope [index [index ...]]",
        function: function!(drop::run),
        arity: -2,
        summary: c"Deletes a scope, or some of its indexes, and frees the chunks.",
        complexity: c"O(C) with C chunks; they are freed by another thread",
        ..REMOVE
    },
    Command {
        name: c"SIM.SWEEP",
        syntax: "cursor [COUNT count]",
        function: function!(sweep::run),
        arity: -2,
        flags: c"write admin",
        categories: c"write admin slow dangerous",
        key: None,
        summary: c"Frees chunks whose scope is gone.",
        complexity: c"O(N) with N keys looked at; chunks are freed by another thread",
        tips: c"nondeterministic_output",
        ..READ
    },
];

/// The command that a rewritten AOF restores keys with. It is registered, but is not for users.
pub static LOAD: Command = Command {
    name: c"SIM.LOAD",
    syntax: "key piece",
    function: function!(load::run),
    arity: 3,
    flags: c"write",
    summary: c"Restores a key from an AOF; accepted only from a primary or an AOF.",
    complexity: c"O(N) with N bytes",
    ..WRITE
};

/// The command for tests, which is only registered with `debug yes`.
pub static DEBUG: Command = Command {
    name: c"SIM.DEBUG",
    syntax: "<VALIDATE name | MEMORY name | PANIC>",
    function: function!(debug::run),
    arity: -2,
    flags: c"readonly admin",
    categories: c"admin slow dangerous",
    key: None,
    summary: c"Validates or measures a key, or panics; for tests.",
    complexity: c"O(N) with N entries",
    ..READ
};
