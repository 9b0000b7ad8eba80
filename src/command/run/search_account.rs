//! The account of a search: what it may cost, and what it did.

use super::stats;
use crate::command::error::Error;
use crate::config;
use crate::index::{Budget, TooManyPostings};
use crate::server::call::Call;
use std::time::Instant;

/// A search: what it may read, and the account of what it did, which is given when it goes.
pub struct SearchAccount<'c> {
    call: &'c Call<'c>,
    begin: Instant,
    had: u64,
    /// What it may cost: one budget for all clauses or indexes of a command.
    pub budget: Budget,
}

impl<'c> SearchAccount<'c> {
    /// Begins a search.
    pub fn begin(call: &'c Call<'c>) -> SearchAccount<'c> {
        let had = call.left();
        SearchAccount { call, begin: Instant::now(), had, budget: Budget::new(had) }
    }

    /// Why a search ended early.
    pub fn too_many(TooManyPostings { postings }: TooManyPostings) -> Error {
        Error::TooManyPostings { postings, limit: config::MAX_POSTINGS.size() }
    }
}

impl Drop for SearchAccount<'_> {
    fn drop(&mut self) {
        self.call.spend(self.had - self.budget.left);
        stats::add_search(&self.budget, self.begin.elapsed(), self.call.argument(0));
    }
}
