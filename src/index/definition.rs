//! The definition of a similarity index: how observations become signatures, and the grid of time.
//!
//! # The grid of time
//! Time is cut into intervals of equal length that begin at multiples of INTERVAL since the epoch. All
//! observations of an index in one interval are a chunk, which is named by its *start*, the first second
//! of its interval. The *window* of a moment is its interval and the RETENTION intervals before it.
//! Here with INTERVAL 60 and RETENTION 2:
//!
//! ```text
//! seconds    0         60        120       180       240       300
//!            |---------|---------|---------|---------|---------|
//! start            0        60       120       180       240
//!
//! window of 200        [== 60 ===|== 120 ==|== 180 ==]           starts 60..=180, seconds 60..=239
//!      with WINDOW 1                       [== 180 ==]           starts 180..=180
//! window of 240                  [== 120 ==|== 180 ==|== 240 ==]
//!                                                    |
//!                                                    expiry of the chunk with start 60:
//!                                                    the first second whose window is without it
//! ```
//!
//! So the expiry of a chunk is `start + (RETENTION + 1) * INTERVAL`. All scopes of
//! the same INTERVAL share a grid, on every server, so observations move between them chunk by chunk.
//!
//! With INTERVAL 0 there is a single interval without end: its start is 0 and it never expires.

use super::codec::{DecodeError, Reader, Writer};
use super::search::score::ScoreMode;
use crate::signature::{Hash, Scheme, Shingle, TextRules};
use std::ops::RangeInclusive;

/// The parameters of SIM.CREATE: all of them but RETENTION and SCORE are fixed for as long as a scope exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Definition {
    /// Bands, rows, the hash of the slots, and the sketch.
    pub scheme: Scheme,
    /// The rules that make features of a text.
    pub text: TextRules,
    /// The length of an interval in seconds; 0 for a single interval without end.
    pub interval: u64,
    /// The number of intervals kept before the current one.
    pub retention: u32,
    /// The score of queries that name none. JACCARD only with a sketch.
    pub score: ScoreMode,
}

impl Default for Definition {
    fn default() -> Self {
        Definition {
            scheme: Scheme { hash: Hash::Fss, seed: 0, bands: 16, rows: 2, sketch: 0 },
            text: TextRules { shingle: Shingle::Chars(5), lowercase: false, mask: false },
            interval: 2_592_000,
            retention: 3,
            score: ScoreMode::Overlap,
        }
    }
}

/// The limits of a definition's numbers.
impl Definition {
    /// The number of bands.
    pub const BANDS: RangeInclusive<u64> = 1..=1_024;
    /// The number of rows, the hash slots of a band.
    pub const ROWS: RangeInclusive<u64> = 1..=64;
    /// Bands times rows.
    pub const SLOTS: RangeInclusive<u64> = 1..=4_096;
    /// The length of an interval in seconds.
    pub const INTERVAL: RangeInclusive<u64> = 0..=1 << 32;
    /// The number of intervals kept before the current one.
    pub const RETENTION: RangeInclusive<u64> = 0..=1_000;
    /// The seed of the hash.
    pub const SEED: RangeInclusive<u64> = 0..=u32::MAX as u64;
    /// The modulus of MURMUR3.
    pub const MODULUS: RangeInclusive<u64> = 1..=1 << 31;
    /// Characters or words of a shingle.
    pub const SHINGLE: RangeInclusive<u64> = 1..=64;
    /// The slots of a sketch, unless there is none, which is 0.
    pub const SKETCH: RangeInclusive<u64> = 16..=4_096;
    /// Seconds since the epoch, up to 2^53 - 1: even after the longest retention of the longest
    /// intervals, the milliseconds of a chunk's expiry still fit a signed integer of 64 bits.
    pub const TIMESTAMP: RangeInclusive<u64> = 0..=9_007_199_254_740_991;
}

impl Definition {
    /// The number of bands.
    pub fn bands(&self) -> u16 {
        self.scheme.bands
    }

    /// The first second of the interval that `timestamp` is in.
    pub fn start(&self, timestamp: u64) -> u64 {
        match self.interval {
            0 => 0,
            interval => timestamp - timestamp % interval,
        }
    }

    /// The second in which the chunk that begins at `start` expires: the first second whose window is
    /// without it. `None` if there is a single interval without end.
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

    /// The first and the last start of the window of `timestamp`: its interval and the RETENTION before
    /// it, or only the last `intervals` of these.
    pub fn window(&self, timestamp: u64, intervals: Option<u32>) -> RangeInclusive<u64> {
        let last = self.start(timestamp);
        let before = intervals.map_or(self.retention, |n| n.saturating_sub(1).min(self.retention));
        last.saturating_sub(u64::from(before).saturating_mul(self.interval))..=last
    }

