//! Size classes: memory is cut in a few sizes only, so that a freed piece fits a later request.
//!
//! The classes are those of jemalloc: every size up to 8, then four classes for each doubling.
//!
//! ```text
//!     number   1 2 3 4 5 6 7 8   9 10 11 12   13 14 15 16   17 ...
//!     size     1 2 3 4 5 6 7 8  10 12 14 16   20 24 28 32   40 ...
//! ```
//!
//! So a class is at most a quarter larger than the size asked for, and a list that grows by one element at a
//! time is moved four times for each doubling. Classes that are powers of two would waste up to half of the
//! memory; exact sizes would leave free runs that nothing fits.

/// A size in which memory is cut: elements of a run in an arena, or bytes of an allocation.
pub struct SizeClass {
    /// Classes are numbered from 1, by ascending size. The length 0 has the number 0.
    pub number: usize,
    /// The size, in elements or bytes.
    pub size: usize,
}

/// The smallest class that `len` fits in.
pub fn size_class(len: usize) -> SizeClass {
    if len <= 8 {
        return SizeClass { number: len, size: len };
    }
    // The doubling that `len` lies in, from 2^doubling + 1 to 2^(doubling + 1), is cut in four quarters.
    let doubling = (len - 1).ilog2();
    let quarter = doubling - 2; // log2 of the size of a quarter
    let quarters = ((len - 1) >> quarter) + 1; // 5..=8 quarters of this doubling
    SizeClass { number: 8 + (doubling as usize - 3) * 4 + quarters - 4, size: quarters << quarter }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_few_and_never_too_small() {
        let mut last = 0;
        for len in 1..5_000 {
            let class = size_class(len);
            assert!(class.size >= len && class.size <= len + len / 4, "{len}: {}", class.size);
            assert_eq!(size_class(class.size).number, class.number);
            assert!(class.number == last || class.number == last + 1);
            last = class.number;
        }
    }
}
