//! The stream of observations that a scope grows by. Item `n` and all that it looks like follow from `n`, so nothing of
//! it is kept, whatever the number of items.
//!
//! One item of four founds a group, and the others join one that was founded before, any of them with the same
//! probability. So the groups of a scope are of all ages, and the mean number of items in the group of an item stays the
//! same while the scope grows (about six, as in any random recursive forest). In each band an item has the bucket of its
//! group with a probability of three quarters, and otherwise a bucket that nothing else has.

use testkit::Random;

/// A number that follows from two, and looks random.
fn mixed(a: u64, b: u64) -> u64 {
    Random::new(a ^ Random::new(b).number()).number()
}

/// The item that founded the group of item `n`.
pub fn founder(n: usize) -> usize {
    if n.is_multiple_of(4) { n } else { 4 * (mixed(n as u64, 1) % (n as u64 / 4 + 1)) as usize }
}

/// The name of item `n`.
pub fn name(n: usize) -> String {
    format!("i{n:09}")
}

/// The buckets of item `n`.
pub fn buckets(n: usize, bands: u16) -> Vec<Vec<u8>> {
    observation(founder(n), n as u64, bands)
}

/// The buckets of an observation that would belong to a group. Each `draw` gives another.
pub fn observation(founder: usize, draw: u64, bands: u16) -> Vec<Vec<u8>> {
    let bucket = |band| {
        let is_of_group = mixed(draw, band + 2_000) & 3 != 0;
        let number =
            if is_of_group { mixed(founder as u64, band + 4_000) } else { mixed(draw, band + 6_000) };
        number.to_le_bytes().to_vec()
    };
    (0..u64::from(bands)).map(bucket).collect()
}
