//! Thin, safe wrappers over what the redis-module crate lacks: the floor below the keyspace and the
//! commands.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `call` | a command while it runs: its arguments, flags, clock and budget |
//! | `reply` | the reply of a command |
//! | `replicate` | telling replicas, the AOF and clients that watch a key about a command |
//! | `key` | keys of the keyspace, and the module's values in them |
//! | `open_keys` | the rule that a value is changed through one key at a time, checked in debug builds |
//! | `rights` | the rights of a command's sender to keys that the command does not name |
//! | `subcall` | commands of the server that the module calls, and their replies |
//! | `scan` | the keys of a database, some at a time |
//! | `events` | what happens in the server outside of commands: keys that are deleted, snapshots, timers |
//! | `string` | strings of the server |
//! | `io` | RDB, AOF and digest, as a type's callbacks read and write them |
//! | `defrag` | active defragmentation |
//! | `formatted_double` | a double as RESP2 shows it, kept for the next reply |
//! | `guard` | no panic crosses into the server |
//! | `register` | registration of commands |
//! | `argument` | the arguments of a command, as COMMAND DOCS shows them |
//! | `setting` | the module's settings |
//! | `info` | the module's section of INFO |
//! | `options` | the options of the module, which the server relies on |
//! | `log` | the server's log |
//! | `alloc` | the allocator of the module, which is the server's |
//!
//! # Unsafe
//!
//! Everything unsafe of the module is here, in the types' callbacks (`keyspace::data_type`) and in the entry
//! of each command (`command::table`). A raw pointer of the server enters through an `unsafe` constructor or
//! a callback, and from then on is kept in a type that does not outlive it: [`call::Call`], [`key::Key`],
//! [`io::Io`], [`io::Digest`], [`defrag::Defrag`], [`info::Section`], [`string::ServerString`]. Their methods
//! are safe. While the module is loaded, the crate's own `Context` takes their place.

pub mod alloc;
pub mod argument;
pub mod call;
pub mod defrag;
pub mod events;
mod formatted_double;
pub mod guard;
pub mod info;
pub mod io;
pub mod key;
pub mod log;
mod open_keys;
pub mod options;
pub mod register;
pub mod replicate;
pub mod reply;
pub mod rights;
pub mod scan;
pub mod setting;
pub mod string;
mod subcall;

/// Calls a function of the module API that every supported server has: `api!(RedisModule_X(a, b))`.
///
/// The call is as unsafe as the function, so each is in an `unsafe` block, with a comment that says why the
/// arguments are as the function demands. The lookup of the function itself is safe everywhere: it reads a
/// table of the crate, which the server fills before it first calls the module, and which nobody changes
/// later.
macro_rules! api {
    ($function:ident($($argument:expr),* $(,)?)) => {
        match redis_module::raw::$function {
            Some(function) => function($($argument),*),
            None => panic!("the server has no {}", stringify!($function)),
        }
    };
}
use api;
