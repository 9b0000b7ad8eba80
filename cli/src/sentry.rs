//! The keys of Sentry's similarity index, as its Lua script of 2017 laid them out.
//!
//! ```text
//! ns:scope:f:index:time:band:key      a hash, bucket -> count: the bucket frequencies of an item
//! ns:scope:m:index:time:band:bucket   a set of keys: the bucket members, which follow from the former
//! ```
//!
//! `time` is the number of an interval since 1970, `band` counts from 1. Nothing is escaped: an index or
//! a key may hold colons, and then only the list of the indexes says where one ends.

use crate::Result;
use crate::server::Server;
use crate::show;
use redis::{Cmd, Value, cmd, from_redis_value};
use simile::index::blob::BandCounts;
use std::collections::{BTreeMap, BTreeSet};

/// Bucket frequencies: for each band, how often the item was seen in which bucket.
pub type Bands = Vec<BandCounts>;

/// The observations of one item in one index during one interval.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    pub index: Vec<u8>,
    /// The number of the interval.
    pub time: u64,
    pub key: Vec<u8>,
}

/// An index of one of Sentry's scopes (projects), read by SCAN.
pub struct SentryIndex {
    pub server: Server,
    layout: Layout,
}

/// How the keys of a scope are built.
struct Layout {
    /// `ns:scope:f:`
    prefix: Vec<u8>,
    /// The names of the indexes; empty: any without a colon.
    indexes: Vec<String>,
}

/// What an item's hashes hold.
pub struct Frequencies {
    pub bands: Bands,
    /// Seconds that the hash of the first band has left to live; negative where it has no end.
    pub left: i64,
}

impl SentryIndex {
    pub fn new(server: Server, namespace: &str, scope: &str, indexes: Vec<String>) -> SentryIndex {
        let prefix = format!("{namespace}:{scope}:f:").into_bytes();
        SentryIndex { server, layout: Layout { prefix, indexes } }
    }

    /// How many keys the server has, of whatever kind: SCAN looks at all of them.
    ///
    /// # Errors
    /// The server refuses.
    pub fn size(&mut self) -> Result<u64> {
        self.server.ask(&cmd("DBSIZE"))
    }

    /// The next entries, each by the key of its first band, none twice. SCAN may give one again in a
    /// later step.
    ///
    /// # Errors
    /// The server refuses.
    pub fn scan(&mut self, cursor: &[u8], count: usize) -> Result<(Vec<u8>, Vec<Entry>)> {
        let pattern = [&escaped(&self.layout.prefix)[..], b"*:1:*"].concat();
        let scan = cmd("SCAN").arg(cursor).arg("MATCH").arg(pattern).arg("COUNT").arg(count).clone();
        let (next, keys): (Vec<u8>, Vec<Vec<u8>>) = self.server.ask(&scan)?;
        let entries: BTreeSet<Entry> = keys.iter().filter_map(|key| self.layout.entry(key)).collect();
        Ok((next, entries.into_iter().collect()))
    }

    /// The number of bands that an entry has.
    ///
    /// # Errors
    /// The server refuses.
    pub fn count_bands(&mut self, entry: &Entry) -> Result<u16> {
        for band in 1..=1_024 {
            if !self.server.ask::<bool>(cmd("EXISTS").arg(self.layout.key(entry, band)))? {
                return Ok(band - 1);
            }
        }
        Ok(1_024)
    }

    /// What the entries hold, each read at one moment; or what is wrong with one.
    ///
    /// # Errors
    /// The connection is lost.
    pub fn read(
        &mut self,
        entries: &[Entry],
        bands: u16,
    ) -> Result<Vec<std::result::Result<Frequencies, String>>> {
        let of_entry = |entry: &Entry| {
            let hashes = (1..=bands).map(|band| cmd("HGETALL").arg(self.layout.key(entry, band)).clone());
            let ttl = cmd("TTL").arg(self.layout.key(entry, 1)).clone();
            [cmd("MULTI")].into_iter().chain(hashes).chain([ttl, cmd("EXEC")]).collect::<Vec<Cmd>>()
        };
        let commands: Vec<Cmd> = entries.iter().flat_map(of_entry).collect();
        let replies = self.server.ask_all(&commands)?;
        let read = |replies: &[Value]| frequencies(replies.last().cloned().unwrap_or(Value::Nil));
        Ok(replies.chunks(usize::from(bands) + 3).map(read).collect())
    }

