//! `simile groups`: which items are near-duplicates of each other?
//!
//! The groups are the connected components of a graph: the items are its nodes, and two items whose score
//! is at least `--min-score` are linked (*single-linkage clustering*, cut at that score). SIM.SCAN gives
//! all items, each is asked for the items similar to it, and [`UnionFind`] joins them.
//!
//! Memory holds the items that have a link (`--max-items` bounds them), one page of names and the replies
//! of one pipeline. An item without a link costs nothing, whatever the size of the scope.
//!
//! Two things save time:
//! - Exact copies (an OVERLAP of 1) have the same score with every other item, so only the first item of
//!   a set of copies is asked for.
//! - Most items have few similar ones. Each is first asked for [`FIRST_LIMIT`]; only if a list is that
//!   long is it asked again without a limit.

use crate::connection::ConnectionOptions;
use crate::progress::{Progress, ProgressOptions};
use crate::scope::Scope;
use crate::search::{Criteria, Score, Search};
use crate::union_find::{Group, UnionFind};
use crate::{Result, display};
use redis::cmd;
use serde_json::json;
use std::io::{Write, stdout};
use std::process::ExitCode;

/// Items that one SIM.SCAN is asked for.
const ITEMS_PER_SCAN: usize = 1_000;
/// Searches sent in one pipeline.
const SEARCHES_PER_PIPELINE: usize = 32;
/// Results that a search is limited to at first.
const FIRST_LIMIT: usize = 100;

/// Which items are near-duplicates of each other?
#[derive(clap::Args)]
pub struct Options {
    /// Scope to look through
    scope: String,
    /// Print one JSON object a line: {"items": [...], "weakest": ..., "strongest": ...}
    #[arg(long)]
    json: bool,
    /// The number of names to print for each group in the table
    #[arg(long, default_value_t = 3)]
    names: usize,
    /// Give up if more items than this have a link: each takes about 200 bytes of memory
    #[arg(long, value_name = "N", default_value_t = 10_000_000)]
    max_items: usize,
    #[command(flatten)]
    progress: ProgressOptions,
    #[command(flatten)]
    criteria: Criteria,
    #[command(flatten)]
    connection: ConnectionOptions,
}

/// Runs the subcommand.
///
/// # Errors
/// Besides those of the server: more items have a link than memory is meant to hold.
pub fn run(options: &Options) -> Result<ExitCode> {
    if options.criteria.min_score == 0.0 {
        return Err(
            "say with --min-score how similar the items of a group are: 1 for copies, 0.5 for half of \
                    all bands"
                .into(),
        );
    }
    let mut scope = Scope::open(&options.connection, &options.scope)?;
    options.criteria.check(&scope)?;
    let index = scope.choose_index(options.criteria.index.as_deref())?;
    let total = scope.require_infos()?.iter().filter_map(|info| info.items_by_index.get(&index)).sum();
    let mut progress = Progress::start(Some(total), &options.progress);
    let mut grouping = Grouping { options, index, items_scanned: 0, links: UnionFind::default() };
    for part in 0..scope.parts.len() {
        grouping.scan_part(&mut scope, part, &mut progress)?;
    }
    progress.finish();
    print_groups(options, grouping.items_scanned, grouping.links.into_groups())?;
    Ok(ExitCode::SUCCESS)
}

/// The search for groups, while it goes through all items.
struct Grouping<'a> {
    options: &'a Options,
    index: Vec<u8>,
    /// Items scanned so far; SIM.SCAN may give an item several times, and then it counts several times.
    items_scanned: u64,
    links: UnionFind,
}

