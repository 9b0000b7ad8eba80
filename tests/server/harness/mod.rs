//! A small harness: start a real server with the module, talk to it, stop it.
//!
//! Every test is written once and runs on each server, as a test of its own:
//!
//! ```ignore
//! on_each_server! {
//!     /// What a user sees.
//!     fn a_name_that_says_it(server: Server) {
//!         server.expect("SIM.CREATE fruit BANDS 2", "OK");
//!         server.refuses("SIM.CREATE fruit BANDS 3", "ERR BANDS is ...");
//!     }
//! }
//! ```
//!
//! A test that needs other options takes `kind: Kind` and starts its servers itself.

mod aof;
mod client;
mod kind;
mod random;
mod reply;
mod server;
pub mod transcript;

pub use client::{Client, words};
pub use kind::{Kind, module, on_path};
pub use random::{Random, amount, figure};
pub use reply::{Reply, shown};
pub use server::{Launch, Server, free_port};

use std::time::{Duration, Instant};

/// One `#[test]` for each server and function: `a_name_that_says_it::redis_7_0` and so on.
macro_rules! on_each_server {
    ($($(#[$attribute:meta])* fn $name:ident($subject:ident: $Subject:ty) $body:block)+) => {$(
        mod $name {
            #[allow(unused_imports)]
            use super::*;
            $(#[$attribute])*
            fn test($subject: $Subject) $body
            #[test]
            fn redis_7_0() {
                crate::harness::Kind::Redis7_0.run(test)
            }
            #[test]
            fn redis_8_2() {
                crate::harness::Kind::Redis8_2.run(test)
            }
            #[test]
            fn valkey_9_1() {
                crate::harness::Kind::Valkey9_1.run(test)
            }
        }
    )+};
}
pub(crate) use on_each_server;

/// Polls until the fact holds; panics with what was waited for when it never does.
#[track_caller]
pub fn wait_until(what: &str, mut fact: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !fact() {
        assert!(Instant::now() < deadline, "waited 30 s for this: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
