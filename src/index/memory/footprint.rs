//! The cost of a data structure in memory: its bytes, and its allocations.

use std::iter::Sum;
use std::ops::{Add, Sub};

/// The heap memory that a value owns, without the value itself.
///
/// Both numbers come from one walk over the fields, so neither can forget a field that the other knows. The
/// walk takes constant time at every level, because the totals of INFO are brought up to date after every
/// change of a chunk. A store that holds thousands of others therefore keeps the sum of their footprints.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Footprint {
    /// Bytes allocated, used or not.
    pub bytes: usize,
    /// The number of allocations, which is the number of calls that freeing them takes.
    pub allocations: usize,
}

impl Footprint {
    /// The footprint of a vector whose elements own nothing. A vector without capacity has no allocation.
    pub fn of_vec<T>(vec: &Vec<T>) -> Footprint {
        Footprint {
            bytes: vec.capacity() * size_of::<T>(),
            allocations: usize::from(vec.capacity() > 0 && size_of::<T>() > 0),
        }
    }
}

impl Add for Footprint {
    type Output = Footprint;
    fn add(self, other: Footprint) -> Footprint {
        Footprint { bytes: self.bytes + other.bytes, allocations: self.allocations + other.allocations }
    }
}

impl Sub for Footprint {
    type Output = Footprint;
    fn sub(self, other: Footprint) -> Footprint {
        Footprint { bytes: self.bytes - other.bytes, allocations: self.allocations - other.allocations }
    }
}

impl Sum for Footprint {
    fn sum<I: Iterator<Item = Footprint>>(footprints: I) -> Footprint {
        footprints.fold(Footprint::default(), Add::add)
    }
}
