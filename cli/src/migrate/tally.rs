//! The counts of what a migration found and did, and their summary.

use super::Options;
use crate::{Result, display};
use serde_json::{Value as Json, json};
use simile::index::Definition;
use std::collections::BTreeSet;
use std::io::{Write, stdout};

/// The counts of a migration. An *entry* is an item in an index during an interval.
#[derive(Default)]
pub struct Tally {
    /// Entries to which observations were added (in a dry run: would be added).
    pub added: u64,
    /// The observations that were added.
    pub observations: u64,
    /// Entries that the scope had already.
    pub already_there: u64,
    /// Entries that have expired.
    pub expired: u64,
    /// Entries whose expiry at Sentry does not agree with interval and retention.
    pub odd_expiries: u64,
    /// The indexes found, by their names in the scope.
    pub indexes: BTreeSet<Vec<u8>>,
    /// The first second of the oldest interval.
    pub oldest: Option<u64>,
    /// The first second of the newest interval.
    pub newest: Option<u64>,
}

impl Tally {
    /// Counts an entry to which these observations were added.
    pub fn count_added(&mut self, observations: u64) {
        self.added += 1;
        self.observations += observations;
    }

    /// Counts the index and the interval of an entry.
    pub fn note_entry(&mut self, index: &[u8], interval_start: u64) {
        self.indexes.insert(index.to_vec());
        self.oldest = Some(self.oldest.map_or(interval_start, |oldest| oldest.min(interval_start)));
        self.newest = Some(self.newest.map_or(interval_start, |newest| newest.max(interval_start)));
    }

    fn index_names(&self) -> Vec<String> {
        self.indexes.iter().map(|index| display::name(index)).collect()
    }

    /// The summary for programs.
    pub fn to_json(&self, options: &Options, definition: Option<&Definition>, failed: u64) -> Json {
        json!({
            "dry_run": options.dry_run, "added": self.added, "observations": self.observations,
            "there": self.already_there, "expired": self.expired, "failed": failed,
            "odd_expiries": self.odd_expiries, "indexes": self.index_names(),
            "bands": definition.map(Definition::bands), "oldest": self.oldest, "newest": self.newest,
        })
    }

    /// Prints the summary for humans.
    pub fn print(&self, options: &Options, definition: &Definition, failed: u64) -> Result<()> {
        let mut out = stdout().lock();
        let indexes = self.index_names().join(", ");
        let indexes = if indexes.is_empty() { "none" } else { &indexes };
        writeln!(out, "{} bands; indexes: {indexes}.", definition.bands())?;
        if let (Some(oldest), Some(newest)) = (self.oldest, self.newest) {
            writeln!(out, "Intervals from {oldest} to {newest} (Unix seconds of their beginnings).")?;
        }
        let added = if options.dry_run { "would be added" } else { "added" };
        let added = format!(
            "{added} to '{}': {}",
            options.scope,
            display::quantity(self.observations, "observation")
        );
        let failed_words = if failed > 0 { "NOT CARRIED OVER" } else { "failed" };
        writeln!(out, "Entries (an item in an index during an interval):")?;
        for (count, words) in [
            (self.added, added.as_str()),
            (self.already_there, "already there"),
            (self.expired, "expired"),
            (failed, failed_words),
        ] {
            writeln!(out, "{:>12} {words}", display::number(count))?;
        }
        if self.odd_expiries > 0 {
            writeln!(
                out,
                "The expiry of {} of them does not agree with --interval {} --retention {}: is that how Sentry was \
                 configured? Scores depend on it.",
                display::number(self.odd_expiries),
                options.interval,
                options.retention
            )?;
        }
        Ok(())
    }
}
