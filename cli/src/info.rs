//! `simile info`: what a scope is, and what its indexes hold.

use crate::connection::ConnectionOptions;
use crate::scope::{Scope, describe_missing};
use crate::scope_info::{IndexInfo, ScopeInfo};
use crate::{INCOMPLETE, Result, display};
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;
use std::io::{Write, stdout};
use std::process::ExitCode;

/// What a scope is, and what its indexes hold.
///
/// An item that was seen in several intervals counts once for each. Exits with 3 if a part of a split scope is
/// missing.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// Scope to describe
    scope: String,
    /// Print one JSON object: {"scope": ..., "parts": [...]}
    #[arg(long)]
    json: bool,
}

/// What `--help` shows at its end.
const EXAMPLES: &str = "\
Examples:
  simile info errors
  simile --cluster 4 info errors --json";

/// The columns of the table after the names of the part and the index.
const COLUMNS: [&str; 7] = ["items", "observations", "buckets", "chunks", "memory", "oldest", "newest"];

/// The parts of a scope, each with what SIM.INFO says about it; `None` for a part that does not exist.
type Parts = Vec<(String, Option<ScopeInfo>)>;

/// Runs the subcommand.
///
/// # Errors
/// Besides those of the server: no part of the scope exists.
pub fn run(options: &Options, connection: &ConnectionOptions) -> Result<ExitCode> {
    let mut scope = Scope::open(connection, &options.scope)?;
    let infos = scope.read_infos()?;
    if infos.iter().all(Option::is_none) {
        return Err(describe_missing(&scope.parts[0]).into());
    }
    let parts: Parts = scope.parts.into_iter().zip(infos).collect();
    if options.json {
        print_json(&options.scope, &parts)?;
    } else {
        print_table(&options.scope, &parts)?;
    }
    let is_complete = parts.iter().all(|(_, info)| info.is_some());
    Ok(if is_complete { ExitCode::SUCCESS } else { ExitCode::from(INCOMPLETE) })
}

fn print_json(scope: &str, parts: &Parts) -> Result<()> {
    let index_json = |(index, held): (&Vec<u8>, &IndexInfo)| {
        let IndexInfo { chunks, items, buckets, observations, bytes, oldest, newest } = held;
        json!({
            "index": display::json_name(index), "items": items, "observations": observations, "buckets": buckets,
            "chunks": chunks, "bytes": bytes, "oldest": oldest, "newest": newest,
        })
    };
    let part_json = |(part, info): &(String, Option<ScopeInfo>)| match info {
        None => json!({ "part": part, "exists": false }),
        Some(info) => json!({
            "part": part, "exists": true, "uid": info.uid, "parameters": parameters_json(info),
            "meets": info.meets, "indexes": info.indexes.iter().map(index_json).collect::<Vec<_>>(),
        }),
    };
    let parts: Vec<Json> = parts.iter().map(part_json).collect();
    Ok(writeln!(stdout(), "{}", json!({ "scope": scope, "parts": parts }))?)
}

/// The parameters of SIM.CREATE by their names, in lower case; numbers as numbers.
fn parameters_json(info: &ScopeInfo) -> Json {
    let parameters = info.definition.parameters().into_iter().map(|(name, value)| {
        let value = value.parse::<u64>().map_or_else(|_| json!(value), |number| json!(number));
        (name.to_ascii_lowercase(), value)
    });
    Json::Object(parameters.collect::<Map<_, _>>())
}

fn print_table(scope: &str, parts: &Parts) -> Result<()> {
    let mut out = stdout().lock();
    // Phase 1: the definition, and where the parts disagree about it.
    let existing: Vec<(&String, &ScopeInfo)> =
        parts.iter().filter_map(|(part, info)| Some((part, info.as_ref()?))).collect();
    let Some((_, first)) = existing.first() else { return Ok(()) };
    let in_parts = if parts.len() > 1 { format!(", in {} parts", parts.len()) } else { String::new() };
    writeln!(out, "Scope '{}'{in_parts}:", display::printable(scope))?;
    writeln!(out, "  {}", describe_definition(first))?;
    for (part, info) in &existing[1..] {
        if info.definition != first.definition {
            writeln!(out, "  but '{}': {}", display::printable(part), describe_definition(info))?;
        }
    }
    for (part, _) in parts.iter().filter(|(_, info)| info.is_none()) {
        writeln!(out, "  MISSING: '{}'", display::printable(part))?;
    }
    writeln!(out, "Two sets as similar as {:.3} share a bucket with the probability RECALL.", first.meets)?;
    // Phase 2: the indexes. Those of a split scope are summed over the parts.
    let mut totals: BTreeMap<&Vec<u8>, IndexInfo> = BTreeMap::new();
    for (index, held) in existing.iter().flat_map(|(_, info)| &info.indexes) {
        totals.entry(index).and_modify(|total| total.add(held)).or_insert(*held);
    }
    if totals.is_empty() {
        writeln!(out, "\nIt holds no observations.")?;
        return Ok(());
    }
    let mut table = Table::new();
    table.load_preset(NOTHING);
    table.set_header(["index"].into_iter().chain(COLUMNS));
    for (index, total) in totals {
        table.add_row([display::short_name(index, 40)].into_iter().chain(cells(&total)));
    }
    if parts.len() > 1 {
        for (part, info) in &existing {
            let mut sum = info.indexes.values().copied();
            let first = sum.next().unwrap_or_default();
            let sum = sum.fold(first, |mut sum, held| {
                sum.add(&held);
                sum
            });
            table.add_row(
                [format!("in {}", display::short_name(part.as_bytes(), 37))].into_iter().chain(cells(&sum)),
            );
        }
    }
    for (number, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        column.set_cell_alignment(if number == 0 { CellAlignment::Left } else { CellAlignment::Right });
    }
    Ok(writeln!(out, "\n{}", table.trim_fmt())?)
}

/// The definition, in the words of SIM.CREATE.
fn describe_definition(info: &ScopeInfo) -> String {
    let words: Vec<String> =
        info.definition.parameters().into_iter().map(|(name, value)| format!("{name} {value}")).collect();
    words.join(" ")
}

fn cells(held: &IndexInfo) -> [String; COLUMNS.len()] {
    let IndexInfo { chunks, items, buckets, observations, bytes, oldest, newest } = *held;
    let [items, observations, buckets, chunks] = [items, observations, buckets, chunks].map(display::number);
    [items, observations, buckets, chunks, display::size(bytes), oldest.to_string(), newest.to_string()]
}
