//! Searching a scope for similar items, whether it is split or not.
//!
//! The search in a split scope is *scatter and gather*. The OVERLAP and the COVERAGE of an item depend
//! only on that item and the query. So every part gives its own items their final scores, and the best
//! k of the whole scope are among the best k of each part: the lists of all parts, put together, sorted
//! and cut at k, are the answer that one big scope would give. (The lists are short, so they are sorted
//! and not merged through a heap.)
//!
//! Three things are odd:
//! - Only the part that holds an item can look it up. The other parts are asked with its profile: a blob
//!   from SIM.EXPORT, and SIM.CLASSIFY with PROFILE. Unlike SIM.COMPARE with NOSELF, that finds the item
//!   itself too, so each part is asked for one result more than needed.
//! - The server orders equal scores by observations, and replies do not contain these. They are asked for
//!   when there are ties, with SIM.EXPLAIN of the item and itself.
//! - SIGNIFICANCE weighs a bucket by how rare it is in the whole index, which no part knows. It is
//!   refused for a split scope.

use crate::scope::Scope;
use crate::{Result, display};
use redis::{Cmd, Value, cmd};
use std::collections::HashMap;

/// Names of items with their scores.
pub type Matches = Vec<(Vec<u8>, f64)>;

/// The options of every search.
#[derive(clap::Args)]
pub struct Criteria {
    /// Index of the scope to search; needed only if the scope has several
    #[arg(long)]
    pub index: Option<String>,
    /// The measure of similarity
    #[arg(long, value_enum, default_value_t = Score::Overlap)]
    pub score: Score,
    /// Only items with at least this score
    #[arg(long, value_name = "SCORE", default_value_t = 0.0, value_parser = parse_min_score)]
    pub min_score: f64,
    /// The moment to ask about, in Unix seconds; default: now
    #[arg(long, value_name = "SECONDS")]
    pub timestamp: Option<u64>,
    /// Search only the last N intervals; default: all that the scope keeps
    #[arg(long, value_name = "N")]
    pub window: Option<u32>,
}

/// The ways to compute a score.
#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
pub enum Score {
    /// The agreement of both items' frequencies, averaged over bands
    Overlap,
    /// The share of the query's observations in buckets that the item has been seen in
    Coverage,
    /// Weighs rare buckets more; not for a split scope
    Significance,
}

impl Score {
    /// The word for it in the server's commands.
    pub fn word(self) -> &'static str {
        match self {
            Score::Overlap => "OVERLAP",
            Score::Coverage => "COVERAGE",
            Score::Significance => "SIGNIFICANCE",
        }
    }
}

fn parse_min_score(text: &str) -> std::result::Result<f64, String> {
    match text.parse() {
        Ok(score) if score >= 0.0 => Ok(score),
        _ => Err("must be a number, 0 or more".into()),
    }
}

impl Criteria {
    /// Checks that the scope can be searched with these options.
    ///
    /// # Errors
    /// The scope is split, and the score needs the whole index.
    pub fn check(&self, scope: &Scope) -> Result<()> {
        match self.score {
            Score::Significance if scope.parts.len() > 1 => Err(
                "SIGNIFICANCE weighs buckets by how rare they are in the whole index, and no part of a split \
                     scope knows that: choose --score overlap or --score coverage"
                    .into(),
            ),
            _ => Ok(()),
        }
    }

    /// Appends TIMESTAMP and WINDOW to a command, if they are given.
    pub fn add_window(&self, command: &mut Cmd) {
        if let Some(seconds) = self.timestamp {
            command.arg("TIMESTAMP").arg(seconds);
        }
        if let Some(intervals) = self.window {
            command.arg("WINDOW").arg(intervals);
        }
    }
}

/// A search for the items that are most similar to a text or to another item.
pub struct Search<'a> {
    pub criteria: &'a Criteria,
    pub index: Vec<u8>,
    /// The largest number of results; 0 means all.
    pub limit: usize,
}

