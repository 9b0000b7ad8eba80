//! No panic crosses into the server: it would abort it.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Returns what `work` returns, or `otherwise` if it panics. Rust has then written the place on standard
/// error, which is the server's log.
pub fn catch_panic<T>(otherwise: T, work: impl FnOnce() -> T) -> T {
    // What the closure was changing may be half changed. Commands check everything before they
    // change anything, so that only a fault in the core itself could leave it so.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(otherwise)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_panic_becomes_the_other_value() {
        assert_eq!(super::catch_panic(1, || panic!("on purpose")), 1);
        assert_eq!(super::catch_panic(1, || 2), 2);
    }
}
