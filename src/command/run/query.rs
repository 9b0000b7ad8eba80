//! SearchAccount and replying: what CLASSIFY and COMPARE do once their queries are known.

use super::search_account::SearchAccount;
use crate::command::error::Error;
use crate::command::parse::query::{QueryOptions, limit};
use crate::index::{IndexQuery, Match, SearchOptions, combine, search};
use crate::keyspace::scope::Scope;
use crate::server::call::Call;
use smallvec::SmallVec;

impl QueryOptions {
    /// Holds that MINBANDS fits the scope.
    fn check_bands(&self, scope: &Scope) -> Result<(), Error> {
        let bands = scope.definition.bands();
        let fits = self.min_bands.iter().flatten().all(|least| *least <= bands);
        if fits {
            Ok(())
        } else {
            Err(Error::Expected("MINBANDS", format!("between 1 and {bands}, the scope's BANDS")))
        }
    }

    /// Searches each part, and replies. `exclude_self`: the item that asks is not to be found.
    ///
    /// # Errors
    /// The query would read too much.
    pub fn search_and_reply<'p>(
        &self,
        call: &Call,
        scope: &Scope,
        parts: impl Iterator<Item = IndexQuery<'p>>,
        exclude_self: bool,
    ) -> Result<(), Error> {
        self.check_bands(scope)?;
        let parts = parts.enumerate().map(|(number, part)| part.with_min_bands(self.min_bands(number)));
        let parts: SmallVec<[IndexQuery; 2]> = parts.collect();
        let wanted = SearchOptions {
            mode: self.score.unwrap_or_default(),
            limit: limit(self.limit),
            min_score: self.min_score,
            exclude_self,
        };
        let mut searching = SearchAccount::begin(call);
        let budget = &mut searching.budget;
        if self.combine.is_some() {
            let found = combine(&parts, &wanted, budget).map_err(SearchAccount::too_many)?;
            reply_combined(call, &found);
        } else {
            let searched =
                parts.iter().map(|part| search(part, &wanted, budget).map_err(SearchAccount::too_many));
            reply(call, &searched.collect::<Result<SmallVec<[_; 2]>, _>>()?);
        }
        Ok(())
    }

    /// The reply where there is no scope: nothing is found, in each of so many parts.
    pub fn reply_nothing(&self, call: &Call, parts: usize) {
        if self.combine.is_some() {
            reply_combined(call, &[]);
        } else {
            call.reply_array(parts);
            (0..parts).for_each(|_| call.reply_array(0));
        }
    }
}

fn reply(call: &Call, lists: &[Vec<Match>]) {
    call.reply_array(lists.len());
    for list in lists {
        call.reply_array(list.len());
        for found in list {
            call.reply_array(2);
            call.reply_bytes(found.item);
            call.reply_double(found.score);
        }
    }
}

fn reply_combined(call: &Call, list: &[Match]) {
    call.reply_array(list.len());
    for found in list {
        call.reply_array(3);
        call.reply_bytes(found.item);
        call.reply_double(found.score);
        call.reply_array(found.index_scores.len());
        for part in &found.index_scores {
            part.map_or_else(|| call.reply_null(), |score| call.reply_double(score));
        }
    }
}
