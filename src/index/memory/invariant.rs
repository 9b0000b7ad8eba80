//! Checked invariants: the result of every `internal_validate`.
//!
//! Each store of this folder has a validator, which checks its own structure and calls the validators of the
//! stores that it is built on. The invariants have numbers; the list is in [`crate::index::chunk`], and each
//! message begins with the number of the invariant that is broken.

/// `Ok`, or the message of the first invariant that does not hold.
pub type Validation = Result<(), &'static str>;

/// Turns a condition into a [`Validation`].
pub fn ensure(condition: bool, message: &'static str) -> Validation {
    if condition { Ok(()) } else { Err(message) }
}
