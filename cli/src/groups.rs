//! `simile groups`: which items are near-duplicates of each other?
//!
//! The groups are the connected components of a graph: the items are its nodes, and two items whose score
//! is at least `--min-score` are linked (*single-linkage clustering*, cut at that score). SIM.SCAN gives
//! all items, each is asked for the items similar to it, and [`UnionFind`] joins them. With `--linkage complete` the
//! same links are kept, and [`complete_linkage`](crate::complete_linkage) makes groups of them at the end.
//!
//! Memory holds the items that have a link (`--max-items` bounds them), one page of names and the replies
//! of one pipeline. An item without a link costs nothing, whatever the size of the scope.
//!
//! # Many similar items
//! Most items have few similar ones. Each is first asked for [`FIRST_LIMIT`]; only if that list is full is it
//! asked again without a limit. Among a great many copies of one text that must not happen for each copy, and
//! the list of even one of them may cost more than the server allows. So three things spare searches:
//!
//! 1. *Copies.* Items whose OVERLAP is 1 have the same profile, so every other item has the same OVERLAP with
//!    both: of those that a list shows, none is asked again.
//! 2. *Classes.* Two items find the same if they have the same frequencies and, with JACCARD, the same sketch.
//!    SIM.EXPORT gives both, without any search ([`Class`]). Only the first item of a class is asked without a
//!    limit; the others are linked with it, and not asked at all.
//! 3. *Both ends.* The server may refuse to list all that is similar to an item: it is then linked with its best
//!    [`FIRST_LIMIT`], and is *unresolved*. OVERLAP and JACCARD are symmetric, so a link is found if either of
//!    its ends is resolved. What is missing can only be a link between two unresolved items, and SIM.EXPLAIN
//!    scores these pair by pair: unless there are more than [`MAX_PAIRWISE`] of them, no link is missing.
//!
//! COVERAGE and SIGNIFICANCE are not symmetric, so with these an unresolved item may lack links. If links may be
//! missing, the tool says so at the end, and its exit status is [`INCOMPLETE`].

use crate::complete_linkage::Links;
use crate::connection::ConnectionOptions;
use crate::group_texts::TextOptions;
use crate::interrupt::StopNote;
use crate::progress::{Progress, ProgressOptions};
use crate::scope::Scope;
use crate::search::{self, Answer, Criteria, Matches, Search, export_profiles};
use crate::union_find::{Group, UnionFind};
use crate::{INCOMPLETE, Result, display, explain, server_error};
use clap::builder::RangedU64ValueParser;
use redis::cmd;
use serde_json::json;
use simile::index::{Blob, Definition, ScoreMode};
use std::collections::{BTreeSet, HashMap};
use std::io::{Write, stdout};
use std::process::ExitCode;

/// Items that one SIM.SCAN is asked for.
const ITEMS_PER_SCAN: usize = 1_000;
/// Searches sent in one pipeline.
const SEARCHES_PER_PIPELINE: usize = 32;
/// Results that a search is limited to at first.
const FIRST_LIMIT: usize = 100;
/// The largest number of unresolved items that are compared pair by pair: half a million pairs.
const MAX_PAIRWISE: usize = 1_000;

/// Which items are near-duplicates of each other?
///
/// Exits with 3 if links may be missing because the server's simile.max-postings did not allow to search for
/// them; says so on standard error.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// Scope to look through
    scope: String,
    /// The score from which on two items are linked: 1 for copies, 0.5 for half of all bands
    #[arg(long, value_name = "SCORE", value_parser = parse_min_score)]
    min_score: f64,
    /// Print one JSON object a line: {"items": [...], "weakest": ..., "strongest": ...}
    #[arg(long)]
    json: bool,
    /// The number of names to print for each group in the table
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    names: usize,
    /// Which items form a group
    #[arg(long, value_enum, default_value_t = Linkage::Single)]
    linkage: Linkage,
    /// Give up if more items than this have a link: each takes about 200 bytes of memory
    #[arg(long, value_name = "N", default_value_t = 10_000_000)]
    #[arg(value_parser = RangedU64ValueParser::<usize>::new().range(2..))]
    max_items: usize,
    /// With --linkage complete, give up if there are more links than this: each takes about 100 bytes of memory
    #[arg(long, value_name = "N", default_value_t = 20_000_000)]
    max_links: usize,
    /// The number of items to name for which links may be missing; all are counted
    #[arg(long, value_name = "N", default_value_t = 10)]
    show: usize,
    #[command(flatten)]
    texts: TextOptions,
    #[command(flatten)]
    progress: ProgressOptions,
    #[command(flatten)]
    criteria: Criteria,
}

