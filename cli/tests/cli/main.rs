//! The tool as a user meets it: the built program, on real servers.

#[allow(dead_code, unused_imports)] // the harness of the module's tests, which need more of it
#[path = "../../../tests/server/harness/mod.rs"]
mod harness;
mod program;

mod documentation;
mod errors;
mod groups;
mod load;
mod migrate;
mod parts;
mod query;
