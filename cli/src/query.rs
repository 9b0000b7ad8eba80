//! `simile query`: which items are most similar to a text, or to an item?

use crate::connection::ConnectionOptions;
use crate::scope::Scope;
use crate::search::{Criteria, Search};
use crate::{Result, display};
use serde_json::json;
use std::io::{Read, Write, stdin, stdout};
use std::process::ExitCode;

/// Which items are most similar to a text, or to another item?
#[derive(clap::Args)]
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
    /// The largest number of items to print; 0 means all
    #[arg(long, default_value_t = 10)]
    limit: usize,
    /// Print one JSON object a line: {"item": ..., "score": ...}
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    criteria: Criteria,
    #[command(flatten)]
    connection: ConnectionOptions,
}

/// Runs the subcommand.
pub fn run(options: &Options) -> Result<ExitCode> {
    let mut scope = Scope::open(&options.connection, &options.scope)?;
    options.criteria.read_definition(&mut scope)?; // for its errors
    let index = scope.choose_index(options.criteria.index.as_deref())?;
    let search = Search {
        criteria: &options.criteria,
        index,
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
        writeln!(out, "Nothing in '{}' is similar to it.", display::name(options.scope.as_bytes()))?;
    }
    Ok(ExitCode::SUCCESS)
}
