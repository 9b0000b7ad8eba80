//! Totals over all values of the module, for INFO.
//!
//! Each value owns its [`Contribution`] to the totals. It is added when the value is made or loaded, updated
//! after each change of the value, and taken out again when it is dropped with the value, however that goes: by
//! command, expiry, eviction, FLUSHALL, or because the payload that it was being loaded from turned out to be
//! damaged. So nothing can be forgotten, and no walk over the keyspace is needed.
//!
//! A value may be freed in another thread, so the totals are atomics; nothing depends on the order in
//! which they change.

use std::sync::atomic::{AtomicU64, Ordering};

/// Numbers summed over values of the module.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Keys of type `sim-scope`.
    pub scopes: u64,
    /// Keys of type `sim-chunk`.
    pub chunks: u64,
    /// Items, summed over the chunks.
    pub items: u64,
    /// Observations.
    pub observations: u64,
    /// Bytes allocated.
    pub bytes: u64,
}

static SCOPES: AtomicU64 = AtomicU64::new(0);
static CHUNKS: AtomicU64 = AtomicU64::new(0);
static ITEMS: AtomicU64 = AtomicU64::new(0);
static OBSERVATIONS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);

impl Totals {
    /// Each number with the atomic of its total.
    fn with_atomics(&self) -> [(&'static AtomicU64, u64); 5] {
        [
            (&SCOPES, self.scopes),
            (&CHUNKS, self.chunks),
            (&ITEMS, self.items),
            (&OBSERVATIONS, self.observations),
            (&BYTES, self.bytes),
        ]
    }

    /// The totals at this moment, over all values.
    pub fn now() -> Totals {
        let read = |total: &AtomicU64| total.load(Ordering::Relaxed);
        Totals {
            scopes: read(&SCOPES),
            chunks: read(&CHUNKS),
            items: read(&ITEMS),
            observations: read(&OBSERVATIONS),
            bytes: read(&BYTES),
        }
    }
}

/// The share of one value in the totals: zero until it is set, and taken out again when it is dropped.
#[derive(Debug, Default)]
pub struct Contribution(Totals);

impl Contribution {
    /// Sets the value's numbers, and corrects the totals by the difference to the numbers before.
    pub fn set(&mut self, totals: Totals) {
        let before = std::mem::replace(&mut self.0, totals);
        for ((total, new), (_, old)) in totals.with_atomics().into_iter().zip(before.with_atomics()) {
            // Most changes leave some numbers as they are, and an atomic addition is not free. If a number
            // became smaller, both the difference and the sum wrap around, and the total is right.
            if new != old {
                total.fetch_add(new.wrapping_sub(old), Ordering::Relaxed);
            }
        }
    }
}

impl Drop for Contribution {
    fn drop(&mut self) {
        self.set(Totals::default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contribution_is_in_the_totals_as_it_was_set_last_until_it_is_dropped() {
        // Other tests make scopes meanwhile, and no chunks with items.
        let items = || Totals::now().items;
        let (mut one, mut other) = (Contribution::default(), Contribution::default());
        one.set(Totals { items: 7, ..Totals::default() });
        other.set(Totals { items: 5, ..Totals::default() });
        assert_eq!(items(), 12);
        one.set(Totals { items: 3, ..Totals::default() });
        assert_eq!(items(), 8);
        drop(one);
        assert_eq!(items(), 5);
        drop(other);
        assert_eq!(items(), 0);
    }
}
