//! `simile`: a similarity index in Redis or Valkey, from the shell.
//!
//! Subcommands, one file each:
//! - [`load`]: records the items of files into a scope; [`assign`]: groups a stream; [`dedup`]: drops
//!   near-duplicates from an input; [`groups`]: finds near-duplicates; [`query`]: searches for similar items;
//!   [`explain`]: takes a score apart.
//! - [`info`]: describes a scope; [`drop`]: deletes one; [`sweep`]: frees what deleted ones have left.
//! - [`manual`]: completions for shells, and the manual pages.
//!
//! Reaching a scope:
//! - [`connection`]: a connection to a server or a cluster; [`cluster`]: the nodes of a cluster;
//!   [`server_error`]: errors that say what to do.
//! - [`scope`]: a scope, split over several keys or not; [`scope_info`]: what SIM.INFO says about it.
//! - [`search`]: the search for similar items in a scope.
//!
//! Reading, and telling the user:
//! - [`source`]: the inputs of `load`; [`action`]: what is done with their records; [`script_words`]: the
//!   words of a record on its way; [`saved_positions`]: how far a load has come, kept at the server.
//! - [`progress`]: a bar or lines; [`report`]: failures and the summary; [`display`]: names and numbers as
//!   they are printed; [`interrupt`]: what Ctrl-C says.
//! - [`union_find`], [`complete_linkage`]: groups of items that are linked; [`group_texts`]: a text for each.

#![deny(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used))]

mod action;
mod assign;
mod cluster;
mod complete_linkage;
mod connection;
mod dedup;
mod display;
mod drop;
mod explain;
mod group_texts;
mod groups;
mod info;
mod interrupt;
mod load;
mod manual;
mod progress;
mod query;
mod report;
mod saved_positions;
mod scope;
mod scope_info;
mod script_words;
mod search;
mod server_error;
mod source;
mod sweep;
mod union_find;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};
use connection::ConnectionOptions;
use std::error::Error;
use std::io;
use std::process::ExitCode;
use std::thread;

/// Any error; its text is what the user reads.
type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A command line that is wrong in a way that only the subcommand can see.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct UsageError(String);

/// A similarity index in Redis or Valkey: of all that was seen lately, what is similar to this?
///
/// The exit status is 0 for success, 1 if the command failed, 2 for a wrong command line, 3 if it did its work
/// but left something out, and 130 after Ctrl-C.
#[derive(Parser)]
#[command(name = "simile", version, max_term_width = 100, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    connection: ConnectionOptions,
}

/// What `--help` shows at its end.
const EXAMPLES: &str = "\
Examples:
  simile load errors errors.jsonl --create 'THRESHOLD 0.8 INTERVAL 0'
  simile groups errors --min-score 0.8
  simile query errors 'connection to db-1 refused after 10 ms'
  SIMILE_PASSWORD=... simile --url rediss://redis.example:6380 --user reader info errors";

#[derive(Subcommand)]
enum Command {
    Load(load::Options),
    Assign(assign::Options),
    Dedup(dedup::Options),
    Groups(groups::Options),
    Query(query::Options),
    Explain(explain::Options),
    Info(info::Options),
    Drop(drop::Options),
    Sweep(sweep::Options),
    Completions(manual::CompletionsOptions),
    Man(manual::ManOptions),
}

/// The status of a run that did its work but left some entries out, after counting and showing them.
const INCOMPLETE: u8 = 3;

/// The status of a program that has panicked.
const PANICKED: u8 = 101;

fn main() -> ExitCode {
    let cli = Cli::parse();
    // Signals go to the first thread. They would interrupt a read from the server in it, and Ctrl-C would be an error of
    // the connection: so the work is done in a second one.
    thread::spawn(move || run(cli)).join().unwrap_or(ExitCode::from(PANICKED))
}

/// Runs the subcommand, and prints its error.
fn run(Cli { command, connection }: Cli) -> ExitCode {
    let outcome = match command {
        Command::Load(options) => load::run(&options, &connection),
        Command::Assign(options) => assign::run(&options, &connection),
        Command::Dedup(options) => dedup::run(&options, &connection),
        Command::Groups(options) => groups::run(&options, &connection),
        Command::Query(options) => query::run(&options, &connection),
        Command::Explain(options) => explain::run(&options, &connection),
        Command::Info(options) => info::run(&options, &connection),
        Command::Drop(options) => drop::run(&options, &connection),
        Command::Sweep(options) => sweep::run(&options, &connection),
        Command::Completions(options) => manual::print_completions(&options),
        Command::Man(options) => manual::write_manual(&options),
    };
    let error = match outcome {
        Ok(code) => return code,
        Err(error) => error,
    };
    // The reader of the output has seen enough, as in `simile groups ... | head`.
    if is_broken_pipe(error.as_ref()) {
        return ExitCode::SUCCESS;
    }
    let message = display::printable(&error.to_string());
    if error.is::<UsageError>() {
        Cli::command().error(ErrorKind::ValueValidation, message).exit();
    }
    eprintln!("simile: {message}");
    ExitCode::FAILURE
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
