//! `simile query`: what does this look like?

use crate::Result;
use crate::scope::Scope;
use crate::search::{self, Search};
use crate::server::Address;
use crate::show;
use serde_json::json;
use std::io::{Read, Write, stdin, stdout};
use std::process::ExitCode;

/// What does this text look like? Or: what is like this item?
#[derive(clap::Args)]
pub struct Options {
    /// Scope to ask
    scope: String,
    /// The text; read from standard input where neither it nor --item is given
    text: Option<String>,
    /// Ask for what is like this item, which was recorded before
    #[arg(long, value_name = "NAME", conflicts_with = "text")]
    item: Option<String>,
    /// At most so many items; 0 is all
    #[arg(long, default_value_t = 10)]
    limit: usize,
    /// One JSON object a line: {"item": ..., "score": ...}
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    search: search::Criteria,
    #[command(flatten)]
    address: Address,
}

/// Carries the subcommand out.
///
/// # Errors
/// The server cannot be reached, or refuses.
pub fn run(options: &Options) -> Result<ExitCode> {
    let mut scope = Scope::open(&options.address, &options.scope)?;
    options.search.check(&scope)?;
    let index = scope.index(options.search.index.as_deref())?;
    let search = Search { criteria: &options.search, index, limit: options.limit };
    let found = match (&options.item, &options.text) {
        (Some(item), _) => search.compare(&mut scope, item.as_bytes())?,
        (None, Some(text)) => search.classify(&mut scope, text.as_bytes())?,
        (None, None) => {
            let mut text = Vec::new();
            stdin().read_to_end(&mut text)?;
            search.classify(&mut scope, &text)?
        }
    };
    let mut out = stdout().lock();
    for (item, score) in &found {
        if options.json {
            writeln!(out, "{}", json!({ "item": show::json_name(item), "score": score }))?;
        } else {
            writeln!(out, "{score:<8.4}{}", show::name(item))?;
        }
    }
    if found.is_empty() && !options.json {
        writeln!(out, "Nothing in '{}' is like it.", options.scope)?;
    }
    Ok(ExitCode::SUCCESS)
}
