//! The definition of a similarity index: how observations become signatures, and the grid of time.

use super::codec::{DecodeError, Reader, Writer};
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

    /// The moment of [`Self::expiry`] in milliseconds since the epoch, the unit of the server's clock.
    pub fn expiry_ms(&self, start: u64) -> Option<u64> {
        self.expiry(start).map(|seconds| seconds.saturating_mul(1_000))
    }

    /// True if the chunk that starts at `start` has expired by `now_ms`, milliseconds since the epoch.
    pub fn is_expired(&self, start: u64, now_ms: u64) -> bool {
        self.expiry_ms(start).is_some_and(|expiry| expiry <= now_ms)
    }

    /// The starts of the window at a moment: its interval and the RETENTION before it, or only the
    /// last `intervals` of them.
    pub fn window(&self, timestamp: u64, intervals: Option<u32>) -> RangeInclusive<u64> {
        let last = self.start(timestamp);
        let before = intervals.map_or(self.retention, |n| n.saturating_sub(1).min(self.retention));
        last.saturating_sub(u64::from(before).saturating_mul(self.interval))..=last
    }

    /// The seconds of a window: all of them where there is a single interval without end.
    pub fn seconds(&self, timestamp: u64, intervals: Option<u32>) -> RangeInclusive<u64> {
        let window = self.window(timestamp, intervals);
        match self.interval {
            0 => 0..=u64::MAX,
            interval => *window.start()..=window.end().saturating_add(interval - 1),
        }
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

    /// The first parameter in which another definition differs, in the order of SIM.CREATE, with both
    /// values; those of `but` may differ.
    pub fn difference(&self, other: &Definition, but: &[&str]) -> Option<(&'static str, String, String)> {
        let (own, others) = (self.parameters(), other.parameters());
        let value_in = |parameters: &[(&str, String)], name: &str| {
            let found = parameters.iter().find(|(parameter, _)| *parameter == name);
            found.map_or_else(|| "none".to_string(), |(_, value)| value.clone())
        };
        let names = own.iter().chain(&others).map(|(name, _)| *name).filter(|name| !but.contains(name));
        let mut values = names.map(|name| (name, value_in(&own, name), value_in(&others, name)));
        values.find(|(_, own, other)| own != other)
    }
}

/// How a definition is written down, in an RDB as in a blob.
impl Definition {
    /// Writes every parameter.
    pub fn write(&self, to: &mut Writer) {
        let Definition { scheme, text, interval, retention } = self;
        let (hash, modulus) = match scheme.hash {
            Hash::Fss => (0, 0),
            Hash::Murmur3 { modulus } => (1, modulus.unwrap_or(0)),
        };
        let (words, length) = match text.shingle {
            Shingle::Chars(n) => (false, n),
            Shingle::Words(n) => (true, n),
        };
        let numbers = [
            scheme.bands.into(),
            scheme.rows.into(),
            *interval,
            (*retention).into(),
            hash,
            scheme.seed.into(),
            modulus.into(),
            words.into(),
            length.into(),
            text.lowercase.into(),
            text.mask.into(),
        ];
        numbers.into_iter().for_each(|number| to.number(number));
    }

    /// Reads what [`Self::write`] wrote.
    ///
    /// # Errors
    /// The bytes end, or a parameter is outside its limits.
    pub fn read(from: &mut Reader) -> Result<Definition, DecodeError> {
        let bands = from.number_in(Definition::BANDS)?;
        let rows = from.number_in(Definition::ROWS)?;
        let interval = from.number_in(Definition::INTERVAL)?;
        let retention = from.number_in(Definition::RETENTION)? as u32;
        let hash = from.number_in(0..=1)?;
        let seed = from.number_in(Definition::SEED)? as u32;
        let modulus = from.number_in(0..=*Definition::MODULUS.end())? as u32;
        let words = from.number_in(0..=1)? == 1;
        let length = from.number_in(Definition::SHINGLE)? as u8;
        let lowercase = from.number_in(0..=1)? == 1;
        let mask = from.number_in(0..=1)? == 1;
        if !Definition::SLOTS.contains(&(bands * rows)) {
            return Err(DecodeError::Range);
        }
        let hash = match (hash, modulus) {
            (0, 0) => Hash::Fss,
            (0, _) => return Err(DecodeError::Range),
            (_, 0) => Hash::Murmur3 { modulus: None },
            (_, modulus) => Hash::Murmur3 { modulus: Some(modulus) },
        };
        let shingle = if words { Shingle::Words(length) } else { Shingle::Chars(length) };
        let scheme = Scheme { hash, seed, bands: bands as u16, rows: rows as u16 };
        Ok(Definition { scheme, text: TextRules { shingle, lowercase, mask }, interval, retention })
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
        assert!(!hourly.is_expired(start, expiry * 1_000 - 1) && hourly.is_expired(start, expiry * 1_000));
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
    fn the_seconds_of_a_window_end_with_the_last_of_its_interval() {
        let daily = Definition { interval: 86_400, retention: 3, ..Definition::default() };
        assert_eq!(daily.seconds(1_000_000, None), 691_200..=1_036_799);
        let all = Definition { interval: 0, ..Definition::default() };
        assert_eq!(all.seconds(1_000_000, Some(1)), 0..=u64::MAX);
    }

    #[test]
    fn a_difference_is_named_even_where_one_side_has_no_such_parameter() {
        let with = |hash| Definition {
            scheme: Scheme { hash, ..Definition::default().scheme },
            ..Definition::default()
        };
        let (plain, modular) =
            (with(Hash::Murmur3 { modulus: None }), with(Hash::Murmur3 { modulus: Some(7) }));
        let text = |s: &str| s.to_string();
        assert_eq!(plain.difference(&modular, &[]), Some(("MODULUS", text("none"), text("7"))));
        assert_eq!(modular.difference(&plain, &[]), Some(("MODULUS", text("7"), text("none"))));
        assert_eq!(plain.difference(&modular, &["MODULUS"]), None);
        assert_eq!(plain.difference(&with(Hash::Fss), &[]), Some(("HASH", text("MURMUR3"), text("FSS"))));
    }

    #[test]
    fn without_an_interval_there_is_one_chunk_that_never_expires() {
        let all = Definition { interval: 0, ..Definition::default() };
        assert_eq!((all.start(123), all.expiry(0), all.window(123, None)), (0, None, 0..=0));
        assert!(!all.is_expired(0, u64::MAX));
    }
}