    /// The first and the last second of the same window: of all time, if there is a single interval
    /// without end.
    pub fn seconds(&self, timestamp: u64, intervals: Option<u32>) -> RangeInclusive<u64> {
        let window = self.window(timestamp, intervals);
        match self.interval {
            0 => 0..=u64::MAX,
            interval => *window.start()..=window.end().saturating_add(interval - 1),
        }
    }

    /// Every parameter as SIM.CREATE takes it, in its order. MODULUS is left out if there is none.
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
            ("SKETCH", self.scheme.sketch.to_string()),
            ("SCORE", self.score.word().to_string()),
        ]);
        parameters
    }

    /// The first parameter in which another definition differs, in the order of SIM.CREATE: its name,
    /// the value here and the value there. Parameters in `except` may differ.
    pub fn difference(&self, other: &Definition, except: &[&str]) -> Option<(&'static str, String, String)> {
        let (ours, theirs) = (self.parameters(), other.parameters());
        let value_in = |parameters: &[(&str, String)], name: &str| {
            let found = parameters.iter().find(|(parameter, _)| *parameter == name);
            found.map_or_else(|| "none".to_string(), |(_, value)| value.clone())
        };
        let names = ours.iter().chain(&theirs).map(|(name, _)| *name).filter(|name| !except.contains(name));
        let mut values = names.map(|name| (name, value_in(&ours, name), value_in(&theirs, name)));
        values.find(|(_, ours, theirs)| ours != theirs)
    }
}

/// The encoding of a definition, in an RDB and in a blob: thirteen numbers, one after the other.
impl Definition {
    /// Writes every parameter: 13 to 28 bytes, 16 for the default.
    pub fn write(&self, to: &mut Writer) {
        let Definition { scheme, text, interval, retention, score } = self;
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
            scheme.sketch.into(),
            score.number(),
        ];
        numbers.into_iter().for_each(|number| to.write_number(number));
    }

    /// Reads the parameters that [`Self::write`] wrote.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] if the bytes end, [`DecodeError::Number`] or [`DecodeError::Range`] if
    /// a parameter is outside its limits, or there is a modulus for a hash that takes none.
    pub fn read(from: &mut Reader) -> Result<Definition, DecodeError> {
        let bands = from.read_number_in(Definition::BANDS)?;
        let rows = from.read_number_in(Definition::ROWS)?;
        let interval = from.read_number_in(Definition::INTERVAL)?;
        let retention = from.read_number_in(Definition::RETENTION)? as u32;
        let hash = from.read_number_in(0..=1)?;
        let seed = from.read_number_in(Definition::SEED)? as u32;
        let modulus = from.read_number_in(0..=*Definition::MODULUS.end())? as u32;
        let words = from.read_number_in(0..=1)? == 1;
        let length = from.read_number_in(Definition::SHINGLE)? as u8;
        let lowercase = from.read_number_in(0..=1)? == 1;
        let mask = from.read_number_in(0..=1)? == 1;
        let sketch = Definition::read_sketch(from)?;
        let score = ScoreMode::from_number(from.read_number()?).ok_or(DecodeError::Range)?;
        if !Definition::SLOTS.contains(&(bands * rows)) || !score.is_possible_with(sketch) {
            return Err(DecodeError::Range);
        }
        let hash = match (hash, modulus) {
            (0, 0) => Hash::Fss,
            (0, _) => return Err(DecodeError::Range),
            (_, 0) => Hash::Murmur3 { modulus: None },
            (_, modulus) => Hash::Murmur3 { modulus: Some(modulus) },
        };
        let shingle = if words { Shingle::Words(length) } else { Shingle::Chars(length) };
        let scheme = Scheme { hash, seed, bands: bands as u16, rows: rows as u16, sketch };
        Ok(Definition { scheme, text: TextRules { shingle, lowercase, mask }, interval, retention, score })
    }

    /// Reads the number of slots of a sketch: 0 for none.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_sketch(from: &mut Reader) -> Result<u16, DecodeError> {
        let slots = from.read_number()?;
        if Definition::is_sketch(slots) { Ok(slots as u16) } else { Err(DecodeError::Range) }
    }

    /// True if a sketch may have this many slots, or if it is 0, for none.
    pub fn is_sketch(slots: u64) -> bool {
        slots == 0 || Definition::SKETCH.contains(&slots)
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