/// What `--help` shows at its end.
const EXAMPLES: &str = "\
Examples:
  simile groups errors --min-score 0.8
  simile groups docs --min-score 1 --json          # copies only, for a program
  simile groups errors --min-score 0.5 --window 1  # only what was seen in the current interval";

fn parse_min_score(text: &str) -> std::result::Result<f64, String> {
    // Items that share nothing are not found at all: every pair that is found scores at least 0.
    search::parse_min_score(text)
        .ok()
        .filter(|score| *score > 0.0)
        .ok_or_else(|| "must be a number above 0".into())
}

/// What makes a group of linked items.
#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
enum Linkage {
    /// Each item is linked with some other one: a chain of items is one group, though its ends may have
    /// nothing in common
    Single,
    /// Every two items are linked: there are no chains
    Complete,
}

/// Runs the subcommand.
///
/// # Errors
/// Besides those of the server: more items have a link than memory is meant to hold.
pub fn run(options: &Options, connection: &ConnectionOptions) -> Result<ExitCode> {
    options.criteria.check_min_score(options.min_score, None)?;
    let mut scope = Scope::open(connection, &options.scope)?;
    let definition = options.criteria.read_definition(&mut scope)?;
    options.criteria.check_min_score(options.min_score, Some(&definition))?;
    let index = scope.choose_index(options.criteria.index.as_deref())?;
    let infos = scope.require_infos()?;
    let total = infos.iter().filter_map(|info| info.indexes.get(&index)).map(|index| index.items).sum();
    let mut progress = Progress::start(Some(total), &options.progress);
    let stop_note = StopNote::start(describe_stop(0, total), &progress)?;
    let mut grouping = Grouping {
        options,
        definition,
        index,
        items_scanned: 0,
        links: UnionFind::default(),
        pairs: (options.linkage == Linkage::Complete).then(Links::default),
        first_of_class: HashMap::new(),
        unresolved: BTreeSet::new(),
    };
    for part in 0..scope.parts.len() {
        grouping.scan_part(&mut scope, part, &mut progress, |scanned| {
            *stop_note.hold() = describe_stop(scanned, total);
        })?;
    }
    let is_complete = grouping.link_unresolved(&mut scope)?;
    progress.finish();
    let groups = match grouping.pairs {
        Some(pairs) => pairs.into_groups(),
        None => grouping.links.into_groups(),
    };
    let texts = options.texts.read(&groups)?;
    print_groups(options, grouping.items_scanned, &groups, &texts)?;
    if is_complete {
        return Ok(ExitCode::SUCCESS);
    }
    print_unresolved(&grouping.unresolved, options.show);
    Ok(ExitCode::from(INCOMPLETE))
}

/// Says which items may lack links.
fn print_unresolved(unresolved: &BTreeSet<Box<[u8]>>, show: usize) {
    eprintln!(
        "simile: LINKS MAY BE MISSING: to find all that is similar to {} (and to their copies) would cost more than \
         the server's simile.max-postings; each is linked with its best {FIRST_LIMIT}, and with all that find it. Raise \
         simile.max-postings or --min-score, and run the same command again",
        display::quantity(unresolved.len() as u64, "item")
    );
    for item in unresolved.iter().take(show) {
        eprintln!("simile: links may be missing: {}", display::name(item));
    }
    if unresolved.len() > show {
        eprintln!("simile: further items are counted but not shown (--show N shows more)");
    }
}

/// What Ctrl-C says. Groups are complete only at the end, so there is nothing to go on from.
fn describe_stop(scanned: u64, total: u64) -> String {
    format!(
        "stopped after {} of {}: there are no groups before the end, and nothing was changed. The same command \
         begins again; with a higher --min-score, or a --window, it takes less time",
        display::number(scanned),
        display::quantity(total, "item")
    )
}

/// What items have in common that find the same: 128 bits of a hash of it, which no two are expected to share by
/// chance.
type Class = u128;

/// The search for groups, while it goes through all items.
struct Grouping<'a> {
    options: &'a Options,
    /// The definition of the scope, with the score of the links.
    definition: Definition,
    index: Vec<u8>,
    /// Items scanned so far; SIM.SCAN may give an item several times, and then it counts several times.
    items_scanned: u64,
    links: UnionFind,
    /// For groups by complete linkage, each link.
    pairs: Option<Links>,
    /// The first item of each class whose members find many items.
    first_of_class: HashMap<Class, Box<[u8]>>,
    /// Items for which the server refused to search without a limit.
    unresolved: BTreeSet<Box<[u8]>>,
}

