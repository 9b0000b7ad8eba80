//! Searching a scope for similar items, whether it is split or not.
//!
//! The search in a split scope is *scatter and gather*. The OVERLAP, the COVERAGE and the JACCARD of an
//! item depend only on that item and the query. So every part gives its own items their final scores, and
//! the best k of the whole scope are among the best k of each part: the lists of all parts, put together,
//! sorted and cut at k, are the answer that one big scope would give. (The lists are short, so they are
//! sorted and not merged through a heap.)
//!
//! Three things are odd:
//! - Only the part that holds an item can look it up. The other parts are asked with its profile: a blob
//!   from SIM.EXPORT, and SIM.CLASSIFY with PROFILE. Unlike SIM.COMPARE with NOSELF, that finds the item
//!   itself too, so each part is asked for one result more than needed.
//! - The server orders equal scores by observations, so each part is asked for these too (WITHCOUNTS). Items
//!   that are equal in both come first seen, first in one scope; no part knows when an item of another part
//!   was seen, so here by name.
//! - SIGNIFICANCE weighs a bucket by how rare it is in the whole index, which no part knows. It is
//!   refused for a split scope.

use crate::connection::Connection;
use crate::scope::Scope;
use crate::{Result, UsageError, display, server_error};
use redis::{Cmd, FromRedisValue, cmd};
use simile::index::{Definition, ScoreMode};
use std::ops::RangeInclusive;
use std::time::{SystemTime, UNIX_EPOCH};

/// Names of items with their scores and their observations.
pub type Matches = Vec<(Vec<u8>, f64, u64)>;

/// What a server answers, or the words in which it refuses to answer because that would cost too much.
pub type Answer<T> = std::result::Result<T, String>;

/// The options of every search.
#[derive(clap::Args)]
pub struct Criteria {
    /// Index of the scope to search; needed only if the scope has several
    #[arg(long)]
    pub index: Option<String>,
    /// The measure of similarity; default: the scope's own, its parameter SCORE
    #[arg(long, value_enum)]
    pub score: Option<Score>,
    /// The moment to ask about, in Unix seconds; default: now
    #[arg(long, value_name = "SECONDS")]
    pub timestamp: Option<u64>,
    /// Search only the last N intervals; default: all that the scope keeps
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
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
    /// The Jaccard similarity, estimated from sketches; only for a scope with a SKETCH
    Jaccard,
}

impl Score {
    /// The score that the server computes.
    pub fn mode(self) -> ScoreMode {
        match self {
            Score::Overlap => ScoreMode::Overlap,
            Score::Coverage => ScoreMode::Coverage,
            Score::Significance => ScoreMode::Significance,
            Score::Jaccard => ScoreMode::Jaccard,
        }
    }
}

/// Parses a score that results must have.
pub fn parse_min_score(text: &str) -> std::result::Result<f64, String> {
    match text.parse::<f64>() {
        Ok(score) if score.is_finite() && score >= 0.0 => Ok(score),
        _ => Err("must be a number, 0 or more".into()),
    }
}

impl Criteria {
    /// Checks that an item can have this score. The score by which the scope is searched is that of `definition`,
    /// if it is known already, or of the options, if they name one.
    ///
    /// # Errors
    /// [`UsageError`]: only SIGNIFICANCE is ever more than 1.
    pub fn check_min_score(&self, min_score: f64, definition: Option<&Definition>) -> Result<()> {
        let mode = definition.map(|definition| definition.score).or(self.score.map(Score::mode));
        match mode.filter(|mode| min_score > 1.0 && *mode != ScoreMode::Significance) {
            Some(mode) => {
                Err(UsageError(format!("--min-score {min_score}: by {} no score is above 1", mode.word()))
                    .into())
            }
            None => Ok(()),
        }
    }

