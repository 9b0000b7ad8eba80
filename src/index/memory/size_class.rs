//! Size classes: the few sizes in which memory is cut, so that what is freed fits what comes next.

/// A size in which memory is cut, for runs in arenas and by the allocator for blocks.
pub struct SizeClass {
    /// Its number, from the smallest on.
    pub number: usize,
    /// The size.
    pub size: usize,
}

impl SizeClass {
    /// The class with a number, 1 or more.
    pub fn numbered(number: usize) -> SizeClass {
        let size = match number.checked_sub(9) {
            None => number,
            Some(past) => (5 + past % 4) << (past / 4 + 1),
        };
        SizeClass { number, size }
    }

    /// The largest class that is not above `len` (at least 1).
    pub fn within(len: usize) -> SizeClass {
        let class = size_class(len);
        if class.size > len { SizeClass::numbered(class.number - 1) } else { class }
    }
}

/// The smallest size for `len` (at least 1): each up to 8, then four sizes a doubling, as jemalloc has
/// them.
pub fn size_class(len: usize) -> SizeClass {
    if len <= 8 {
        return SizeClass { number: len, size: len };
    }
    let doubling = (len - 1).ilog2();
    let quarter = doubling - 2;
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
            assert_eq!(SizeClass::numbered(class.number).size, class.size);
            assert!(SizeClass::within(len).size <= len && SizeClass::within(len).number + 1 >= class.number);
            assert!(class.number == last || class.number == last + 1);
            last = class.number;
        }
    }
}