    /// The server's clock, in seconds.
    ///
    /// # Errors
    /// The server refuses.
    pub fn now(&mut self) -> Result<u64> {
        let time: Vec<u64> = self.server.ask(&cmd("TIME"))?;
        Ok(time.first().copied().unwrap_or_default())
    }
}

impl Layout {
    /// The entry whose first band a key holds; `None` for the key of another band, or of another index.
    fn entry(&self, key: &[u8]) -> Option<Entry> {
        let rest = key.strip_prefix(&self.prefix[..])?;
        let known = |index: &String| rest.strip_prefix(index.as_bytes())?.strip_prefix(b":");
        let (index, rest) = if self.indexes.is_empty() {
            split(rest)?
        } else {
            // Where one name is the beginning of another, the longer one is meant.
            let named = self.indexes.iter().filter_map(|index| Some((index.as_bytes(), known(index)?)));
            named.max_by_key(|(index, _)| index.len())?
        };
        let (time, rest) = split(rest)?;
        let (band, key) = split(rest)?;
        let time = std::str::from_utf8(time).ok()?.parse().ok()?;
        (band == b"1").then(|| Entry { index: index.into(), time, key: key.into() })
    }

    fn key(&self, Entry { index, time, key }: &Entry, band: u16) -> Vec<u8> {
        [&self.prefix[..], index, &format!(":{time}:{band}:").into_bytes(), key].concat()
    }
}

/// What is before the first colon, and behind it.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = bytes.iter().position(|byte| *byte == b':')?;
    Some((&bytes[..colon], &bytes[colon + 1..]))
}

/// The reply to the transaction that reads an entry.
fn frequencies(reply: Value) -> std::result::Result<Frequencies, String> {
    let Value::Array(mut replies) = reply else { return Err("cannot be read".into()) };
    let left = replies.pop().and_then(|left| from_redis_value(left).ok()).unwrap_or(-1);
    let mut bands = Bands::new();
    for (number, hash) in (1..).zip(replies) {
        let wrong = |what: &str| format!("has {what} in band {number}");
        let hash = hash.extract_error().map_err(|error| wrong(&format!("no hash ({error})")))?;
        let pairs: Vec<(Vec<u8>, String)> =
            from_redis_value(hash).map_err(|_| wrong("counts that are no text"))?;
        let counted = pairs.into_iter().map(|(bucket, count)| match count.parse() {
            Ok(count @ 1..) => Ok((bucket, count)),
            _ => Err(wrong(&format!("the count {count}, which is not between 1 and {}", u32::MAX))),
        });
        bands.push(counted.collect::<std::result::Result<_, _>>()?);
    }
    let sum = |band: &BTreeMap<Vec<u8>, u32>| band.values().map(|count| u64::from(*count)).sum::<u64>();
    let sums: Vec<u64> = bands.iter().map(sum).collect();
    match sums.iter().position(|sum| Some(sum) != sums.first()) {
        Some(other) => Err(format!(
            "has {} in band 1 and {} in band {}: Sentry wrote them all together",
            show::count(sums[0], "observation"),
            show::number(sums[other]),
            other + 1
        )),
        None => Ok(Frequencies { bands, left }),
    }
}

/// A pattern that matches these bytes alone.
fn escaped(bytes: &[u8]) -> Vec<u8> {
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

    fn layout(indexes: &[&str]) -> Layout {
        let indexes = indexes.iter().map(|index| index.to_string()).collect();
        Layout { prefix: b"sim:1:f:".to_vec(), indexes }
    }

    fn parse(indexes: &[&str], key: &str) -> Option<Entry> {
        let layout = layout(indexes);
        let entry = layout.entry(key.as_bytes())?;
        assert_eq!(layout.key(&entry, 1), key.as_bytes());
        Some(entry)
    }

    fn entry(index: &str, time: u64, key: &str) -> Option<Entry> {
        Some(Entry { index: index.into(), time, key: key.into() })
    }

    #[test]
    fn a_key_says_its_index_time_and_item() {
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
            frequencies(Value::Array(replies)).map(|read| (read.bands, read.left))
        };
        let band = |count| BTreeMap::from([(b"bucket".to_vec(), count)]);
        assert_eq!(read(&["2", "2"]), Ok((vec![band(2), band(2)], 60)));
        assert!(read(&["2", "3"]).is_err());
        assert!(read(&["0", "0"]).is_err());
        assert!(read(&["-1", "-1"]).is_err());
        assert!(read(&["4294967296", "4294967296"]).is_err());
    }

    #[test]
    fn a_pattern_matches_what_it_was_made_of() {
        assert_eq!(escaped(b"a*[1]:"), b"a\\*\\[1\\]:");
    }
}
