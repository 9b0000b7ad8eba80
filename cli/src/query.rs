//! `simile query`: which items are most similar to a text, or to an item?

use crate::connection::ConnectionOptions;
use crate::scope::Scope;
use crate::search::{self, Criteria, Search};
use crate::{Result, display};
use serde_json::json;
use std::io::{Read, Write, stdin, stdout};
use std::process::ExitCode;

/// Which items are most similar to a text, or to another item?
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// Scope to search
    scope: String,
    /// The text; read from standard input if neither it nor --item is given
    text: Option<String>,
    /// Search for items that are similar to this item of the scope
    #[arg(long, value_name = "NAME", conflicts_with = "text")]
    item: Option<String>,
    /// Only items whose names match this pattern, as SIM.SCAN's: *, ?, [a-z]
    #[arg(long = "match", value_name = "PATTERN")]
    pattern: Option<String>,
    /// Only items with at least this score
    #[arg(long, value_name = "SCORE", value_parser = search::parse_min_score)]
    min_score: Option<f64>,
    /// The largest number of items to print; 0 means all
    #[arg(long, value_name = "N", default_value_t = 10)]
    limit: usize,
    /// Print one JSON object a line: {"item": ..., "score": ...}
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    criteria: Criteria,
}

/// What `--help` shows at its end.
const EXAMPLES: &str = "\
Examples:
  simile query errors 'connection to db-1 refused after 10 ms'
  simile query errors --item issue-7 --min-score 0.5
  simile query errors --json < report.txt";

/// Runs the subcommand.
pub fn run(options: &Options, connection: &ConnectionOptions) -> Result<ExitCode> {
    let min_score = options.min_score.unwrap_or_default();
    options.criteria.check_min_score(min_score, None)?;
    let mut scope = Scope::open(connection, &options.scope)?;
    let definition = options.criteria.read_definition(&mut scope)?;
    options.criteria.check_min_score(min_score, Some(&definition))?;
    let index = scope.choose_index(options.criteria.index.as_deref())?;
    let search = Search {
        criteria: &options.criteria,
        index,
        min_score,
        limit: options.limit,
        pattern: options.pattern.as_deref(),
    };
    let matches = match (&options.item, &options.text) {
        (Some(item), _) => search.compare(&mut scope, item.as_bytes())?,
        (None, Some(text)) => search.classify(&mut scope, text.as_bytes())?,
        (None, None) => {
            let mut text = Vec::new();
            stdin().read_to_end(&mut text)?;
            search.classify(&mut scope, &text)?
        }
    };
    let mut out = stdout().lock();
    for (item, score, _) in &matches {
        if options.json {
            writeln!(out, "{}", json!({ "item": display::json_name(item), "score": score }))?;
        } else {
            writeln!(out, "{score:<8.4}{}", display::name(item))?;
        }
    }
    if matches.is_empty() && !options.json {
        let scope = display::printable(&options.scope);
        writeln!(out, "Nothing in '{scope}' is similar to it.")?;
    }
    Ok(ExitCode::SUCCESS)
}
