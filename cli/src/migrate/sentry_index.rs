//! The keys of Sentry's similarity index, as its Lua script of 2017 laid them out.
//!
//! ```text
//! ns:scope:f:index:time:band:key      a hash, bucket -> count: how often an item was in which bucket
//! ns:scope:m:index:time:band:bucket   a set of keys: the items of a bucket, which follow from the hashes
//! ```
//!
//! `time` is the number of an interval since 1970, `band` counts from 1, and `key` is an item. Only the
//! hashes are read.
//!
//! Nothing is escaped. An index or an item may contain colons, and then a key can be read in several ways.
//! Without a list of the indexes, an index is assumed to have no colon; with a list, the index is the
//! longest name in it that fits. The item comes last, so its colons do no harm.

use crate::connection::Connection;
use crate::{Result, display};
use redis::{Cmd, Value, cmd, from_redis_value};
use simile::index::blob::BandCounts;
use std::collections::{BTreeMap, BTreeSet};

/// The largest number of bands that a scope can have.
const MAX_BANDS: u16 = 1_024;

/// For each band, how often an item was in which bucket.
pub type Bands = Vec<BandCounts>;

/// One item in one index during one interval.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    pub index: Vec<u8>,
    /// The number of the interval since 1970.
    pub time: u64,
    /// The name of the item.
    pub key: Vec<u8>,
}

/// The index of one of Sentry's scopes (a project).
pub struct SentryIndex {
    server: Connection,
    layout: KeyLayout,
}

/// The way in which the keys of a Sentry scope are built.
struct KeyLayout {
    /// `ns:scope:f:`
    prefix: Vec<u8>,
    /// The names of the indexes to read; if empty, all whose names have no colon.
    indexes: Vec<String>,
}

/// The content of an entry's hashes.
pub struct Frequencies {
    pub bands: Bands,
    /// Seconds until the hash of the first band expires; negative if it never does, or is gone.
    pub time_to_live: i64,
}

impl SentryIndex {
    pub fn new(server: Connection, namespace: &str, scope: &str, indexes: Vec<String>) -> SentryIndex {
        let prefix = format!("{namespace}:{scope}:f:").into_bytes();
        SentryIndex { server, layout: KeyLayout { prefix, indexes } }
    }

    /// The number of keys at the server, of any kind: SCAN looks at all of them.
    pub fn count_keys(&mut self) -> Result<u64> {
        self.server.ask(&cmd("DBSIZE"))
    }

    /// Scans the next keys. Returns the next cursor and the entries found, each of them once. Another step
    /// may give one of them again.
    pub fn scan(&mut self, cursor: &[u8], count: usize) -> Result<(Vec<u8>, Vec<Entry>)> {
        // The key of the first band stands for the entry.
        let pattern = [&escape_pattern(&self.layout.prefix)[..], b"*:1:*"].concat();
        let scan = cmd("SCAN").arg(cursor).arg("MATCH").arg(pattern).arg("COUNT").arg(count).clone();
        let (next_cursor, keys): (Vec<u8>, Vec<Vec<u8>>) = self.server.ask(&scan)?;
        let entries: BTreeSet<Entry> = keys.iter().filter_map(|key| self.layout.parse_key(key)).collect();
        Ok((next_cursor, entries.into_iter().collect()))
    }

    /// Counts the bands of an entry: the keys that exist, from band 1 on.
    pub fn count_bands(&mut self, entry: &Entry) -> Result<u16> {
        for band in 1..=MAX_BANDS {
            if !self.server.ask::<bool>(cmd("EXISTS").arg(self.layout.key(entry, band)))? {
                return Ok(band - 1);
            }
        }
        Ok(MAX_BANDS)
    }

