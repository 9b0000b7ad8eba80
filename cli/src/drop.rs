//! `simile drop`: deletes a scope, or some of its indexes, with everything recorded under it.

use crate::connection::ConnectionOptions;
use crate::scope::{Scope, describe_missing};
use crate::scope_info::{IndexInfo, ScopeInfo};
use crate::{Result, UsageError, display};
use redis::cmd;
use serde_json::json;
use std::collections::BTreeSet;
use std::io::{IsTerminal, Write, stderr, stdin, stdout};
use std::process::ExitCode;

/// Deletes a scope, or some of its indexes, with everything recorded under it.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// Scope to delete
    scope: String,
    /// Indexes to delete; without any, the scope itself is deleted too
    indexes: Vec<String>,
    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,
    /// Print one JSON object: {"chunks": ...}, the number of chunks that were freed
    #[arg(long)]
    json: bool,
}

/// What `--help` shows at its end.
const EXAMPLES: &str = "\
Examples:
  simile drop errors
  simile drop errors frames --yes   # only the index 'frames', and without a question";

/// Runs the subcommand.
///
/// # Errors
/// Besides those of the server: there is no such scope or index, the user says no, or cannot be asked.
pub fn run(options: &Options, connection: &ConnectionOptions) -> Result<ExitCode> {
    let mut scope = Scope::open(connection, &options.scope)?;
    // A part may be missing: an earlier drop has been stopped after it.
    let infos: Vec<ScopeInfo> = scope.read_infos()?.into_iter().flatten().collect();
    if infos.is_empty() {
        return Err(describe_missing(&scope.parts[0]).into());
    }
    let held: BTreeSet<&[u8]> =
        infos.iter().flat_map(|info| info.indexes.keys().map(Vec::as_slice)).collect();
    if let Some(unknown) = options.indexes.iter().find(|index| !held.contains(index.as_bytes())) {
        let names: Vec<String> = held.into_iter().map(display::name).collect();
        let names = if names.is_empty() { "none".to_string() } else { names.join(", ") };
        return Err(format!("the scope '{}' has no index '{unknown}'; it has: {names}", options.scope).into());
    }
    let what = describe(options, &infos);
    if !options.yes && !confirm(&what)? {
        return Err("nothing was deleted".into());
    }
    let mut chunks = 0;
    for part in scope.parts.clone() {
        chunks += scope.server.ask::<u64>(cmd("SIM.DROP").arg(part).arg(&options.indexes))?;
    }
    if options.json {
        writeln!(stdout(), "{}", json!({ "chunks": chunks }))?;
    } else {
        writeln!(stdout(), "Deleted {what}: {} freed.", display::quantity(chunks, "chunk"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What is deleted, and how much that is.
fn describe(options: &Options, infos: &[ScopeInfo]) -> String {
    let is_dropped = |index: &[u8]| {
        options.indexes.is_empty() || options.indexes.iter().any(|name| name.as_bytes() == index)
    };
    let mut sum = IndexInfo::default();
    let indexes = infos.iter().flat_map(|info| &info.indexes);
    indexes.filter(|(index, _)| is_dropped(index)).for_each(|(_, held)| sum.add(held));
    let names: Vec<String> =
        options.indexes.iter().map(|index| format!("'{}'", display::printable(index))).collect();
    let noun = if names.len() == 1 { "index" } else { "indexes" };
    let indexes =
        if names.is_empty() { String::new() } else { format!("the {noun} {} of ", names.join(", ")) };
    format!(
        "{indexes}the scope '{}' with {}",
        display::printable(&options.scope),
        display::quantity(sum.observations, "observation")
    )
}

/// Asks on the terminal.
///
/// # Errors
/// There is no terminal.
fn confirm(what: &str) -> Result<bool> {
    if !stdin().is_terminal() {
        let message = "without a terminal nobody can be asked whether to delete this: say --yes";
        return Err(UsageError(message.into()).into());
    }
    eprint!("Delete {what}? [y/N] ");
    stderr().flush()?;
    let mut answer = String::new();
    stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
