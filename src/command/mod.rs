//! The commands: arguments, core, reply, replication. One file for each.

pub mod alter;
pub mod args;
pub mod assign;
pub mod classify;
pub mod clause;
pub mod compare;
pub mod create;
pub mod debug;
pub mod delete;
pub mod docs;
pub mod drop;
pub mod error;
pub mod explain;
pub mod frequencies;
pub mod glob;
pub mod info;
pub mod load;
pub mod members;
pub mod merge;
pub mod pairs;
pub mod query;
pub mod record;
pub mod scan;
pub mod settings;
pub mod signature;
pub mod significant;
