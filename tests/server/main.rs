//! The module as its users meet it, on real servers: Redis 7.0, Redis 8.2 and Valkey 9.1.
//!
//! `make test` installs the servers, builds the module and runs these tests; `SERVERS=redis-7.0` narrows them to
//! one server. The crate `testkit` starts the servers and talks to them.

mod commands; // what one command replies and refuses
mod concerns; // what all commands have in common, and what happens to data around them
