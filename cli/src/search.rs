//! What is like this? One question for a whole scope and for one that is split by item.
//!
//! The OVERLAP and COVERAGE of an item depend on that item and the query alone. So a split scope is
//! asked part by part, and the sorted lists are merged: the answer is that of one big scope. A known
//! item travels as its profile (SIM.EXPORT), since only its own part knows it.

use crate::Result;
use crate::scope::Scope;
use redis::{Cmd, Value, cmd};
use std::collections::HashMap;

/// Items with their scores, best first.
pub type Found = Vec<(Vec<u8>, f64)>;

/// Options of every question.
#[derive(clap::Args)]
pub struct Criteria {
    /// Index of the scope to look at; needed only where there are several
    #[arg(long)]
    pub index: Option<String>,
    /// How alike is counted
    #[arg(long, value_enum, default_value_t = Score::Overlap)]
    pub score: Score,
    /// Only items of at least this score
    #[arg(long, value_name = "SCORE", default_value_t = 0.0, value_parser = at_least_zero)]
    pub min_score: f64,
    /// The moment to ask about, in Unix seconds; default: now
    #[arg(long, value_name = "SECONDS")]
    pub timestamp: Option<u64>,
    /// Look at the last N intervals only; default: all that the scope keeps
    #[arg(long, value_name = "N")]
    pub window: Option<u32>,
}

/// How a score is computed.
#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
pub enum Score {
    /// The share of bands with the same bucket, by how often each was seen there
    Overlap,
    /// How much of the query the item has ever seen
    Coverage,
    /// Weighs rare buckets more; not for a split scope
    Significance,
}

impl Score {
    /// The word of the commands.
    pub fn word(self) -> &'static str {
        match self {
            Score::Overlap => "OVERLAP",
            Score::Coverage => "COVERAGE",
            Score::Significance => "SIGNIFICANCE",
        }
    }
}

fn at_least_zero(text: &str) -> std::result::Result<f64, String> {
    match text.parse() {
        Ok(score) if score >= 0.0 => Ok(score),
        _ => Err("must be a number, 0 or more".into()),
    }
}

/// A question to the server, ready to be asked of one part after the other.
pub struct Search<'a> {
    pub criteria: &'a Criteria,
    pub index: Vec<u8>,
    /// How many results; 0 is all.
    pub limit: usize,
}

impl Criteria {
    /// Holds that the scope can be asked with these.
    ///
    /// # Errors
    /// The scope is split, and the score needs all of it.
    pub fn check(&self, scope: &Scope) -> Result<()> {
        match self.score {
            Score::Significance if scope.parts.len() > 1 => Err(
                "SIGNIFICANCE weighs by the whole index, and no part of a split scope knows it: choose --score \
                 overlap or --score coverage"
                    .into(),
            ),
            _ => Ok(()),
        }
    }

    /// TIMESTAMP and WINDOW, where they are given.
    pub fn when(&self, command: &mut Cmd) {
        if let Some(seconds) = self.timestamp {
            command.arg("TIMESTAMP").arg(seconds);
        }
        if let Some(intervals) = self.window {
            command.arg("WINDOW").arg(intervals);
        }
    }
}

