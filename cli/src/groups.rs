//! `simile groups`: which items are near-duplicates of each other?
//!
//! Every item is compared with all others, and those that reach the score are linked; a group is what
//! links join. Memory holds the items that have a link (`--max-items` bounds them), a page of names and
//! the replies to a few questions. Whatever the size of the scope, an item that is alone costs nothing.

use crate::Result;
use crate::progress::Progress;
use crate::scope::Scope;
use crate::search::{self, Score, Search};
use crate::server::Address;
use crate::show;
use crate::union_find::{Group, Groups};
use redis::cmd;
use serde_json::json;
use std::io::{Write, stdout};
use std::process::ExitCode;

/// Items asked for at a time.
const PAGE: usize = 1_000;
/// Questions sent together.
const BATCH: usize = 32;
/// Results of a question at first. An item that has more is asked for again, alone and for all of them.
const FIRST: usize = 100;

/// Which items are near-duplicates of each other?
#[derive(clap::Args)]
pub struct Options {
    /// Scope to look through
    scope: String,
    /// One JSON object a line: {"items": [...], "weakest": ..., "strongest": ...}
    #[arg(long)]
    json: bool,
    /// Names of each group in the table
    #[arg(long, default_value_t = 3)]
    names: usize,
    /// Give up where more items than this have a link: each takes about 200 bytes of memory
    #[arg(long, value_name = "N", default_value_t = 10_000_000)]
    max_items: usize,
    /// Seconds between reports where standard error is no terminal
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0)]
    report_every: f64,
    #[command(flatten)]
    search: search::Criteria,
    #[command(flatten)]
    address: Address,
}

/// Carries the subcommand out.
///
/// # Errors
/// The server cannot be reached, or refuses; or there are too many items to hold.
pub fn run(options: &Options) -> Result<ExitCode> {
    if options.search.min_score == 0.0 {
        return Err(
            "say how alike is alike with --min-score: 1 for copies, 0.5 for the half of all bands".into()
        );
    }
    let mut scope = Scope::open(&options.address, &options.scope)?;
    options.search.check(&scope)?;
    let index = scope.index(options.search.index.as_deref())?;
    let items = scope.existing()?.iter().filter_map(|info| info.items.get(&index)).sum();
    let mut progress = Progress::new(Some(items), options.report_every);
    let mut walk = Walk { options, index, asked: 0, groups: Groups::default() };
    for part in 0..scope.parts.len() {
        walk.part(&mut scope, part, &mut progress)?;
    }
    progress.finish();
    print(options, walk.asked, walk.groups.into_sorted())?;
    Ok(ExitCode::SUCCESS)
}

/// A walk over all items.
struct Walk<'a> {
    options: &'a Options,
    index: Vec<u8>,
    /// Items seen so far, each as often as SIM.SCAN gave it.
    asked: u64,
    groups: Groups,
}

impl Walk<'_> {
    fn part(&mut self, scope: &mut Scope, part: usize, progress: &mut Progress) -> Result<()> {
        let mut cursor = b"0".to_vec();
        loop {
            let scan = cmd("SIM.SCAN")
                .arg(&scope.parts[part])
                .arg(&self.index)
                .arg(&cursor)
                .arg("COUNT")
                .arg(PAGE)
                .clone();
            let (next, found): (Vec<u8>, Vec<(Vec<u8>, u64)>) = scope.server.ask(&scan)?;
            let items: Vec<&[u8]> = found.iter().map(|(item, _)| &item[..]).collect();
            for items in items.chunks(BATCH) {
                self.ask(scope, items)?;
                self.asked += items.len() as u64;
                let found = self.groups.len() as u64;
                progress.at(self.asked, || {
                    format!("{} items, {} have a like", show::number(self.asked), show::number(found))
                });
            }
            if next == b"0" {
                return Ok(());
            }
            cursor = next;
        }
    }

    /// Links each of these items with all that is like it.
    fn ask(&mut self, scope: &mut Scope, items: &[&[u8]]) -> Result<()> {
        let items: Vec<&[u8]> = items.iter().copied().filter(|item| !self.groups.is_copy(item)).collect();
        let search = |limit| Search { criteria: &self.options.search, index: self.index.clone(), limit };
        let (first, all) = (search(FIRST), search(0));
        for (item, mut lists) in items.iter().zip(first.like_items(scope, &items)?) {
            if lists.iter().any(|list| list.len() >= FIRST) && !self.groups.is_copy(item) {
                lists = all.like_items(scope, &[item])?.pop().unwrap_or_default();
            }
            for (other, score) in lists.iter().flatten() {
                self.groups.link(item, other, *score as f32);
                // An OVERLAP of 1: both were seen in the same buckets equally often, so that all
                // others score the same with both.
                if *score >= 1.0 && self.options.search.score == Score::Overlap {
                    self.groups.set_copy(other);
                }
            }
            if self.groups.len() > self.options.max_items {
                return Err(format!(
                    "more than {} items have a like of {} or more: raise --min-score, or --max-items if there is memory",
                    show::number(self.options.max_items as u64),
                    self.options.search.min_score
                )
                .into());
            }
        }
        Ok(())
    }
}

fn print(options: &Options, asked: u64, groups: Vec<Group>) -> Result<()> {
    let mut out = stdout().lock();
    if options.json {
        for Group { items, weakest, strongest } in groups {
            let items: Vec<_> = items.iter().map(|item| show::json_name(item)).collect();
            writeln!(
                out,
                "{}",
                json!({ "items": items, "weakest": shortest(weakest), "strongest": shortest(strongest) })
            )?;
        }
        return Ok(());
    }
    let alike: usize = groups.iter().map(|group| group.items.len()).sum();
    let (seen, found) = (show::count(asked, "item"), show::count(groups.len() as u64, "group"));
    writeln!(out, "{seen} seen: {} in {found}.", show::number(alike as u64))?;
    if !groups.is_empty() {
        writeln!(out, "\n items   scores      which")?;
    }
    for Group { items, weakest, strongest } in groups {
        write!(out, "{:6}   {weakest:.2}-{strongest:.2}   ", items.len())?;
        for (n, item) in items.iter().take(options.names.max(1)).enumerate() {
            writeln!(out, "{:indent$}{}", "", show::short(item, 58), indent = if n == 0 { 0 } else { 21 })?;
        }
        if let Some(more @ 1..) = items.len().checked_sub(options.names.max(1)) {
            writeln!(out, "{:21}... and {} more", "", show::number(more as u64))?;
        }
    }
    Ok(())
}

/// The shortest decimal that is this number: as a double 0.1 would be 0.10000000149011612.
fn shortest(score: f32) -> f64 {
    score.to_string().parse().unwrap_or(f64::from(score))
}