impl Grouping<'_> {
    /// Links every item of one part of the scope with all items of the scope that are similar to it.
    /// Calls `note_scanned` with the number of items scanned so far.
    fn scan_part(
        &mut self,
        scope: &mut Scope,
        part: usize,
        progress: &mut Progress,
        note_scanned: impl Fn(u64),
    ) -> Result<()> {
        let mut cursor = b"0".to_vec();
        loop {
            let mut scan = cmd("SIM.SCAN");
            scan.arg(&scope.parts[part]).arg(&self.index).arg(&cursor).arg("COUNT").arg(ITEMS_PER_SCAN);
            let (next_cursor, page): (Vec<u8>, Vec<(Vec<u8>, u64)>) = scope.server.ask(&scan)?;
            let items: Vec<&[u8]> = page.iter().map(|(item, _observations)| &item[..]).collect();
            for items in items.chunks(SEARCHES_PER_PIPELINE) {
                self.link_similar(scope, items)?;
                self.check_size()?;
                self.items_scanned += items.len() as u64;
                note_scanned(self.items_scanned);
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
        // Phase 1: the items of classes that are known find nothing new.
        let mut items: Vec<&[u8]> = items.iter().copied().filter(|item| !self.links.is_copy(item)).collect();
        if !self.first_of_class.is_empty() {
            let mut classes = self.find_classes(scope, &items)?.into_iter();
            items.retain(|item| !self.link_with_class(item, classes.next().flatten()));
        }
        // Phase 2: the best of each item, which nearly always are all.
        let mut full: Vec<(&[u8], Vec<Matches>)> = Vec::new();
        for (item, answer) in items.iter().zip(self.search(FIRST_LIMIT).find_similar(scope, &items)?) {
            match answer {
                Ok(lists) if lists.iter().all(|list| list.len() < FIRST_LIMIT) => self.link(item, &lists),
                // A list that is full may have been cut. A search that was refused has found nothing.
                answer => full.push((*item, answer.unwrap_or_default())),
            }
        }
        // Phase 3: all that is similar to the others. A copy was found by an item before it.
        full.retain(|(item, _)| !self.links.is_copy(item));
        let items: Vec<&[u8]> = full.iter().map(|(item, _)| *item).collect();
        let classes = self.find_classes(scope, &items)?;
        for ((item, best), class) in full.into_iter().zip(classes) {
            if self.links.is_copy(item) || self.link_with_class(item, class) {
                continue;
            }
            if let Some(class) = class {
                self.first_of_class.insert(class, item.into());
            }
            match self.search(0).find_similar(scope, &[item])?.pop() {
                Some(Ok(lists)) => self.link(item, &lists),
                _ => {
                    self.link(item, &best);
                    self.unresolved.insert(item.into());
                }
            }
        }
        Ok(())
    }

    /// The search for what is similar to an item.
    fn search(&self, limit: usize) -> Search<'_> {
        let Options { criteria, min_score, .. } = self.options;
        Search { criteria, index: self.index.clone(), min_score: *min_score, limit, pattern: None }
    }

    /// Links an item with the first one of its class. Returns false if the item is the first to be searched for.
    fn link_with_class(&mut self, item: &[u8], class: Option<Class>) -> bool {
        let Some(first) = class.and_then(|class| self.first_of_class.get(&class)) else { return false };
        // SIM.SCAN may give the first one again.
        if **first != *item {
            self.links.link(item, first, 1.0);
            self.pairs.iter_mut().for_each(|pairs| pairs.mark_equal(item, first));
        }
        true
    }

    /// The class of each of these items. `None` if it has none, and must be searched for.
    fn find_classes(&self, scope: &mut Scope, items: &[&[u8]]) -> Result<Vec<Option<Class>>> {
        if self.definition.score == ScoreMode::Significance {
            // Copies find the same, but may score too low to be linked with each other.
            return Ok(vec![None; items.len()]);
        }
        let profiles = export_profiles(scope, &self.index, items)?;
        profiles.into_iter().map(|profile| self.to_class(profile)).collect()
    }

    /// The class of an item, from its exported profile.
    fn to_class(&self, profile: Answer<Option<Vec<u8>>>) -> Result<Option<Class>> {
        let Ok(Some(blob)) = profile else { return Ok(None) };
        let blob = Blob::decode(&blob)?;
        let seconds = self.options.criteria.seconds(&self.definition)?;
        let profile = blob.profile(&seconds);
        // Frequencies: counts without their common divisor, so that it does not matter how often an item was seen.
        let divisor =
            profile.frequencies().iter().fold(0, |divisor, frequency| gcd(frequency.count, divisor));
        let sketch =
            blob.sketch(&seconds).filter(|_| self.definition.score == ScoreMode::Jaccard).unwrap_or_default();
        let mut content = [&sketch.len().to_le_bytes(), sketch].concat();
        for frequency in profile.by_band(self.definition.bands()).iter().flatten() {
            content.extend(frequency.band.to_le_bytes());
            content.extend((frequency.count / divisor).to_le_bytes());
            content.extend(frequency.bucket.len().to_le_bytes());
            content.extend(frequency.bucket);
        }
        let is_seen = !profile.is_empty();
        Ok(is_seen.then_some(murmur3::murmur3_x64_128(&mut &content[..], 0)?))
    }

    /// Links an item with what was found for it.
    fn link(&mut self, item: &[u8], lists: &[Matches]) {
        for (other, score, _) in lists.iter().flatten() {
            self.links.link(item, other, *score as f32);
            self.pairs.iter_mut().for_each(|pairs| pairs.link(item, other, *score as f32));
            // Both are in the same buckets, with the same frequencies.
            if *score >= 1.0 && self.definition.score == ScoreMode::Overlap {
                self.links.mark_copy(other);
                self.pairs.iter_mut().for_each(|pairs| pairs.mark_equal(other, item));
            }
        }
    }

    /// Checks that memory is meant to hold as many items as have a link.
    fn check_size(&self) -> Result<()> {
        let max_links = self.options.max_links;
        if self.pairs.as_ref().is_some_and(|pairs| pairs.len() > max_links) {
            return Err(format!(
                "there are more than {} links with a score of {} or more: raise --min-score, or --max-links if there is \
                 memory for them",
                display::number(max_links as u64),
                self.options.min_score
            )
            .into());
        }
        if self.links.len() <= self.options.max_items {
            return Ok(());
        }
        Err(format!(
            "more than {} items are similar to others with a score of {} or more: raise --min-score, or \
             --max-items if there is memory for them",
            display::number(self.options.max_items as u64),
            self.options.min_score
        )
        .into())
    }

    /// Links the unresolved items with each other. Returns false if links may be missing.
    fn link_unresolved(&mut self, scope: &mut Scope) -> Result<bool> {
        let is_symmetric = matches!(self.definition.score, ScoreMode::Overlap | ScoreMode::Jaccard);
        if !is_symmetric || self.unresolved.len() > MAX_PAIRWISE {
            return Ok(self.unresolved.is_empty());
        }
        let criteria = &self.options.criteria;
        let mut is_complete = true;
        for (number, item) in self.unresolved.iter().enumerate() {
            for other in self.unresolved.iter().take(number) {
                match explain::explain(criteria, &self.definition, scope, &self.index, [item, other]) {
                    // Items that share no bucket do not find each other, whatever JACCARD they have.
                    Ok(explanation) => {
                        let score = explanation.score.filter(|_| explanation.shared_bands() > 0);
                        if let Some(score) = score.filter(|score| *score >= self.options.min_score) {
                            self.links.link(item, other, score as f32);
                            self.pairs.iter_mut().for_each(|pairs| pairs.link(item, other, score as f32));
                        }
                    }
                    Err(error) if server_error::is_over_cost(&error.to_string()) => is_complete = false,
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(is_complete)
    }
}

/// The greatest common divisor, by Euclid's algorithm.
fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn print_groups(
    options: &Options,
    items_scanned: u64,
    groups: &[Group],
    texts: &[Option<String>],
) -> Result<()> {
    let mut out = stdout().lock();
    if options.json {
        for (Group { items, weakest, strongest }, text) in groups.iter().zip(texts) {
            let items: Vec<_> = items.iter().map(|item| display::json_name(item)).collect();
            let (weakest, strongest) = (shortest_decimal(*weakest), shortest_decimal(*strongest));
            let mut object = json!({ "items": items, "weakest": weakest, "strongest": strongest });
            if options.texts.are_given() {
                object["text"] = json!(text);
            }
            writeln!(out, "{object}")?;
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
    for (Group { items, weakest, strongest }, text) in groups.iter().zip(texts) {
        // The first name is in the line of the scores; each further one has a line of its own below it.
        let names = options.names;
        write!(out, "{:6}   {weakest:.2}-{strongest:.2}   ", items.len())?;
        for (number, item) in items.iter().take(names).enumerate() {
            let indent = if number == 0 { 0 } else { 21 };
            writeln!(out, "{:indent$}{}", "", display::short_name(item, 58))?;
        }
        if let Some(hidden @ 1..) = items.len().checked_sub(names) {
            writeln!(out, "{:21}... and {} more", "", display::number(hidden as u64))?;
        }
        if let Some(text) = text {
            let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
            writeln!(out, "{:21}\"{}\"", "", display::short_name(line.as_bytes(), 76))?;
        }
    }
    Ok(())
}

/// The double with the shortest decimal that rounds to this number. A plain conversion would turn 0.1 into
/// 0.10000000149011612.
fn shortest_decimal(score: f32) -> f64 {
    score.to_string().parse().unwrap_or(f64::from(score))
}
