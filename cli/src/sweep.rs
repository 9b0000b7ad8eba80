//! `simile sweep`: frees the chunks of a server whose scope is gone, by one SIM.SWEEP after the other.

use crate::connection::{Connection, ConnectionOptions};
use crate::progress::{Progress, ProgressOptions};
use crate::{Result, UsageError, display};
use redis::cmd;
use serde_json::json;
use std::io::{Write, stdout};
use std::process::ExitCode;

/// Frees chunks whose scope is gone: expired, evicted or overwritten.
///
/// Looks at every key of the database, a thousand at a time. It may be stopped at any moment.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// Print one JSON object: {"chunks": ...}, the number of chunks that were freed
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    progress: ProgressOptions,
}

/// What `--help` shows at its end.
const EXAMPLES: &str = "\
Examples:
  simile sweep
  simile sweep --url redis://127.0.0.1:6379/2   # another database";

/// Keys that one SIM.SWEEP looks at.
const KEYS_PER_SWEEP: u64 = 1_000;

/// Runs the subcommand.
///
/// # Errors
/// Besides those of the server: it is a cluster, where a scope may be on its way to another node.
pub fn run(options: &Options, connection: &ConnectionOptions) -> Result<ExitCode> {
    if connection.cluster.is_some() {
        let message = "a cluster cannot be swept: a scope that is not on a node may be on its way there";
        return Err(UsageError(message.into()).into());
    }
    let mut server = Connection::open(connection)?;
    let keys: u64 = server.ask(&cmd("DBSIZE"))?;
    let mut progress = Progress::start(Some(keys), &options.progress);
    let (mut cursor, mut chunks, mut looked_at) = ("0".to_string(), 0, 0);
    loop {
        let sweep = cmd("SIM.SWEEP").arg(&cursor).arg("COUNT").arg(KEYS_PER_SWEEP).clone();
        let (next, freed): (String, u64) = server.ask(&sweep)?;
        cursor = next;
        chunks += freed;
        looked_at += KEYS_PER_SWEEP;
        if cursor == "0" {
            break;
        }
        progress.report(looked_at.min(keys), || format!("{} freed", display::quantity(chunks, "chunk")));
    }
    progress.finish();
    if options.json {
        writeln!(stdout(), "{}", json!({ "chunks": chunks }))?;
    } else {
        writeln!(stdout(), "{} freed.", display::quantity(chunks, "chunk"))?;
    }
    Ok(ExitCode::SUCCESS)
}
