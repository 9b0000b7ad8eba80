//! Values whose share in INFO is out of date.
//!
//! INFO shows what all values of the module hold together, to the byte. To sum up what a large value takes
//! costs more than the change itself, so a change only notes the value here, once, and INFO brings
//! those that were noted up to date. When there are many, the end of a command does, so that neither
//! INFO nor this list becomes long.
//!
//! A note is the pointer that the server holds: the box that [`Key::set`] or an RDB made. Turned down
//! were: to recount at the end of each command (dearer than a RECORD); to share the value by an `Arc`
//! (a second block, which defragmentation cannot move, and a pointer more to follow for each chunk that
//! a query reads); to find the value by its name (RENAME changes it, and INFO has no context to open
//! keys with).
//!
//! # Why this is sound
//!
//! 1. A pointer is noted only by [`note`], whose caller vouches for it, and leaves by [`forget`] before
//!    the box is freed or moved. Both, and the visit, hold the lock, so that no box goes in the middle of a
//!    visit, whichever thread frees it.
//! 2. A visit ([`update_all`]) has the only reference to a value: it happens in the main thread, while no
//!    command of the module runs. References to values live only as long as a command or a callback of their type, and
//!    those run one after the other in that thread. A command can run inside another (a module that
//!    listens to keyspace events may call one); then the outermost one visits at its end.
//!
//! [`Key::set`]: super::key::Key::set

use super::key::Value;
use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

/// A value with a share in INFO.
pub trait Counted: Value {
    /// Brings the share up to date with what the value holds now.
    fn update_totals(&mut self);
}

/// The address of a value in its key, to be compared, and to be used by [`update_all`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Address(*mut c_void);

// SAFETY: an address is only used in the main thread; others compare it.
unsafe impl Send for Address {}

/// Brings the share of the value at an address up to date.
type Update = unsafe fn(Address);

/// # Safety
/// A valid value of type `V` lies at the address, and nobody has a reference to it.
unsafe fn update<V: Counted>(address: Address) {
    // SAFETY: the caller's promise.
    unsafe { &mut *address.0.cast::<V>() }.update_totals();
}

/// The values that are noted.
static STALE: LazyLock<Mutex<HashMap<Address, Update>>> = LazyLock::new(Mutex::default);

/// The number of them, to be read without the lock.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// More values than this are not kept beyond the end of a command.
const MOST: usize = 1_000;

/// Commands of the module that run at the moment, one inside the other. Only the main thread uses it.
static RUNNING: AtomicUsize = AtomicUsize::new(0);

fn stale() -> MutexGuard<'static, HashMap<Address, Update>> {
    STALE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Notes that the share of a value is out of date.
///
/// # Safety
/// - `value` is the box of a `V` that the server keeps in a key, with the right to change it;
/// - the callbacks of its type call [`forget`] before the box is freed or moved.
pub unsafe fn note<V: Counted>(value: *mut V) {
    let mut stale = stale();
    stale.insert(Address(value.cast()), update::<V>);
    COUNT.store(stale.len(), Ordering::Relaxed);
}

/// Forgets a value, whose box is about to be freed or moved, if it was noted. In any thread.
pub fn forget(value: *mut c_void) {
    let mut stale = stale();
    stale.remove(&Address(value));
    COUNT.store(stale.len(), Ordering::Relaxed);
}

/// Brings every share up to date; nothing happens while a command of the module runs.
///
/// # Safety
/// In the main thread, outside the callbacks of the module's types.
pub unsafe fn update_all() {
    if RUNNING.load(Ordering::Relaxed) > 0 {
        return;
    }
    let mut stale = stale();
    for (address, update) in stale.drain() {
        // SAFETY: a value of the type that `update` was made for lies here: it was noted so, and has not left
        // since. Nobody else uses it: see the second point above.
        unsafe { update(address) };
    }
    COUNT.store(0, Ordering::Relaxed);
}

/// Carries out a command of the module, and brings the shares up to date after it if there are many.
///
/// # Safety
/// In the main thread, with what the server hands to a command. No reference to a value outlives `command`.
pub unsafe fn during_command<T>(command: impl FnOnce() -> T) -> T {
    // Plain loads and stores will do: only the main thread counts here.
    RUNNING.store(RUNNING.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    let result = command();
    RUNNING.store(RUNNING.load(Ordering::Relaxed) - 1, Ordering::Relaxed);
    if COUNT.load(Ordering::Relaxed) > MOST {
        // SAFETY: in the main thread, by the caller's promise, and the command is over.
        unsafe { update_all() };
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use redis_module::native_types::RedisType;

    /// A value that counts how often it was brought up to date.
    struct Updates(u32);

    // SAFETY: there is no server that keeps values of the type.
    unsafe impl Value for Updates {
        fn redis_type() -> &'static RedisType {
            unreachable!("there is no server")
        }
    }

    impl Counted for Updates {
        fn update_totals(&mut self) {
            self.0 += 1;
        }
    }

    /// One test, since the list is one for all threads.
    #[test]
    fn a_value_is_brought_up_to_date_once_and_outside_commands() {
        let boxes: Vec<*mut Updates> = (0..MOST + 2).map(|_| Box::into_raw(Box::new(Updates(0)))).collect();
        // SAFETY: boxes that nobody has a reference to, and that stay until the end; one thread uses
        // the list.
        unsafe {
            let updates = |at: usize| (*boxes[at]).0;
            note(boxes[0]);
            note(boxes[0]);
            during_command(|| update_all());
            assert_eq!(updates(0), 0, "a command runs");
            update_all();
            update_all();
            assert_eq!(updates(0), 1);

            note(boxes[0]);
            forget(boxes[0].cast());
            update_all();
            assert_eq!(updates(0), 1, "it was forgotten");

            during_command(|| {
                boxes.iter().for_each(|value| note(*value));
                during_command(|| {});
                assert_eq!(updates(0), 1, "the outer command runs");
            });
            assert_eq!((updates(0), updates(MOST + 1)), (2, 1), "there were many");
            boxes.iter().for_each(|value| drop(Box::from_raw(*value)));
        }
    }
}
