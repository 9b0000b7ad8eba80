//! The commands: one file for each.
//!
//! A command's file reads from top to bottom: its syntax line and its oddities, its arguments, its work,
//! its replication, its reply. Everything that can fail comes before the first change, so a command that
//! ends in an error has changed nothing. (For the one exception, see [`run::recording`].)
//!
//! | file | commands |
//! | --- | --- |
//! | `create`, `alter`, `info`, `drop`, `sweep` | scopes: create, change, describe and delete them; free chunks whose scope is gone |
//! | `record`, `assign`, `forget`, `merge`, `delete` | observations: add them to an item, to the most similar one, take them back, move them, delete them |
//! | `classify`, `compare` | search: for the items most similar to a signature, features, a text or a blob; to an item |
//! | `explain`, `significant` | ask why: the score of two items, the buckets that set an item apart |
//! | `frequencies`, `members`, `count`, `signature`, `scan` | look inside: the buckets of an item, the items of a bucket, the observations of items, the buckets of a text, all items |
//! | `export`, `import` | carry items to another scope or server |
//! | `load`, `debug` | not for users: restore keys from a rewritten AOF; check keys in tests |
//!
//! | other files | |
//! | --- | --- |
//! | `table` | registers the commands: arity, flags, summary, syntax |
//! | `error` | the errors of all commands, with their texts |
//! | [`parse`] | takes arguments; opens no key |
//! | [`run`] | the steps that several commands share |
//! | [`reference`](mod@reference) | parses the syntax lines, for COMMAND DOCS |
//!
//! No command imports another one: code that two of them share is in `parse` or `run`.

pub mod error;
pub mod parse;
pub mod reference;
pub mod run;
pub mod table;

mod alter;
mod assign;
mod classify;
mod compare;
mod count;
mod create;
mod debug;
mod delete;
mod drop;
mod explain;
mod export;
mod forget;
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
