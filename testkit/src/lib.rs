//! Starts real servers with the module, talks to them, and stops them.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `kind.rs` | [`Kind`]: the servers that the module supports, and the paths of their programs and of the module |
//! | `server.rs` | [`Launch`] and [`Server`]: a server process in a directory of its own, killed at the end |
//! | `client.rs` | [`Client`]: a connection, with commands written as in redis-cli and checks of their replies |
//! | `reply.rs` | [`Reply`]: a reply, and how a test writes it |
//! | `aof.rs` | the commands in a server's append-only file |
//! | `page.rs` | [`Page`]: a page of the documentation, compared with what it should say |
//! | `transcript.rs` | [`transcript`]: the redis-cli sessions of a page, replayed |
//! | `random.rs` | [`Random`]: random numbers that a seed repeats |
//! | `soak.rs` | [`amount`] and [`figure`]: how often to try something, and what was tried |
//! | `varint.rs` | [`varint()`]: numbers as the module saves them, for payloads that a test forges |
//! | `wait.rs` | [`wait_until`]: wait for a fact, never for a time |
//!
//! A test is written once with [`on_each_server!`] and runs on each server, as a test of its own:
//!
//! ```
//! use testkit::{Server, on_each_server};
//!
//! on_each_server! {
//!     /// A scope has one definition.
//!     fn a_scope_is_not_created_twice(server: Server) {
//!         server.expect("SIM.CREATE fruit BANDS 2", "OK");
//!         server.refuses("SIM.CREATE fruit BANDS 3", "ERR BANDS is ...");
//!     }
//! }
//! # fn main() {}
//! ```
//!
//! `cargo test` then lists `a_scope_is_not_created_twice::redis_7_0`, `::redis_8_2` and `::valkey_9_1`. A test
//! whose servers need other options takes `kind: Kind` and starts them itself.

mod aof;
mod client;
mod kind;
mod page;
mod random;
mod reply;
mod server;
mod soak;
pub mod transcript;
mod varint;
mod wait;

pub use client::{Client, words};
pub use kind::{Kind, module, on_path};
pub use page::Page;
pub use random::Random;
pub use reply::{Reply, quoted};
pub use server::{Launch, Server, free_port};
pub use soak::{amount, figure};
pub use varint::varint;
pub use wait::wait_until;

/// Makes one `#[test]` for each server and function: `a_name_that_says_it::redis_7_0` and so on.
///
/// The function takes a [`Server`] that has been started, or a [`Kind`] and starts its own. On valkey-8.1 only tests of
/// a module `concerns` run, unless SERVERS names no other server.
#[macro_export]
macro_rules! on_each_server {
    ($($(#[$attribute:meta])* fn $name:ident($subject:ident: $Subject:ty) $body:block)+) => {$(
        mod $name {
            use super::*;
            $(#[$attribute])*
            fn test($subject: $Subject) $body
            #[test]
            fn redis_7_0() {
                $crate::Kind::Redis7_0.run(test)
            }
            #[test]
            fn redis_8_2() {
                $crate::Kind::Redis8_2.run(test)
            }
            #[test]
            fn valkey_8_1() {
                $crate::Kind::Valkey8_1.run_concern(module_path!(), test)
            }
            #[test]
            fn valkey_9_1() {
                $crate::Kind::Valkey9_1.run(test)
            }
        }
    )+};
}
