//! `simile migrate-sentry`: copies an index of Sentry's Lua script of 2017 into a scope.
//!
//! - [`migration`]: the algorithm. [`sentry_index`]: the keys that Sentry wrote. [`missing`]: what the
//!   scope lacks of them. [`tally`]: what was found and done, for the summary.

mod migration;
mod missing;
mod sentry_index;
mod tally;

use crate::Result;
use crate::connection::{Connection, ConnectionOptions};
use crate::report::ReportOptions;
use crate::scope::Scope;
use crate::search::Score;
use migration::Migration;
use sentry_index::SentryIndex;
use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

/// Copies a Sentry similarity index (2017) from a running Redis into a scope.
///
/// Reads the keys ns:scope:f:index:time:band:key by SCAN, and adds what the scope lacks by SIM.IMPORT,
/// with times and counts. May be stopped and run again at any moment; a run that adds nothing proves that
/// the scope has everything. Exits with 3 if some items could not be carried over; all are counted, and
/// the first few are shown.
#[derive(clap::Args)]
pub struct Options {
    /// Scope to write to; created if it does not exist
    scope: String,
    /// Address of the Redis that has Sentry's index (its password: SENTRY_PASSWORD in the environment)
    #[arg(long, value_name = "URL")]
    from: String,
    /// Sentry's namespace
    #[arg(long, default_value = "sim")]
    namespace: String,
    /// Sentry's scope: the number of a project
    #[arg(long, value_name = "SCOPE")]
    project: String,
    /// Copy only this index, under another name if one is given; may be given several times. Needed if
    /// the names of indexes contain colons
    #[arg(long, value_name = "INDEX[=NAME]")]
    index: Vec<String>,
    /// Seconds of an interval, as Sentry was configured
    #[arg(long, default_value_t = 2_592_000, value_parser = clap::value_parser!(u64).range(1..=1 << 32))]
    interval: u64,
    /// Intervals kept before the current one, as Sentry was configured
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=1_000))]
    retention: u32,
    /// ROWS of the scope that is created, so that it can sign texts itself: the number of columns in
    /// Sentry's buckets, which are numbers with commas between them
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    rows: u16,
    /// MODULUS of the scope that is created: the one of Sentry's hash
    #[arg(long, default_value_t = 65_535)]
    modulus: u32,
    /// SKETCH of the scope that is created: what is recorded from then on keeps this many slots, for the score
    /// JACCARD. What is copied has none
    #[arg(long, value_name = "SLOTS", default_value_t = 0)]
    sketch: u16,
    /// SCORE of the scope that is created: the score of queries that name none
    #[arg(long, value_enum, default_value_t = Score::Overlap)]
    score: Score,
    /// Change nothing; print what would be done
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    report: ReportOptions,
    #[command(flatten)]
    connection: ConnectionOptions,
}

/// Runs the subcommand.
///
/// # Errors
/// Besides those of both servers: the scope does not fit Sentry's index, or there is no such index.
pub fn run(options: &Options) -> Result<ExitCode> {
    let password = std::env::var("SENTRY_PASSWORD").ok();
    let names = new_names(&options.index)?;
    let server = Connection::open_url(&options.from, password.as_deref())?;
    let indexes = names.keys().cloned().collect();
    let sentry = SentryIndex::new(server, &options.namespace, &options.project, indexes);
    let scope = Scope::open(&options.connection, &options.scope)?;
    let mut migration = Migration::start(options, sentry, scope, names)?;
    migration.copy_all()?;
    migration.print_summary()
}

/// Parses the options --index: the name of each index in the scope, by its name at Sentry.
fn new_names(index_options: &[String]) -> Result<BTreeMap<String, String>> {
    let names = index_options.iter().map(|index| index.split_once('=').unwrap_or((index, index)));
    let names: BTreeMap<String, String> = names.map(|(old, new)| (old.into(), new.into())).collect();
    let targets: BTreeSet<&String> = names.values().collect();
    if targets.len() < index_options.len() {
        return Err("each --index must name a different index, and give it a different name: otherwise the \
                    observations of two would mix"
            .into());
    }
    Ok(names)
}