    /// The definition of the scope, with the score of these searches in place of its own if one is given.
    ///
    /// # Errors
    /// The scope has no such score: JACCARD needs a sketch, SIGNIFICANCE needs the whole index, and the parts
    /// of a split scope must agree.
    pub fn read_definition(&self, scope: &mut Scope) -> Result<Definition> {
        let definitions: Vec<Definition> =
            scope.require_infos()?.into_iter().map(|info| info.definition).collect();
        let (first, others) = definitions.split_first().ok_or("the scope has no parts")?;
        let given = self.score.map(Score::mode);
        let may_differ = if given.is_some() { &["RETENTION", "SCORE"][..] } else { &["RETENTION"] };
        for (other, part) in others.iter().zip(&scope.parts[1..]) {
            if let Some((parameter, value, other_value)) = first.difference(other, may_differ) {
                let advice = match parameter {
                    "SCORE" => "choose one with --score, or give the parts the same one with SIM.ALTER",
                    _ => "the parts of a split scope must agree in it",
                };
                return Err(format!(
                    "'{}' has {parameter} {value}, and '{}' {other_value}: {advice}",
                    display::name(scope.parts[0].as_bytes()),
                    display::name(part.as_bytes())
                )
                .into());
            }
        }
        let score = given.unwrap_or(first.score);
        if score == ScoreMode::Significance && scope.parts.len() > 1 {
            let message = "SIGNIFICANCE weighs buckets by how rare they are in the whole index, and no part of a split \
                 scope knows that: choose --score overlap, coverage or jaccard";
            return Err(UsageError(message.into()).into());
        }
        if !score.is_possible_with(first.scheme.sketch) {
            return Err(format!(
                "--score jaccard compares sketches, and the scope '{}' keeps none: choose another score, or create a \
                 scope with SKETCH 256",
                display::name(scope.name.as_bytes())
            )
            .into());
        }
        Ok(Definition { score, ..*first })
    }

    /// Appends SCORE to a command, if it is given.
    pub fn add_score(&self, command: &mut Cmd) {
        if let Some(score) = self.score {
            command.arg("SCORE").arg(score.mode().word());
        }
    }

    /// The seconds of the window, for what is computed here from exported profiles.
    pub fn seconds(&self, definition: &Definition) -> Result<RangeInclusive<u64>> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        Ok(definition.seconds(self.timestamp.unwrap_or(now), self.window))
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
    /// The lowest score of a result.
    pub min_score: f64,
    /// The largest number of results; 0 means all.
    pub limit: usize,
    /// Only items whose names match this are results.
    pub pattern: Option<&'a str>,
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
        Ok(self.merge(lists.into_iter().flatten().collect()))
    }

    /// The items that are similar to an item, best first, without the item itself.
    ///
    /// # Errors
    /// The scope does not have the item, or the search would cost more than the server allows.
    pub fn compare(&self, scope: &mut Scope, item: &[u8]) -> Result<Matches> {
        let export = scope.export_command(&self.index, item);
        let blobs: Vec<Option<Vec<u8>>> = scope.server.ask(&export)?;
        if blobs.iter().all(Option::is_none) {
            return Err(format!(
                "the scope '{}' has no such item: {}",
                display::name(scope.name.as_bytes()),
                display::name(item)
            )
            .into());
        }
        let lists = self.find_similar(scope, &[item])?.pop().unwrap_or_else(|| Ok(Vec::new()))?;
        Ok(self.merge(lists))
    }

    /// The items that are similar to each of these items, without the item itself: for each, one list from
    /// every part. The lists are not merged; each may be one longer than `limit`.
    pub fn find_similar(&self, scope: &mut Scope, items: &[&[u8]]) -> Result<Vec<Answer<Vec<Matches>>>> {
        if scope.parts.len() > 1 {
            self.classify_profiles(scope, items)
        } else {
            self.compare_by_name(scope, items)
        }
    }

    /// [`Self::find_similar`] in a scope that is not split: the server looks the items up.
    fn compare_by_name(&self, scope: &mut Scope, items: &[&[u8]]) -> Result<Vec<Answer<Vec<Matches>>>> {
        let compare = |item: &&[u8]| {
            let mut command = cmd("SIM.COMPARE");
            command.arg(&scope.parts[0]).arg(item).arg(1).arg(&self.index).arg("NOSELF");
            self.add_options(&mut command);
            command
        };
        let commands: Vec<Cmd> = items.iter().map(compare).collect();
        ask_within_cost(&mut scope.server, &commands)
    }

    /// [`Self::find_similar`] in a split scope: every part is asked with the profiles of the items.
    fn classify_profiles(&self, scope: &mut Scope, items: &[&[u8]]) -> Result<Vec<Answer<Vec<Matches>>>> {
        // Phase 1: export the profiles. An item that has expired meanwhile has none, and finds nothing.
        let mut answers: Vec<Answer<Vec<Matches>>> = vec![Ok(Vec::new()); items.len()];
        let mut profiles: Vec<(usize, Vec<u8>)> = Vec::new();
        for (number, exported) in export_profiles(scope, &self.index, items)?.into_iter().enumerate() {
            match exported {
                Ok(blob) => profiles.extend(blob.map(|blob| (number, blob))),
                Err(refusal) => answers[number] = Err(refusal),
            }
        }
        // Phase 2: ask every part with every profile, one pipeline for each part, and drop the item itself
        // from its own results.
        for part in scope.parts.clone() {
            let classify = |(_, profile): &(usize, Vec<u8>)| {
                let mut command = self.command("SIM.CLASSIFY", &part);
                command.arg("PROFILE").arg(&self.index).arg(&profile[..]);
                command
            };
            let commands: Vec<Cmd> = profiles.iter().map(classify).collect();
            let replies: Vec<Answer<Vec<Matches>>> = ask_within_cost(&mut scope.server, &commands)?;
            for ((number, _), reply) in profiles.iter().zip(replies) {
                let answer = &mut answers[*number];
                match (answer.as_mut(), reply) {
                    (Ok(lists), Ok(mut found)) => {
                        found.iter_mut().for_each(|list| list.retain(|(item, ..)| item != items[*number]));
                        lists.extend(found);
                    }
                    (_, Err(refusal)) => *answer = Err(refusal),
                    (Err(_), Ok(_)) => {} // another part has refused
                }
            }
        }
        Ok(answers)
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
        command.arg("LIMIT").arg(limit).arg("MINSCORE").arg(self.min_score).arg("WITHCOUNTS");
        if let Some(pattern) = self.pattern {
            command.arg("MATCH").arg(pattern);
        }
        self.criteria.add_score(command);
        self.criteria.add_window(command);
    }

    /// Merges the lists of all parts into one and cuts it at the limit. The order is the server's, by score and
    /// then observations, both descending; what is equal in both comes by name.
    fn merge(&self, mut lists: Vec<Matches>) -> Matches {
        let mut merged = if lists.len() == 1 {
            lists.pop().unwrap_or_default() // already in order
        } else {
            let mut all = lists.concat();
            all.sort_by(|(item, score, count), (other, other_score, other_count)| {
                other_score.total_cmp(score).then(other_count.cmp(count)).then(item.cmp(other))
            });
            all
        };
        if self.limit > 0 {
            merged.truncate(self.limit);
        }
        merged
    }
}

