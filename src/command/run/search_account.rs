//! The account of a search: gives it a budget, and charges the command for it afterwards.
//!
//! Searching is a part of the core, which knows nothing of commands. So a search gets a budget of its own,
//! with all that is left of the command's. When the account is dropped, the part that was used is charged
//! to the command and counted in INFO. This also happens if the search gave up.

use super::{cost, stats};
use crate::command::error::Error;
use crate::config;
use crate::index::{Budget, TooManyPostings};
use crate::server::call::Call;
use std::time::Instant;

/// The account of a search.
pub struct SearchAccount<'c> {
    call: &'c Call<'c>,
    begin: Instant,
    /// The budget of the search at its beginning, in postings.
    granted: u64,
    /// The budget of the search: one for all clauses or indexes of a command.
    pub budget: Budget,
}

impl<'c> SearchAccount<'c> {
    /// Opens the account, with what is left of the command's budget.
    pub fn begin(call: &'c Call<'c>) -> SearchAccount<'c> {
        let granted = call.budget_left();
        SearchAccount { call, begin: Instant::now(), granted, budget: Budget::new(granted) }
    }

    /// The error of a search that would use up its budget, with what the caller can still do about it.
    pub fn error(&self, TooManyPostings { postings }: TooManyPostings, remedies: &[&str]) -> Error {
        let remedies = [remedies, &["raise the limit"]].concat();
        Error::SearchOverBudget {
            cost: cost::cost_with(self.budget.left, postings),
            limit: config::MAX_POSTINGS.size(),
            remedies: remedies.join(", or "),
        }
    }
}

impl Drop for SearchAccount<'_> {
    fn drop(&mut self) {
        // Always covered: the search had no more than was left.
        self.call.spend(self.granted - self.budget.left);
        stats::add_search(&self.budget, self.begin.elapsed(), self.call.argument(0));
    }
}
