//! The tool as its users meet it: the built program, on real servers.

mod cluster; // three primaries, for these
mod documentation; // the examples of docs/, replayed
mod errors; // errors before anything is done, and what they tell the user
mod groups; // simile groups
mod interrupted_load; // what happens to a scope, its slot and its server during a load
mod load; // simile load
mod migrate; // simile migrate
mod parts; // scopes that are split over several servers
mod program; // runs the program, for all of these
mod query;
mod recipes; // the recipes of docs/, replayed // simile query and the commands like it
