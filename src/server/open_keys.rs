//! The rule that a value is changed through one key at a time, checked in debug builds.
//!
//! The server lets a command open the same key twice, and both give out the same value. Two shared
//! references to it are fine; but while one key changes the value, or replaces or removes it, a
//! reference that another one gave out would be undefined behaviour. The types cannot see this: two open
//! keys borrow the command, and know nothing of each other. So it is a rule for commands: while a value is
//! changed, no other key of its name is open. In debug builds [`OpenKeys`] keeps account of the keys that a
//! command has open, and panics if the command breaks the rule: the tests would find it. In release builds
//! it does nothing, because a query opens a thousand keys and more.

use std::cell::RefCell;
use std::collections::BTreeMap;

/// The keys that a command has open, by name. Empty in release builds.
#[derive(Default)]
pub struct OpenKeys(RefCell<BTreeMap<Vec<u8>, Uses>>);

/// The open keys of one name.
#[derive(Default)]
struct Uses {
    count: usize,
    /// The value was changed through one of them, which is the only one then.
    is_changed: bool,
}

impl OpenKeys {
    /// Notes that a key of this name was opened.
    pub fn open(&self, name: &[u8]) {
        if cfg!(debug_assertions) {
            let mut keys = self.0.borrow_mut();
            let uses = keys.entry(name.to_vec()).or_default();
            assert!(!uses.is_changed, "{} is open to change, and opened again", name.escape_ascii());
            uses.count += 1;
        }
    }

    /// Notes that the value in the key of this name is about to be changed, replaced or removed.
    pub fn change(&self, name: &[u8]) {
        if cfg!(debug_assertions)
            && let Some(uses) = self.0.borrow_mut().get_mut(name)
        {
            assert!(uses.count == 1, "{} is open twice, and changed", name.escape_ascii());
            uses.is_changed = true;
        }
    }

    /// Notes that a key of this name was closed.
    pub fn close(&self, name: &[u8]) {
        if cfg!(debug_assertions) {
            let mut keys = self.0.borrow_mut();
            if let Some(uses) = keys.get_mut(name) {
                uses.count -= 1;
                if uses.count == 0 {
                    keys.remove(name);
                }
            }
        }
    }
}

#[cfg(all(test, debug_assertions))]
mod tests {
    use super::OpenKeys;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    fn panics(work: impl FnOnce()) -> bool {
        catch_unwind(AssertUnwindSafe(work)).is_err()
    }

    #[test]
    fn a_key_may_be_open_twice_to_read_and_once_to_change() {
        let keys = OpenKeys::default();
        keys.open(b"a");
        keys.open(b"a");
        keys.open(b"b");
        keys.change(b"b");
        assert!(panics(|| keys.change(b"a")));
        keys.close(b"a");
        keys.change(b"a");
        assert!(panics(|| keys.open(b"a")));
        keys.close(b"a");
        keys.open(b"a");
        keys.open(b"a");
    }
}
