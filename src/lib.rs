//! Simile: a similarity index inside Redis and Valkey.
//!
//! Four floors; an import only ever points down, or along:
//!
//! | floor | what it holds |
//! | --- | --- |
//! | `command` | a file for each command: arguments, core, reply, replication. `config` has the settings |
//! | `keyspace` | the two native types, the names of chunks, the live chunks of a window |
//! | `server` | thin, safe wrappers over the module API |
//! | [`index`], [`signature`] | the core, which knows no server: tests, benches and fuzzers reach it |

#![deny(missing_docs, unsafe_op_in_unsafe_fn)]
#![deny(clippy::undocumented_unsafe_blocks, clippy::missing_safety_doc)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used))]

mod command;
mod config;
pub mod index;
mod keyspace;
mod module;
mod server;
pub mod signature;