impl Grouping<'_> {
    /// Links every item of one part of the scope with all items of the scope that are similar to it.
    fn scan_part(&mut self, scope: &mut Scope, part: usize, progress: &mut Progress) -> Result<()> {
        let mut cursor = b"0".to_vec();
        loop {
            let mut scan = cmd("SIM.SCAN");
            scan.arg(&scope.parts[part]).arg(&self.index).arg(&cursor).arg("COUNT").arg(ITEMS_PER_SCAN);
            let (next_cursor, page): (Vec<u8>, Vec<(Vec<u8>, u64)>) = scope.server.ask(&scan)?;
            let items: Vec<&[u8]> = page.iter().map(|(item, _observations)| &item[..]).collect();
            for items in items.chunks(SEARCHES_PER_PIPELINE) {
                self.link_similar(scope, items)?;
                self.items_scanned += items.len() as u64;
                let linked = self.links.len() as u64;
                progress.report(self.items_scanned, || {
                    let scanned = display::quantity(self.items_scanned, "item");
                    format!("{scanned} scanned, {} similar to others", display::number(linked))
                });
            }
            if next_cursor == b"0" {
                return Ok(());
            }
            cursor = next_cursor;
        }
    }

    /// Links each of these items with all items that are similar to it.
    fn link_similar(&mut self, scope: &mut Scope, items: &[&[u8]]) -> Result<()> {
        let criteria = &self.options.criteria;
        let search = |limit| Search { criteria, index: self.index.clone(), limit };
        let (first_search, full_search) = (search(FIRST_LIMIT), search(0));
        let items: Vec<&[u8]> = items.iter().copied().filter(|item| !self.links.is_copy(item)).collect();
        for (item, mut lists) in items.iter().zip(first_search.find_similar(scope, &items)?) {
            // A full list may have been cut. The item may have been marked as a copy since the pipeline
            // was sent: then its other links are known, and the full search is not needed.
            if lists.iter().any(|list| list.len() >= FIRST_LIMIT) && !self.links.is_copy(item) {
                lists = full_search.find_similar(scope, &[item])?.pop().unwrap_or_default();
            }
            for (other, score) in lists.iter().flatten() {
                self.links.link(item, other, *score as f32);
                // An OVERLAP of 1: both are in the same buckets, with the same frequencies, so that every
                // other item has the same score with both.
                if *score >= 1.0 && criteria.score == Score::Overlap {
                    self.links.mark_copy(other);
                }
            }
            if self.links.len() > self.options.max_items {
                return Err(format!(
                    "more than {} items are similar to others with a score of {} or more: raise --min-score, or \
                     --max-items if there is memory for them",
                    display::number(self.options.max_items as u64),
                    criteria.min_score
                )
                .into());
            }
        }
        Ok(())
    }
}

fn print_groups(options: &Options, items_scanned: u64, groups: Vec<Group>) -> Result<()> {
    let mut out = stdout().lock();
    if options.json {
        for Group { items, weakest, strongest } in groups {
            let items: Vec<_> = items.iter().map(|item| display::json_name(item)).collect();
            let (weakest, strongest) = (shortest_decimal(weakest), shortest_decimal(strongest));
            writeln!(out, "{}", json!({ "items": items, "weakest": weakest, "strongest": strongest }))?;
        }
        return Ok(());
    }
    let grouped: usize = groups.iter().map(|group| group.items.len()).sum();
    let scanned = display::quantity(items_scanned, "item");
    let group_count = display::quantity(groups.len() as u64, "group");
    writeln!(out, "{scanned} scanned: {} in {group_count}.", display::number(grouped as u64))?;
    if !groups.is_empty() {
        writeln!(out, "\n items   scores      which")?;
    }
    for Group { items, weakest, strongest } in groups {
        // The first name is in the line of the scores; each further one has a line of its own below it.
        let names = options.names.max(1);
        write!(out, "{:6}   {weakest:.2}-{strongest:.2}   ", items.len())?;
        for (number, item) in items.iter().take(names).enumerate() {
            let indent = if number == 0 { 0 } else { 21 };
            writeln!(out, "{:indent$}{}", "", display::short_name(item, 58))?;
        }
        if let Some(hidden @ 1..) = items.len().checked_sub(names) {
            writeln!(out, "{:21}... and {} more", "", display::number(hidden as u64))?;
        }
    }
    Ok(())
}

/// The double with the shortest decimal that rounds to this number. A plain conversion would turn 0.1 into
/// 0.10000000149011612.
fn shortest_decimal(score: f32) -> f64 {
    score.to_string().parse().unwrap_or(f64::from(score))
}