impl Search<'_> {
    /// The items that are similar to a text, best first.
    pub fn classify(&self, scope: &mut Scope, text: &[u8]) -> Result<Matches> {
        let classify = |part: &str| {
            let mut command = self.command("SIM.CLASSIFY", part);
            command.arg("TEXT").arg(&self.index).arg(text);
            command
        };
        // A reply has one list for each index that was asked for: here, one.
        let lists: Vec<Vec<Matches>> = scope.ask_parts(classify)?;
        self.merge(scope, lists.into_iter().flatten().collect())
    }

    /// The items that are similar to an item, best first, without the item itself.
    ///
    /// # Errors
    /// The scope does not have the item.
    pub fn compare(&self, scope: &mut Scope, item: &[u8]) -> Result<Matches> {
        let export = scope.export_command(&self.index, item);
        let blobs: Vec<Option<Vec<u8>>> = scope.server.ask(&export)?;
        if blobs.iter().all(Option::is_none) {
            return Err(
                format!("the scope '{}' has no such item: {}", scope.name, display::name(item)).into()
            );
        }
        let mut lists = self.find_similar(scope, &[item])?;
        self.merge(scope, lists.pop().unwrap_or_default())
    }

    /// The items that are similar to each of these items, without the item itself: for each, one list from
    /// every part. The lists are not merged; each may be one longer than `limit`.
    pub fn find_similar(&self, scope: &mut Scope, items: &[&[u8]]) -> Result<Vec<Vec<Matches>>> {
        if scope.parts.len() > 1 {
            self.classify_profiles(scope, items)
        } else {
            self.compare_by_name(scope, items)
        }
    }

    /// [`Self::find_similar`] in a scope that is not split: the server looks the items up.
    fn compare_by_name(&self, scope: &mut Scope, items: &[&[u8]]) -> Result<Vec<Vec<Matches>>> {
        let compare = |item: &&[u8]| {
            let mut command = cmd("SIM.COMPARE");
            command.arg(&scope.parts[0]).arg(item).arg(1).arg(&self.index).arg("NOSELF");
            self.add_options(&mut command);
            command
        };
        let commands: Vec<Cmd> = items.iter().map(compare).collect();
        scope.server.ask_all(&commands)
    }

    /// [`Self::find_similar`] in a split scope: every part is asked with the profiles of the items.
    fn classify_profiles(&self, scope: &mut Scope, items: &[&[u8]]) -> Result<Vec<Vec<Matches>>> {
        // Phase 1: export each item's profile from its own part, one pipeline for each part. An item that
        // has expired meanwhile has none, and finds nothing.
        let mut profiles: Vec<Option<Vec<u8>>> = vec![None; items.len()];
        for part in 0..scope.parts.len() {
            let numbers: Vec<usize> =
                (0..items.len()).filter(|number| scope.part_of(items[*number]) == part).collect();
            let export = |number: &usize| scope.export_command(&self.index, items[*number]);
            let commands: Vec<Cmd> = numbers.iter().map(export).collect();
            let exported: Vec<Vec<Option<Vec<u8>>>> = scope.server.ask_all(&commands)?;
            for (number, blobs) in numbers.into_iter().zip(exported) {
                profiles[number] = blobs.into_iter().flatten().next();
            }
        }
        // Phase 2: ask every part with every profile, again one pipeline for each part, and drop the item
        // itself from its own results.
        let mut lists_by_item = vec![Vec::new(); items.len()];
        let with_profile: Vec<usize> =
            (0..items.len()).filter(|number| profiles[*number].is_some()).collect();
        for part in scope.parts.clone() {
            let classify = |number: &usize| {
                let mut command = self.command("SIM.CLASSIFY", &part);
                command.arg("PROFILE").arg(&self.index).arg(profiles[*number].as_deref().unwrap_or_default());
                command
            };
            let commands: Vec<Cmd> = with_profile.iter().map(classify).collect();
            let replies: Vec<Vec<Matches>> = scope.server.ask_all(&commands)?;
            for (number, mut lists) in with_profile.iter().zip(replies) {
                lists.iter_mut().for_each(|list| list.retain(|(item, _)| item != items[*number]));
                lists_by_item[*number].extend(lists);
            }
        }
        Ok(lists_by_item)
    }

    fn command(&self, name: &str, part: &str) -> Cmd {
        let mut command = cmd(name);
        command.arg(part);
        self.add_options(&mut command);
        command
    }

    fn add_options(&self, command: &mut Cmd) {
        // One more than needed: a profile also finds its own item, which is dropped.
        let limit = if self.limit == 0 { 0 } else { self.limit + 1 };
        command.arg("LIMIT").arg(limit).arg("MINSCORE").arg(self.criteria.min_score);
        command.arg("SCORE").arg(self.criteria.score.word());
        self.criteria.add_window(command);
    }

    /// Merges the lists of all parts into one, in the server's order, and cuts it at the limit.
    fn merge(&self, scope: &mut Scope, mut lists: Vec<Matches>) -> Result<Matches> {
        let mut merged = if lists.len() == 1 {
            lists.pop().unwrap_or_default() // already in order
        } else {
            self.sort(scope, lists.into_iter().flatten().collect())?
        };
        if self.limit > 0 {
            merged.truncate(self.limit);
        }
        Ok(merged)
    }

    /// Sorts matches of several parts as the server does: by score and then observations, both descending,
    /// and then by name.
    fn sort(&self, scope: &mut Scope, mut matches: Matches) -> Result<Matches> {
        let mut score_counts: HashMap<u64, usize> = HashMap::new();
        for (_, score) in &matches {
            *score_counts.entry(score.to_bits()).or_default() += 1;
        }
        let is_tied = |score: &f64| score_counts.get(&score.to_bits()).is_some_and(|count| *count > 1);
        // Ask each part for the observations of its tied items. SIM.EXPLAIN gives those of two items: both
        // are the same one here.
        let mut observations: HashMap<Vec<u8>, u64> = HashMap::new();
        for part in 0..scope.parts.len() {
            let in_part = matches.iter().filter(|(item, _)| scope.part_of(item) == part);
            let tied: Vec<&Vec<u8>> =
                in_part.filter(|(_, score)| is_tied(score)).map(|(item, _)| item).collect();
            let explain = |item: &&Vec<u8>| {
                let mut command = cmd("SIM.EXPLAIN");
                command.arg(&scope.parts[part]).arg(&self.index).arg(item).arg(item);
                self.criteria.add_window(&mut command);
                command
            };
            let commands: Vec<Cmd> = tied.iter().map(explain).collect();
            let replies: Vec<HashMap<String, Value>> = scope.server.ask_all(&commands)?;
            for (item, reply) in tied.into_iter().zip(replies) {
                let counts: Vec<u64> = match reply.get("observations") {
                    Some(counts) => redis::from_redis_value_ref(counts)?,
                    None => Vec::new(),
                };
                observations.insert(item.clone(), counts.first().copied().unwrap_or_default());
            }
        }
        let observations_of = |item: &Vec<u8>| observations.get(item).copied().unwrap_or_default();
        matches.sort_by(|(a, score_a), (b, score_b)| {
            let by_score = score_b.total_cmp(score_a);
            by_score.then_with(|| observations_of(b).cmp(&observations_of(a))).then_with(|| a.cmp(b))
        });
        Ok(matches)
    }
}
