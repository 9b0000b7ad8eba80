//! Searching and replying: what CLASSIFY and COMPARE do once their queries are known.

use super::search_account::SearchAccount;
use crate::command::error::Error;
use crate::command::parse::query::{DEFAULT_LIMIT, QueryOptions, max_results};
use crate::index::{Definition, IndexQuery, Match, ScoreMode, SearchOptions, combine, search};
use crate::keyspace::scope::Scope;
use crate::server::call::Call;
use smallvec::SmallVec;

/// What makes every search smaller.
pub const MORE_ROWS: &str = "create the scope with more ROWS";

/// The score that a command asks for, or else that of the scope.
///
/// # Errors
/// JACCARD, and the scope keeps no sketches.
pub fn scope_score(definition: &Definition, asked: Option<ScoreMode>) -> Result<ScoreMode, Error> {
    let score = asked.unwrap_or(definition.score);
    if score.is_possible_with(definition.scheme.sketch) { Ok(score) } else { Err(Error::NoSketch) }
}

impl QueryOptions {
    /// Searches each query's index, and replies: with a list of results for each query or, with
    /// COMBINE, one list for all. `exclude_self` leaves out the item that the queries are the profiles
    /// of.
    pub fn search_and_reply<'q>(
        &self,
        call: &Call,
        scope: &Scope,
        queries: impl Iterator<Item = IndexQuery<'q>>,
        exclude_self: bool,
    ) -> Result<(), Error> {
        self.check_min_bands(scope)?;
        let queries: SmallVec<[IndexQuery; 2]> =
            queries.enumerate().map(|(at, query)| query.with_min_bands(self.min_bands(at))).collect();
        let options = SearchOptions {
            mode: scope_score(&scope.definition, self.score)?,
            limit: max_results(self.limit),
            min_score: self.min_score,
            exclude_self,
            pattern: self.pattern.as_ref(),
        };
        let mut account = SearchAccount::begin(call);
        let remedies = self.remedies(&queries, &scope.definition);
        if self.combine.is_some() {
            let results = combine(&queries, &options, &mut account.budget);
            let results = results.map_err(|error| account.error(error, &remedies))?;
            self.reply_combined(call, &results);
        } else {
            // A search may fail, and an error must not follow half a reply: so all searches come first.
            let mut lists: SmallVec<[Vec<Match>; 2]> = SmallVec::new();
            for query in &queries {
                let list = search(query, &options, &mut account.budget);
                lists.push(list.map_err(|error| account.error(error, &remedies))?);
            }
            self.reply(call, &lists);
        }
        Ok(())
    }

    /// What makes a search smaller and was not done yet.
    fn remedies(&self, queries: &[IndexQuery], definition: &Definition) -> SmallVec<[&'static str; 5]> {
        let has_chunks_to_leave_out =
            self.window.intervals.is_none() && queries.iter().any(|query| query.chunk_count() > 1);
        let remedies = [
            (self.limit == Some(0), "set a LIMIT"),
            (self.limit.is_some_and(|limit| limit > DEFAULT_LIMIT), "lower the LIMIT"),
            (has_chunks_to_leave_out, "set a WINDOW"),
            (self.min_score.is_none(), "set a MINSCORE"),
            (definition.scheme.rows < *Definition::ROWS.end() as u16, MORE_ROWS),
        ];
        remedies.iter().filter(|(is_left, _)| *is_left).map(|(_, remedy)| *remedy).collect()
    }

    /// Replies that there are no results, because there is no scope; `queries` is their number.
    pub fn reply_nothing(&self, call: &Call, queries: usize) {
        if self.combine.is_some() {
            self.reply_combined(call, &[]);
        } else {
            call.reply_array(queries);
            (0..queries).for_each(|_| call.reply_array(0));
        }
    }

    /// Checks that no MINBANDS is above the scope's BANDS.
    fn check_min_bands(&self, scope: &Scope) -> Result<(), Error> {
        let bands = scope.definition.bands();
        if self.min_bands.iter().any(|min_bands| *min_bands > bands) {
            return Err(Error::expected("MINBANDS", format!("between 1 and {bands}, the scope's BANDS")));
        }
        Ok(())
    }

    /// Replies with a list of items and scores for each query.
    fn reply(&self, call: &Call, lists: &[Vec<Match>]) {
        call.reply_array(lists.len());
        for list in lists {
            call.reply_array(list.len());
            for result in list {
                call.reply_array(2 + self.count_fields());
                call.reply_bytes(result.item);
                call.reply_double(result.score);
                self.reply_count(call, result);
            }
        }
    }

    /// Replies with one list of items, their combined scores, and their scores in each index: null in an index
    /// that does not have the item.
    fn reply_combined(&self, call: &Call, list: &[Match]) {
        call.reply_array(list.len());
        for result in list {
            call.reply_array(3 + self.count_fields());
            call.reply_bytes(result.item);
            call.reply_double(result.score);
            call.reply_array(result.index_scores.len());
            for score in &result.index_scores {
                score.map_or_else(|| call.reply_null(), |score| call.reply_double(score));
            }
            self.reply_count(call, result);
        }
    }

    /// The number of fields that WITHCOUNTS adds to a result.
    fn count_fields(&self) -> usize {
        usize::from(self.with_counts.is_some())
    }

    /// Replies with an item's observations, if WITHCOUNTS is given.
    fn reply_count(&self, call: &Call, result: &Match) {
        if self.with_counts.is_some() {
            call.reply_integer(result.observations);
        }
    }
}