    /// Reads the hashes of entries in one pipeline. Each entry is read in a transaction of its own, so that
    /// its bands fit each other while Sentry writes. The inner error says what is wrong with an entry.
    pub fn read(
        &mut self,
        entries: &[Entry],
        bands: u16,
    ) -> Result<Vec<std::result::Result<Frequencies, String>>> {
        let read_entry = |entry: &Entry| {
            let hashes = (1..=bands).map(|band| cmd("HGETALL").arg(self.layout.key(entry, band)).clone());
            let ttl = cmd("TTL").arg(self.layout.key(entry, 1)).clone();
            [cmd("MULTI")].into_iter().chain(hashes).chain([ttl, cmd("EXEC")]).collect::<Vec<Cmd>>()
        };
        let commands: Vec<Cmd> = entries.iter().flat_map(read_entry).collect();
        let replies = self.server.pipeline(&commands)?;
        // For each entry: MULTI, the hashes, TTL and EXEC. The reply to EXEC, the last, has the results.
        let replies_per_entry = usize::from(bands) + 3;
        let parse = |replies: &[Value]| parse_frequencies(replies.last().cloned().unwrap_or(Value::Nil));
        Ok(replies.chunks(replies_per_entry).map(parse).collect())
    }

    /// The server's clock, in Unix seconds.
    pub fn server_time(&mut self) -> Result<u64> {
        let time: Vec<u64> = self.server.ask(&cmd("TIME"))?;
        Ok(time.first().copied().unwrap_or_default())
    }
}

impl KeyLayout {
    /// The entry of a key of band 1; `None` for another band, another index, or another kind of key.
    fn parse_key(&self, key: &[u8]) -> Option<Entry> {
        let rest = key.strip_prefix(&self.prefix[..])?;
        let (index, rest) = if self.indexes.is_empty() {
            split_at_colon(rest)?
        } else {
            let strip_index = |index: &String| rest.strip_prefix(index.as_bytes())?.strip_prefix(b":");
            let fitting =
                self.indexes.iter().filter_map(|index| Some((index.as_bytes(), strip_index(index)?)));
            fitting.max_by_key(|(index, _)| index.len())?
        };
        let (time, rest) = split_at_colon(rest)?;
        let (band, key) = split_at_colon(rest)?;
        let time = std::str::from_utf8(time).ok()?.parse().ok()?;
        (band == b"1").then(|| Entry { index: index.into(), time, key: key.into() })
    }

    /// The key of one band of an entry.
    fn key(&self, Entry { index, time, key }: &Entry, band: u16) -> Vec<u8> {
        [&self.prefix[..], index, &format!(":{time}:{band}:").into_bytes(), key].concat()
    }
}

/// The bytes before the first colon, and those after it.
fn split_at_colon(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = bytes.iter().position(|byte| *byte == b':')?;
    Some((&bytes[..colon], &bytes[colon + 1..]))
}

/// Parses the reply to the transaction that reads an entry.
///
/// # Errors
/// A key is not a hash of counts, or the bands have different sums: each observation adds 1 to one count
/// in every band, so Sentry itself never wrote such an entry.
fn parse_frequencies(reply: Value) -> std::result::Result<Frequencies, String> {
    let Value::Array(mut replies) = reply else { return Err("cannot be read".into()) };
    let time_to_live = replies.pop().and_then(|ttl| from_redis_value(ttl).ok()).unwrap_or(-1);
    let mut bands = Bands::new();
    for (number, hash) in (1..).zip(replies) {
        let with_band = |what: &str| format!("has {what} in band {number}");
        let hash = hash.extract_error().map_err(|error| with_band(&format!("no hash ({error})")))?;
        let pairs: Vec<(Vec<u8>, String)> =
            from_redis_value(hash).map_err(|_| with_band("counts that are not text"))?;
        let counts = pairs.into_iter().map(|(bucket, count)| match count.parse() {
            Ok(count @ 1..) => Ok((bucket, count)),
            _ => Err(with_band(&format!("the count {count}, which is not between 1 and {}", u32::MAX))),
        });
        bands.push(counts.collect::<std::result::Result<_, _>>()?);
    }
    let sum = |band: &BTreeMap<Vec<u8>, u32>| band.values().map(|count| u64::from(*count)).sum::<u64>();
    let sums: Vec<u64> = bands.iter().map(sum).collect();
    match sums.iter().position(|sum| Some(sum) != sums.first()) {
        Some(other) => Err(format!(
            "has {} in band 1 and {} in band {}: Sentry wrote all bands together",
            display::quantity(sums[0], "observation"),
            display::number(sums[other]),
            other + 1
        )),
        None => Ok(Frequencies { bands, time_to_live }),
    }
}

