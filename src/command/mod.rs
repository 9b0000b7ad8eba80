//! The commands: arguments, core, reply, replication. One file for each.
//!
//! | file | its commands |
//! | --- | --- |
//! | `create`, `alter`, `info`, `drop`, `sweep` | a scope: make it, change it, look at it, remove it, free what has lost its scope |
//! | `record`, `assign`, `merge`, `delete` | observations: add them, give them to another item, remove them |
//! | `classify`, `compare` | search: by a signature, by an item |
//! | `explain`, `significant`, `frequencies`, `members`, `signature`, `scan` | read: why, what, who, how it is signed, all of it |
//! | `export`, `import` | carry an item to another scope or server |
//! | `load`, `debug` | for the AOF; for tests |
//!
//! `table` lists them for the server, and `error` is the one home of error texts. Beneath: `parse` reads
//! arguments, `run` does what several commands do, `reference` reads syntax lines for COMMAND DOCS. No command
//! imports another one.

pub mod error;
pub mod parse;
pub mod reference;
pub mod run;
pub mod table;

mod alter;
mod assign;
mod classify;
mod compare;
mod create;
mod debug;
mod delete;
mod drop;
mod explain;
mod export;
mod frequencies;
mod import;
mod info;
mod load;
mod members;
mod merge;
mod record;
mod scan;
mod signature;
mod significant;
mod sweep;
