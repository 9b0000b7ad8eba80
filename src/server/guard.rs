//! Keeps panics from crossing into the server, which would abort it.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Returns the result of `work`, or `otherwise` if it panics. Rust's panic handler has then written the place
/// in the code to standard error.
pub fn catch_panic<T>(otherwise: T, work: impl FnOnce() -> T) -> T {
    // A value that the closure was changing may be left half changed (hence `AssertUnwindSafe`). Commands
    // check everything before they change anything, so only a fault in the core itself could do that.
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