/// A pattern of SCAN that matches exactly these bytes.
fn escape_pattern(bytes: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::new();
    for byte in bytes {
        if b"*?[]^-\\".contains(byte) {
            escaped.push(b'\\');
        }
        escaped.push(*byte);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(indexes: &[&str]) -> KeyLayout {
        let indexes = indexes.iter().map(|index| index.to_string()).collect();
        KeyLayout { prefix: b"sim:1:f:".to_vec(), indexes }
    }

    fn parse(indexes: &[&str], key: &str) -> Option<Entry> {
        let layout = layout(indexes);
        let entry = layout.parse_key(key.as_bytes())?;
        assert_eq!(layout.key(&entry, 1), key.as_bytes());
        Some(entry)
    }

    fn entry(index: &str, time: u64, key: &str) -> Option<Entry> {
        Some(Entry { index: index.into(), time, key: key.into() })
    }

    #[test]
    fn a_key_tells_its_index_time_and_item() {
        assert_eq!(parse(&[], "sim:1:f:a:578:1:42"), entry("a", 578, "42"));
        assert_eq!(parse(&[], "sim:1:f:a:578:1:x:1:y"), entry("a", 578, "x:1:y"));
        assert_eq!(parse(&[], "sim:1:f:a:578:1:"), entry("a", 578, ""));
        assert_eq!(parse(&[], "sim:1:f:a:578:2:42"), None);
        assert_eq!(parse(&[], "sim:1:f:a:578:2:x:1:42"), None); // another band, of an item with colons
        assert_eq!(parse(&[], "sim:1:m:a:578:1:12,345"), None);
        assert_eq!(parse(&[], "sim:1:f:a:noon:1:42"), None);
    }

    #[test]
    fn an_index_with_colons_must_be_named() {
        let key = "sim:1:f:exception:message:578:1:42";
        assert_eq!(parse(&[], key), None);
        assert_eq!(parse(&["exception:message"], key), entry("exception:message", 578, "42"));
        assert_eq!(parse(&["exception", "exception:message"], key), entry("exception:message", 578, "42"));
        assert_eq!(parse(&["b"], "sim:1:f:a:578:1:42"), None);
    }

    #[test]
    fn bands_must_have_the_same_sum() {
        let text = |text: &str| Value::BulkString(text.into());
        let hash = |count: &str| Value::Array(vec![text("bucket"), text(count)]);
        let read = |counts: &[&str]| {
            let replies = counts.iter().map(|count| hash(count)).chain([Value::Int(60)]).collect();
            parse_frequencies(Value::Array(replies)).map(|read| (read.bands, read.time_to_live))
        };
        let band = |count| BTreeMap::from([(b"bucket".to_vec(), count)]);
        assert_eq!(read(&["2", "2"]), Ok((vec![band(2), band(2)], 60)));
        assert!(read(&["2", "3"]).is_err());
        assert!(read(&["0", "0"]).is_err());
        assert!(read(&["-1", "-1"]).is_err());
        assert!(read(&["4294967296", "4294967296"]).is_err());
    }

    #[test]
    fn special_characters_of_a_pattern_are_escaped() {
        assert_eq!(escape_pattern(b"a*[1]:"), b"a\\*\\[1\\]:");
    }
}
