//! The tool as a user meets it: the built program, on real servers.

mod program;

mod documentation;
mod errors;
mod groups;
mod load;
mod migrate;
mod parts;
mod query;
