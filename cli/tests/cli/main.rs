//! The tool as its users meet it: the built program, on real servers.

mod assign; // simile assign
mod cluster; // three primaries, for these
mod connection; // ways to reach a server: options, TLS, Sentinels
mod dedup; // simile dedup
mod documentation; // the examples of docs/, replayed
mod errors; // errors before anything is done, and what they tell the user
mod groups; // simile groups
mod help; // what --help prints; completions and the manual
mod inputs; // what people load: formats, encodings, compression, and what is wrong with them
mod interrupted; // Ctrl-C
mod interrupted_load; // what happens to a scope, its slot and its server during a load
mod load; // simile load
mod parts; // scopes that are split over several servers
mod program; // runs the program, for all of these
mod query; // simile query and the commands like it
mod recipes; // the recipes of docs/, replayed
mod replace; // simile load --replace and --once
mod scopes; // simile info, drop and sweep
