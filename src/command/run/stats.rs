//! The section `simile` of INFO: what the module holds, and what its commands have done since it was
//! loaded.

use crate::index::Budget;
use crate::keyspace::totals::Totals;
use crate::server::call;
use crate::server::info::Section;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

// Commands run one at a time, so that adding needs no atomic operation of its own.
static SEARCHES: AtomicU64 = AtomicU64::new(0);
static POSTINGS_READ: AtomicU64 = AtomicU64::new(0);
static POSTINGS_SKIPPED: AtomicU64 = AtomicU64::new(0);
static SLOWEST: AtomicU64 = AtomicU64::new(0);
/// The command that the slowest search belonged to.
static SLOWEST_COMMAND: Mutex<String> = Mutex::new(String::new());

/// Writes the section.
pub fn write(section: &Section) {
    let of = |number: &AtomicU64| number.load(Ordering::Relaxed);
    let totals = Totals::now();
    section.word(c"version", env!("CARGO_PKG_VERSION"));
    section.number(c"scopes", totals.scopes);
    section.number(c"chunks", totals.chunks);
    section.number(c"items", totals.items);
    section.number(c"observations", totals.observations);
    section.number(c"bytes", totals.bytes);
    section.number(c"commands", call::carried_out());
    section.number(c"searches", of(&SEARCHES));
    section.number(c"postings_read", of(&POSTINGS_READ));
    section.number(c"postings_skipped", of(&POSTINGS_SKIPPED));
    section.number(c"slowest_search_usec", of(&SLOWEST));
    if let Ok(command) = SLOWEST_COMMAND.try_lock() {
        section.word(c"slowest_search_command", &command);
    }
}

/// Adds a search to the account: what it read, how long it took, and the word that named its command.
pub fn add_search(budget: &Budget, elapsed: Duration, command: &[u8]) {
    let add = |to: &AtomicU64, more: u64| {
        to.store(to.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
    };
    add(&SEARCHES, 1);
    add(&POSTINGS_READ, budget.read);
    add(&POSTINGS_SKIPPED, budget.skipped);
    let took = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
    if took > SLOWEST.load(Ordering::Relaxed) {
        SLOWEST.store(took, Ordering::Relaxed);
        // The server found the command by this word, so it is plain.
        let name = String::from_utf8_lossy(command).to_ascii_uppercase();
        *SLOWEST_COMMAND.lock().unwrap_or_else(PoisonError::into_inner) = name;
    }
}
