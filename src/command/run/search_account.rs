//! The account of a search: its budget while it runs, and what it adds to the command's costs and to
//! INFO.
//!
//! The search is a part of the core, which knows no command. So it gets a budget of its own, with all
//! that is left of the command's, and what it used is settled when the account is dropped: also if it
//! ended early.

use super::stats;
use crate::command::error::Error;
use crate::config;
use crate::index::{Budget, TooManyPostings};
use crate::server::call::Call;
use std::time::Instant;

/// The account of a search.
pub struct SearchAccount<'c> {
    call: &'c Call<'c>,
    begin: Instant,
    /// The budget that the search began with.
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

    /// The error of a search that used up its budget.
    pub fn too_many(TooManyPostings { postings }: TooManyPostings) -> Error {
        Error::TooManyPostings { postings, limit: config::MAX_POSTINGS.size() }
    }
}

impl Drop for SearchAccount<'_> {
    fn drop(&mut self) {
        self.call.spend(self.granted - self.budget.left);
        stats::add_search(&self.budget, self.begin.elapsed(), self.call.argument(0));
    }
}
