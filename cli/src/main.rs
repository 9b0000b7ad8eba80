//! `simile`: a similarity index in Redis or Valkey, from the shell.
//!
//! Subcommands, one file each:
//! - [`load`]: records the items of files into a scope; [`groups`]: finds near-duplicates; [`query`]:
//!   searches for similar items; [`explain`]: takes a score apart.
//!
//! Reaching a scope:
//! - [`connection`]: a connection to a server or a cluster; [`cluster`]: the nodes of a cluster;
//!   [`server_error`]: errors that say what to do.
//! - [`scope`]: a scope, split over several keys or not; [`scope_info`]: what SIM.INFO says about it.
//! - [`search`]: the search for similar items in a scope.
//!
//! Reading, and telling the user:
//! - [`source`]: the inputs of `load`; [`saved_positions`]: how far a load has come, kept at the server.
//! - [`progress`]: a bar or lines; [`report`]: failures and the summary; [`display`]: names and numbers as
//!   they are printed.
//! - [`union_find`]: groups of items that are linked.

#![deny(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used))]

mod cluster;
mod connection;
mod display;
mod explain;
mod groups;
mod load;
mod progress;
mod query;
mod report;
mod saved_positions;
mod scope;
mod scope_info;
mod search;
mod server_error;
mod source;
mod union_find;

use clap::{Parser, Subcommand};
use std::error::Error;
use std::io;
use std::process::ExitCode;

/// Any error; its text is what the user reads.
type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Loads, groups, queries and explains similarity indexes in Redis and Valkey.
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
}

/// The status of a run that did its work but left some entries out, after counting and showing them.
const INCOMPLETE: u8 = 3;

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Load(options) => load::run(&options),
        Command::Groups(options) => groups::run(&options),
        Command::Query(options) => query::run(&options),
        Command::Explain(options) => explain::run(&options),
    };
    match outcome {
        Ok(code) => code,
        // The reader of the output has seen enough, as in `simile groups ... | head`.
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