/// The profile of each of these items, as SIM.EXPORT encodes it. `None` for an item that the scope does not have.
pub fn export_profiles(
    scope: &mut Scope,
    index: &[u8],
    items: &[&[u8]],
) -> Result<Vec<Answer<Option<Vec<u8>>>>> {
    let mut profiles: Vec<Answer<Option<Vec<u8>>>> = vec![Ok(None); items.len()];
    // One pipeline for each part.
    for part in 0..scope.parts.len() {
        let numbers: Vec<usize> =
            (0..items.len()).filter(|number| scope.part_of(items[*number]) == part).collect();
        let commands: Vec<Cmd> =
            numbers.iter().map(|number| scope.export_command(index, items[*number])).collect();
        let exported: Vec<Answer<Vec<Option<Vec<u8>>>>> = ask_within_cost(&mut scope.server, &commands)?;
        for (number, blobs) in numbers.into_iter().zip(exported) {
            profiles[number] = blobs.map(|blobs| blobs.into_iter().flatten().next());
        }
    }
    Ok(profiles)
}

/// Sends commands in one pipeline. Each of them may be refused because of its cost.
///
/// # Errors
/// Any other error reply.
fn ask_within_cost<T: FromRedisValue>(server: &mut Connection, commands: &[Cmd]) -> Result<Vec<Answer<T>>> {
    let replies = server.pipeline(commands)?;
    let parse = |reply| match server.parse_reply(reply) {
        Ok(reply) => Ok(Ok(reply)),
        Err(error) if server_error::is_over_cost(&error.to_string()) => Ok(Err(error.to_string())),
        Err(error) => Err(error),
    };
    replies.into_iter().map(parse).collect()
}
