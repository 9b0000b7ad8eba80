//! What is done with each record of an input: it is recorded, or assigned to a group.
//!
//! [`crate::load`] reads the input, sends it in batches and saves its position; an action says with which command and
//! which words, and what becomes of the replies.
//!
//! # Replacing
//! A corrected file is to leave the scope as a load of only this file would: an item that has several records in it
//! has the observations of all of them, and nothing else. So only the first record of an item replaces (REPLACE), and
//! the others add. The items that were replaced are remembered here, by a hash of 128 bits, and within a batch by the
//! script. A run that was stopped is not continued but begins again, with the same result. REPLACE deletes only in the
//! indexes that the command names, so a record names all that the options map: an index for which it has nothing
//! gets a clause without any feature.

use crate::Result;
use crate::assign::AssignmentOutput;
use crate::display;
use crate::saved_positions::{
    BLOCK_RECORDS, BatchCommand, Outcome, PendingRecord, SavedPositions, StartMode,
};
use crate::scope::Scope;
use crate::source::{Clause, FieldOptions, Observation};
use serde_json::{Value as Json, json};
use std::collections::HashSet;

/// The most records in a batch of assignments. Each is a search, and the server does nothing else meanwhile.
const MAX_ASSIGNMENTS: u64 = 32;

/// How recording a record changes what the scope has of its item.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change {
    /// An observation is added.
    Add,
    /// An observation is added if the item is new.
    AddOnce,
    /// The observations of the input take the place of those that the scope has.
    Replace,
}

/// What is done with each record.
pub enum Action<'a> {
    Record {
        change: Change,
        fields: &'a FieldOptions,
        /// The hashes of the items that were replaced.
        replaced: HashSet<u128>,
    },
    Assign(AssignmentOutput),
}

/// The words of a summary.
pub struct ReportWords {
    /// What was done with a record.
    pub done: &'static str,
    /// What was not done with one that failed.
    pub failed: &'static str,
}

impl<'a> Action<'a> {
    /// Records each record.
    pub fn record(change: Change, fields: &'a FieldOptions) -> Action<'a> {
        Action::Record { change, fields, replaced: HashSet::new() }
    }

    /// The command that a record is sent with.
    pub fn command(&self) -> BatchCommand {
        match self {
            Action::Record { .. } => BatchCommand::Record,
            Action::Assign(_) => BatchCommand::Assign,
        }
    }

    pub fn max_batch_records(&self) -> u64 {
        match self {
            Action::Record { .. } => BLOCK_RECORDS,
            Action::Assign(_) => MAX_ASSIGNMENTS,
        }
    }

    /// Where a run begins, unless the user says so.
    pub fn start_mode(&self) -> StartMode {
        match self {
            Action::Record { change: Change::Replace, .. } => StartMode::Restart,
            Action::Record { change: Change::AddOnce, .. } => StartMode::ContinueOrRestart,
            _ => StartMode::Continue,
        }
    }

    /// Checks that this can be done in a scope.
    ///
    /// # Errors
    /// The scope is split: SIM.ASSIGN searches and records in one step, and each part knows only its own groups.
    pub fn check_scope(&self, scope: &Scope) -> Result<()> {
        match self {
            Action::Assign(_) => scope.require_whole("SIM.ASSIGN"),
            Action::Record { .. } => Ok(()),
        }
    }

    /// The options of the command for an observation, and the clauses to add to it.
    pub fn words(&self, observation: &Observation) -> (Vec<Vec<u8>>, Vec<Vec<Vec<u8>>>) {
        match self {
            Action::Record { change: Change::Add, .. } => (Vec::new(), Vec::new()),
            Action::Record { change: Change::AddOnce, .. } => (vec![b"NX".to_vec()], Vec::new()),
            Action::Record { change: Change::Replace, fields, replaced } => {
                match replaced.contains(&hash_of(&observation.item)) {
                    true => (Vec::new(), Vec::new()),
                    false => (vec![b"REPLACE".to_vec()], empty_clauses(fields, observation)),
                }
            }
            Action::Assign(output) => (output.words(), Vec::new()),
        }
    }

    /// Notes what became of a record.
    ///
    /// # Errors
    /// It cannot be printed.
    pub fn note(&mut self, (end, words): &PendingRecord, outcome: &Outcome) -> Result<()> {
        let Some(item) = words.first() else { return Ok(()) };
        match self {
            Action::Record { change: Change::Replace, replaced, .. } => {
                if !matches!(outcome, Outcome::Refused(_)) {
                    replaced.insert(hash_of(item));
                }
            }
            Action::Record { .. } => {}
            Action::Assign(output) => match outcome {
                Outcome::Assigned(choice) => output.print(end.records, item, Some(choice))?,
                Outcome::Empty => output.print(end.records, item, None)?,
                _ => {}
            },
        }
        Ok(())
    }

    /// Prints what an earlier run has done and may not have printed.
    pub fn print_left_over(&mut self, scope: &mut Scope, positions: &SavedPositions) -> Result<()> {
        let Action::Assign(output) = self else { return Ok(()) };
        for (number, item, choice) in positions.read_unprinted(scope)? {
            output.print(number, &item, choice.as_ref())?;
        }
        output.flush()
    }

    /// Passes on what was printed to the reader of the output.
    pub fn flush(&mut self) -> Result<()> {
        match self {
            Action::Assign(output) => output.flush(),
            Action::Record { .. } => Ok(()),
        }
    }

    /// True if there is something to print, and all of it is printed.
    pub fn is_printed(&self) -> bool {
        matches!(self, Action::Assign(output) if output.is_flushed())
    }

    /// True if standard output has what the records became.
    pub fn has_output(&self) -> bool {
        matches!(self, Action::Assign(_))
    }

    pub fn report_words(&self) -> ReportWords {
        match self {
            Action::Record { .. } => ReportWords { done: "recorded", failed: "NOT LOADED" },
            Action::Assign(_) => ReportWords { done: "assigned", failed: "NOT ASSIGNED" },
        }
    }

    /// Adds to a summary in JSON what only this action counts.
    pub fn add_to_summary(&self, summary: &mut Json, known: u64, new_groups: u64) {
        match self {
            Action::Record { change: Change::AddOnce, .. } => summary["known"] = json!(known),
            Action::Record { .. } => {}
            Action::Assign(_) => summary["new_groups"] = json!(new_groups),
        }
    }

    /// What only this action counts: `, 7 were there already`.
    pub fn describe_counts(&self, known: u64, new_groups: u64) -> String {
        match self {
            Action::Record { change: Change::AddOnce, .. } => {
                format!(", {} there already", display::number(known))
            }
            Action::Record { .. } => String::new(),
            Action::Assign(_) => format!(", {}", display::quantity(new_groups, "new group")),
        }
    }
}

/// A clause without any feature for each index that the options map and the observation has nothing for.
fn empty_clauses(fields: &FieldOptions, observation: &Observation) -> Vec<Vec<Vec<u8>>> {
    let mut named: HashSet<String> = observation.clauses.iter().map(|clause| clause.index().into()).collect();
    let texts = fields.texts().map(|(index, _)| Clause::Text { index, text: String::new() });
    let features = fields.feature_sets().map(|(index, _)| Clause::Features { index, features: Vec::new() });
    let clauses = texts.chain(features).filter(|clause| named.insert(clause.index().into()));
    clauses.map(|clause| clause.to_words()).collect()
}

/// A hash of an item's name that no two items are expected to share by chance.
fn hash_of(item: &[u8]) -> u128 {
    murmur3::murmur3_x64_128(&mut &*item, 0).unwrap_or_default() // reading memory cannot fail
}
