//! Waiting for a fact, and never for a time.

use std::time::{Duration, Instant};

/// Polls until the fact is true. Panics after 30 seconds, naming what it waited for.
#[track_caller]
pub fn wait_until(what: &str, mut fact: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !fact() {
        assert!(Instant::now() < deadline, "waited 30 s for this: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
