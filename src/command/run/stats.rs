//! The section `simile` of INFO: totals over the module's values, and counters of its commands since it was
//! loaded.

use crate::index::Budget;
use crate::keyspace::totals::Totals;
use crate::server::call;
use crate::server::info::Section;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

// Atomics because statics must be, not because of threads: commands run one at a time, so a load and a
// store add up without a slower fetch_add.
static SEARCHES: AtomicU64 = AtomicU64::new(0);
static POSTINGS_READ: AtomicU64 = AtomicU64::new(0);
static POSTINGS_SKIPPED: AtomicU64 = AtomicU64::new(0);
static SLOWEST: AtomicU64 = AtomicU64::new(0);
/// The command of the slowest search.
static SLOWEST_COMMAND: Mutex<String> = Mutex::new(String::new());

/// Writes the section.
pub fn write(section: &Section) {
    let value = |number: &AtomicU64| number.load(Ordering::Relaxed);
    let totals = Totals::now();
    section.word(c"version", env!("CARGO_PKG_VERSION"));
    section.number(c"scopes", totals.scopes);
    section.number(c"chunks", totals.chunks);
    section.number(c"items", totals.items);
    section.number(c"observations", totals.observations);
    section.number(c"bytes", totals.bytes);
    section.number(c"commands", call::command_count());
    section.number(c"searches", value(&SEARCHES));
    section.number(c"postings_read", value(&POSTINGS_READ));
    section.number(c"postings_skipped", value(&POSTINGS_SKIPPED));
    section.number(c"slowest_search_usec", value(&SLOWEST));
    // INFO also runs when the server crashes, perhaps inside `add_search`: never wait for the lock.
    if let Ok(command) = SLOWEST_COMMAND.try_lock() {
        section.word(c"slowest_search_command", &command);
    }
}

/// Counts a search: the postings that it read, its time, and the name of the command, as the client wrote
/// it.
pub fn add_search(budget: &Budget, elapsed: Duration, command: &[u8]) {
    let add = |total: &AtomicU64, number: u64| {
        total.store(total.load(Ordering::Relaxed).wrapping_add(number), Ordering::Relaxed);
    };
    add(&SEARCHES, 1);
    add(&POSTINGS_READ, budget.read);
    add(&POSTINGS_SKIPPED, budget.skipped);
    let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
    if micros > SLOWEST.load(Ordering::Relaxed) {
        SLOWEST.store(micros, Ordering::Relaxed);
        // The server has found a command by this name, so nothing in it needs escaping.
        let name = String::from_utf8_lossy(command).to_ascii_uppercase();
        *SLOWEST_COMMAND.lock().unwrap_or_else(PoisonError::into_inner) = name;
    }
}