impl Search<'_> {
    /// What is like a text.
    ///
    /// # Errors
    /// The server refuses.
    pub fn classify(&self, scope: &mut Scope, text: &[u8]) -> Result<Found> {
        let question = |part: &str| {
            let mut command = self.command("SIM.CLASSIFY", part);
            command.arg("TEXT").arg(&self.index).arg(text);
            command
        };
        let lists: Vec<Vec<Found>> = scope.ask_parts(question)?;
        self.merged(scope, lists.into_iter().flatten().collect())
    }

    /// What is like an item, without the item itself.
    ///
    /// # Errors
    /// The item is not there, or the server refuses.
    pub fn compare(&self, scope: &mut Scope, item: &[u8]) -> Result<Found> {
        let part = scope.part_of(item);
        let export = cmd("SIM.EXPORT").arg(&scope.parts[part]).arg(&self.index).arg(item).clone();
        let blobs: Vec<Option<Vec<u8>>> = scope.server.ask(&export)?;
        if blobs.iter().all(Option::is_none) {
            return Err(
                format!("the scope '{}' has no such item: {}", scope.name, crate::show::name(item)).into()
            );
        }
        let mut lists = self.like_items(scope, &[item])?;
        self.merged(scope, lists.pop().unwrap_or_default())
    }

    /// For each of these items, what is like it, without the item itself: a list from each part, not
    /// merged, each at most `limit` long.
    ///
    /// # Errors
    /// The server refuses.
    pub fn like_items(&self, scope: &mut Scope, items: &[&[u8]]) -> Result<Vec<Vec<Found>>> {
        if scope.parts.len() > 1 { self.like_profiles(scope, items) } else { self.compared(scope, items) }
    }

    /// In one part: it knows the items.
    fn compared(&self, scope: &mut Scope, items: &[&[u8]]) -> Result<Vec<Vec<Found>>> {
        let question = |item: &&[u8]| {
            let mut command = cmd("SIM.COMPARE");
            command.arg(&scope.parts[0]).arg(item).arg(1).arg(&self.index).arg("NOSELF");
            self.options(&mut command);
            command
        };
        let commands: Vec<Cmd> = items.iter().map(question).collect();
        scope.server.ask_each(&commands)
    }

    /// In several parts: each is asked with the profile that the item's own part gives.
    fn like_profiles(&self, scope: &mut Scope, items: &[&[u8]]) -> Result<Vec<Vec<Found>>> {
        let mut profiles: Vec<Option<Vec<u8>>> = vec![None; items.len()];
        for part in 0..scope.parts.len() {
            let own: Vec<usize> = (0..items.len()).filter(|n| scope.part_of(items[*n]) == part).collect();
            let export =
                |n: &usize| cmd("SIM.EXPORT").arg(&scope.parts[part]).arg(&self.index).arg(items[*n]).clone();
            let commands: Vec<Cmd> = own.iter().map(export).collect();
            let exported: Vec<Vec<Option<Vec<u8>>>> = scope.server.ask_each(&commands)?;
            for (n, blobs) in own.into_iter().zip(exported) {
                profiles[n] = blobs.into_iter().flatten().next();
            }
        }
        let mut lists = vec![Vec::new(); items.len()];
        let asked: Vec<usize> = (0..items.len()).filter(|n| profiles[*n].is_some()).collect();
        for part in scope.parts.clone() {
            let question = |n: &usize| {
                let mut command = self.command("SIM.CLASSIFY", &part);
                command.arg("PROFILE").arg(&self.index).arg(profiles[*n].as_deref().unwrap_or_default());
                command
            };
            let commands: Vec<Cmd> = asked.iter().map(question).collect();
            let found: Vec<Vec<Found>> = scope.server.ask_each(&commands)?;
            for (n, mut found) in asked.iter().zip(found) {
                found.iter_mut().for_each(|list| list.retain(|(item, _)| item != items[*n]));
                lists[*n].extend(found);
            }
        }
        Ok(lists)
    }

    fn command(&self, name: &str, part: &str) -> Cmd {
        let mut command = cmd(name);
        command.arg(part);
        self.options(&mut command);
        command
    }

    fn options(&self, command: &mut Cmd) {
        // A profile finds its own item too, which does not count.
        let limit = if self.limit == 0 { 0 } else { self.limit + 1 };
        command.arg("LIMIT").arg(limit).arg("MINSCORE").arg(self.criteria.min_score);
        command.arg("SCORE").arg(self.criteria.score.word());
        self.criteria.when(command);
    }

    /// One list of several, in the server's order: score, then observations, both descending, then name.
    fn merged(&self, scope: &mut Scope, mut lists: Vec<Found>) -> Result<Found> {
        let is_whole = lists.len() == 1;
        let mut all = match lists.pop() {
            Some(only) if is_whole => only,
            last => {
                let all: Found = lists.into_iter().chain(last).flatten().collect();
                self.sorted(scope, all)?
            }
        };
        if self.limit > 0 {
            all.truncate(self.limit);
        }
        Ok(all)
    }

    /// The observations of items of equal scores are asked for: the lists do not hold them.
    fn sorted(&self, scope: &mut Scope, mut all: Found) -> Result<Found> {
        let mut times_seen: HashMap<u64, usize> = HashMap::new();
        all.iter().for_each(|(_, score)| *times_seen.entry(score.to_bits()).or_default() += 1);
        let mut observations: HashMap<Vec<u8>, u64> = HashMap::new();
        for part in 0..scope.parts.len() {
            let is_tied = |(item, score): &&(Vec<u8>, f64)| {
                times_seen.get(&score.to_bits()).is_some_and(|times| *times > 1)
                    && scope.part_of(item) == part
            };
            let tied: Vec<&Vec<u8>> = all.iter().filter(is_tied).map(|(item, _)| item).collect();
            let explain = |item: &&Vec<u8>| {
                let mut command = cmd("SIM.EXPLAIN");
                command.arg(&scope.parts[part]).arg(&self.index).arg(item).arg(item);
                self.criteria.when(&mut command);
                command
            };
            let commands: Vec<Cmd> = tied.iter().map(explain).collect();
            let replies: Vec<HashMap<String, Value>> = scope.server.ask_each(&commands)?;
            for (item, reply) in tied.into_iter().zip(replies) {
                let counts: Vec<u64> = match reply.get("observations") {
                    Some(counts) => redis::from_redis_value_ref(counts)?,
                    None => Vec::new(),
                };
                observations.insert(item.clone(), counts.first().copied().unwrap_or_default());
            }
        }
        let observed = |item: &Vec<u8>| observations.get(item).copied().unwrap_or_default();
        all.sort_by(|(a, score_a), (b, score_b)| {
            let by_score = score_b.total_cmp(score_a);
            by_score.then_with(|| observed(b).cmp(&observed(a))).then_with(|| a.cmp(b))
        });
        Ok(all)
    }
}
