//! `simile`: a similarity index in Redis or Valkey, from the shell.
//!
//! - [`load`], [`groups`], [`query`], [`explain`], [`migrate`]: one subcommand each.
//! - [`server`]: a connection, and errors that say what to do; [`scope`]: a scope, whole or split by
//!   item over several; [`search`]: what is like this, in either.
//! - [`source`]: where `load` reads from; [`position`]: how far it has come; [`progress`]: what is seen
//!   of it meanwhile.
//! - [`union_find`]: groups of what is linked; [`sentry`]: the keys of Sentry's index; [`show`]: names,
//!   numbers and bars as they are printed.

#![deny(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used))]

mod explain;
mod groups;
mod load;
mod migrate;
mod position;
mod progress;
mod query;
mod scope;
mod search;
mod sentry;
mod server;
mod show;
mod source;
mod union_find;

use clap::{Parser, Subcommand};
use std::error::Error;
use std::io;
use std::process::ExitCode;

/// Any error; its text is what the user reads.
type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Loads, groups, queries, explains and migrates similarity indexes in Redis and Valkey.
#[derive(Parser)]
#[command(name = "simile", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Load(load::Options),
    Groups(groups::Options),
    Query(query::Options),
    Explain(explain::Options),
    MigrateSentry(migrate::Options),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Load(options) => load::run(&options),
        Command::Groups(options) => groups::run(&options),
        Command::Query(options) => query::run(&options),
        Command::Explain(options) => explain::run(&options),
        Command::MigrateSentry(options) => migrate::run(&options),
    };
    match outcome {
        Ok(code) => code,
        // Whoever read the output has seen enough: `simile groups ... | head`.
        Err(error) if is_broken_pipe(error.as_ref()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("simile: {error}");
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// What a run exits with that did its work, but left something out that it has shown.
const INCOMPLETE: u8 = 3;
