//! The definition of a similarity index: how observations become signatures, and the grid of time.

use crate::signature::{Hash, Scheme, Shingle, TextRules};
use std::ops::RangeInclusive;

/// What SIM.CREATE fixes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Definition {
    /// Bands, rows, and how slots are hashed.
    pub scheme: Scheme,
    /// How text becomes features.
    pub text: TextRules,
    /// Seconds of an interval; 0 for a single one without end.
    pub interval: u64,
    /// Intervals kept before the current one.
    pub retention: u32,
}

impl Default for Definition {
    fn default() -> Self {
        Definition {
            scheme: Scheme { hash: Hash::Fss, seed: 0, bands: 16, rows: 2 },
            text: TextRules { shingle: Shingle::Chars(5), lowercase: false, mask: false },
            interval: 2_592_000,
            retention: 3,
        }
    }
}

/// The limits of a definition's numbers.
impl Definition {
    /// Bands.
    pub const BANDS: RangeInclusive<u64> = 1..=1_024;
    /// Rows, the hash slots of a band.
    pub const ROWS: RangeInclusive<u64> = 1..=64;
    /// Bands times rows.
    pub const SLOTS: RangeInclusive<u64> = 1..=4_096;
    /// Seconds.
    pub const INTERVAL: RangeInclusive<u64> = 0..=1 << 32;
    /// Intervals.
    pub const RETENTION: RangeInclusive<u64> = 0..=1_000;
    /// The seed of the hash.
    pub const SEED: RangeInclusive<u64> = 0..=u32::MAX as u64;
    /// The modulus of MURMUR3.
    pub const MODULUS: RangeInclusive<u64> = 1..=1 << 31;
    /// Characters or words of a shingle.
    pub const SHINGLE: RangeInclusive<u64> = 1..=64;
    /// Seconds since the epoch, such that milliseconds after the longest retention still fit 64 bits.
    pub const TIMESTAMP: RangeInclusive<u64> = 0..=9_007_199_254_740_991;
}

impl Definition {
    /// The number of bands.
    pub fn bands(&self) -> u16 {
        self.scheme.bands
    }

    /// The first second of the interval that holds a moment.
    pub fn start(&self, timestamp: u64) -> u64 {
        match self.interval {
            0 => 0,
            interval => timestamp - timestamp % interval,
        }
    }

    /// The second in which the chunk that starts at `start` expires: the first at which the window of
    /// "now" has left it. `None` where there is a single interval without end.
    pub fn expiry(&self, start: u64) -> Option<u64> {
        let lifetime = (u64::from(self.retention) + 1).saturating_mul(self.interval);
        (self.interval > 0).then(|| start.saturating_add(lifetime))
    }

    /// The starts of the window at a moment: its interval and the RETENTION before it, or only the
    /// last `intervals` of them.
    pub fn window(&self, timestamp: u64, intervals: Option<u32>) -> RangeInclusive<u64> {
        let last = self.start(timestamp);
        let before = intervals.map_or(self.retention, |n| n.saturating_sub(1).min(self.retention));
        last.saturating_sub(u64::from(before).saturating_mul(self.interval))..=last
    }

    /// Every parameter as SIM.CREATE takes it, in its order. MODULUS is left out where there is none.
    pub fn parameters(&self) -> Vec<(&'static str, String)> {
        let yes_no = |yes: bool| if yes { "yes" } else { "no" }.to_string();
        let (hash, modulus) = match self.scheme.hash {
            Hash::Fss => ("FSS", None),
            Hash::Murmur3 { modulus } => ("MURMUR3", modulus),
        };
        let shingle = match self.text.shingle {
            Shingle::Chars(n) => format!("CHARS {n}"),
            Shingle::Words(n) => format!("WORDS {n}"),
        };
        let mut parameters = vec![
            ("BANDS", self.scheme.bands.to_string()),
            ("ROWS", self.scheme.rows.to_string()),
            ("INTERVAL", self.interval.to_string()),
            ("RETENTION", self.retention.to_string()),
            ("HASH", hash.to_string()),
            ("SEED", self.scheme.seed.to_string()),
        ];
        parameters.extend(modulus.map(|modulus| ("MODULUS", modulus.to_string())));
        parameters.extend([
            ("SHINGLE", shingle),
            ("LOWERCASE", yes_no(self.text.lowercase)),
            ("MASK", yes_no(self.text.mask)),
        ]);
        parameters
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_expires_when_the_window_of_now_has_left_it() {
        let hourly = Definition { interval: 3_600, retention: 2, ..Definition::default() };
        let start = hourly.start(100_000);
        assert_eq!(start, 97_200);
        let expiry = hourly.expiry(start).unwrap_or_default();
        assert!(hourly.window(expiry - 1, None).contains(&start));
        assert!(!hourly.window(expiry, None).contains(&start));
    }

    #[test]
    fn a_window_of_n_intervals_ends_with_the_current_one() {
        let daily = Definition { interval: 86_400, retention: 3, ..Definition::default() };
        assert_eq!(daily.window(1_000_000, None), 691_200..=950_400);
        assert_eq!(daily.window(1_000_000, Some(1)), 950_400..=950_400);
        assert_eq!(daily.window(1_000_000, Some(9)), daily.window(1_000_000, None));
        assert_eq!(daily.window(10, None), 0..=0);
    }

    #[test]
    fn without_an_interval_there_is_one_chunk_that_never_expires() {
        let all = Definition { interval: 0, ..Definition::default() };
        assert_eq!((all.start(123), all.expiry(0), all.window(123, None)), (0, None, 0..=0));
    }
}
