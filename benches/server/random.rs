//! Random data that a seed repeats: what the benchmarks draw from [`testkit::Random`].

/// The generator of the tests, drawn from by scaling (Lemire 2019) and not by remainder as in the tests. The
/// published figures are those of the data that come out this way, so it stays as it is.
pub struct Random(testkit::Random);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(testkit::Random::new(seed))
    }

    /// A number in `0..end`.
    pub fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.0.number()) * end as u128) >> 64) as usize
    }

    /// A number in `0.0..1.0`.
    pub fn fraction(&mut self) -> f64 {
        (self.0.number() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn pick<'a, T>(&mut self, elements: &'a [T]) -> &'a T {
        &elements[self.below(elements.len())]
    }

    /// A bucket that nothing else has: eight random bytes.
    pub fn bucket(&mut self) -> Vec<u8> {
        self.0.number().to_le_bytes().to_vec()
    }

    /// A signature of such buckets.
    pub fn buckets(&mut self, bands: u16) -> Vec<Vec<u8>> {
        (0..bands).map(|_| self.bucket()).collect()
    }

    /// Fisher and Yates's shuffle.
    pub fn shuffle<T>(&mut self, elements: &mut [T]) {
        for last in (1..elements.len()).rev() {
            elements.swap(last, self.below(last + 1));
        }
    }
}
