//! `simile migrate-sentry`: carries an index of Sentry's Lua script of 2017 over into a scope.
//!
//! For each item, index and interval, the bucket frequencies are read from Sentry's hashes and compared
//! with what the scope holds; what it lacks is added by SIM.IMPORT, at its own time. So nothing has to
//! be remembered: a run that was stopped is simply run again, a run over a living index is repeated to
//! catch up, and one more that finds nothing to add is the proof that all is there. Two runs cannot add
//! the same: each adds in a transaction that the server refuses if the scope has changed meanwhile.
//! Memory holds a page of items, whatever the size of the index.

use crate::progress::Progress;
use crate::scope::Scope;
use crate::sentry::{Bands, Entry, Frequencies, SentryIndex};
use crate::server::{Address, Server};
use crate::{INCOMPLETE, Result, show};
use redis::{Cmd, Value, cmd};
use serde_json::json;
use simile::index::Definition;
use simile::index::blob::{self, BandCounts};
use simile::signature::{Hash, Scheme};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Write, stdout};
use std::process::ExitCode;

/// Keys that SCAN looks at in a step.
const STEP: usize = 1_000;
/// Entries read, compared and added together.
const PAGE: usize = 100;
/// How often a page is tried again because somebody else wrote to the scope.
const TRIES: usize = 50;
/// Seconds by which an expiry may miss: TTL is rounded, and the clock goes on.
const LEEWAY: u64 = 5;

/// Carries a Sentry similarity index (2017) from a running Redis over into a scope.
///
/// Reads the keys ns:scope:f:index:time:band:key by SCAN and adds what the scope lacks by SIM.IMPORT,
/// with times and counts. May be stopped and run again at any moment; a run that adds nothing proves
/// that all is there. Exits with 3 where some items could not be carried over; each is counted, and the
/// first are shown.
#[derive(clap::Args)]
pub struct Options {
    /// Scope to write to; made if it is not there
    scope: String,
    /// Address of the Redis that holds Sentry's index (its password: SENTRY_PASSWORD in the environment)
    #[arg(long, value_name = "URL")]
    from: String,
    /// Sentry's namespace
    #[arg(long, default_value = "sim")]
    namespace: String,
    /// Sentry's scope: the number of a project
    #[arg(long, value_name = "SCOPE")]
    project: String,
    /// Take this index alone, and give it another name if one is given; may be given several times.
    /// Needed where the names of indexes hold colons
    #[arg(long, value_name = "INDEX[=NAME]")]
    index: Vec<String>,
    /// Seconds of an interval, as Sentry was configured
    #[arg(long, default_value_t = 2_592_000, value_parser = clap::value_parser!(u64).range(1..=1 << 32))]
    interval: u64,
    /// Intervals kept before the current one, as Sentry was configured
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=1_000))]
    retention: u32,
    /// Rows of a band (columns of a bucket) of the scope that is made, so that it can sign texts
    /// by itself: Sentry's buckets are so many numbers with commas between
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    rows: u16,
    /// Modulus of Sentry's hash, of the scope that is made
    #[arg(long, default_value_t = 65_535)]
    modulus: u32,
    /// Change nothing; say what would be done
    #[arg(long)]
    dry_run: bool,
    /// How many of the items that cannot be carried over are shown; all are counted
    #[arg(long, value_name = "N", default_value_t = 10)]
    show: u64,
    /// Seconds between reports where standard error is no terminal
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0)]
    report_every: f64,
    /// The summary as a JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    address: Address,
}

/// Carries the subcommand out.
///
/// # Errors
/// One of the servers cannot be reached, or refuses; or the scope does not fit Sentry's index.
pub fn run(options: &Options) -> Result<ExitCode> {
    let password = std::env::var("SENTRY_PASSWORD").ok();
    let names = options.index.iter().map(|index| index.split_once('=').unwrap_or((index, index)));
    let names: BTreeMap<String, String> = names.map(|(from, to)| (from.into(), to.into())).collect();
    let targets: BTreeSet<&String> = names.values().collect();
    if targets.len() < options.index.len() {
        return Err(
            "each --index must be another index, with another name: observations of two would mix".into()
        );
    }
    let server = Server::open_url(&options.from, password.as_deref())?;
    let mut sentry =
        SentryIndex::new(server, &options.namespace, &options.project, names.keys().cloned().collect());
    let scope = Scope::open(&options.address, &options.scope)?;
    let keys = sentry.size()?;
    let progress = Progress::new(Some(keys), options.report_every);
    let mut migration =
        Migration { options, sentry, scope, names, definition: None, progress, tally: Tally::default() };
    migration.all()?;
    migration.summary()
}

/// A migration under way.
struct Migration<'a> {
    options: &'a Options,
    sentry: SentryIndex,
    scope: Scope,
    /// Sentry's names of indexes, and those in the scope.
    names: BTreeMap<String, String>,
    /// The scope's definition, once the number of bands is known.
    definition: Option<Definition>,
    progress: Progress,
    tally: Tally,
}

/// What was found and done. An entry is an item in an index during an interval.
#[derive(Default)]
struct Tally {
    /// Entries whose observations were added, all of them or those that were lacking.
    added: u64,
    /// Observations that were added.
    observations: u64,
    /// Entries that the scope had already.
    there: u64,
    /// Entries past their time.
    expired: u64,
    failed: u64,
    /// Entries whose expiry is not what interval and retention make it.
    odd_expiries: u64,
    indexes: BTreeSet<Vec<u8>>,
    /// The first and the last second of all intervals.
    from: Option<u64>,
    to: Option<u64>,
}

/// An entry that is to be compared with the scope.
struct Read {
    entry: Entry,
    /// The name of its index in the scope.
    index: Vec<u8>,
    /// The first second of its interval.
    start: u64,
    bands: Bands,
}

impl Migration<'_> {
    fn all(&mut self) -> Result<()> {
        let (mut cursor, mut seen) = (b"0".to_vec(), 0);
        loop {
            let (next, entries) = self.sentry.scan(&cursor, STEP)?;
            for page in entries.chunks(PAGE) {
                self.page(page)?;
            }
            seen += STEP as u64;
            let (added, there) = (show::number(self.tally.added), show::number(self.tally.there));
            let verb = if self.options.dry_run { "to add" } else { "added" };
            self.progress.at(seen, || format!("{added} {verb}, {there} there already"));
            if next == b"0" {
                return Ok(());
            }
            cursor = next;
        }
    }

    fn page(&mut self, entries: &[Entry]) -> Result<()> {
        let Some(first) = entries.first() else { return Ok(()) };
        let definition = match self.definition {
            Some(definition) => definition,
            None => self.define(first)?,
        };
        let now = self.sentry.now()?;
        let mut by_part: Vec<Vec<Read>> = Vec::new();
        by_part.resize_with(self.scope.parts.len(), Vec::new);
        for (entry, read) in entries.iter().zip(self.sentry.read(entries, definition.bands())?) {
            match read {
                Ok(frequencies) if frequencies.bands.iter().all(BTreeMap::is_empty) => {
                    self.tally.expired += 1
                }
                Ok(frequencies) => {
                    if let Some(read) = self.take(&definition, now, entry, frequencies) {
                        by_part[self.scope.part_of(&entry.key)].push(read);
                    }
                }
                Err(why) => self.fail(entry, &why),
            }
        }
        by_part.iter().enumerate().try_for_each(|(part, read)| self.add(&definition, part, read))
    }

    /// Finds the number of bands, and makes the scope unless it is there.
    fn define(&mut self, entry: &Entry) -> Result<Definition> {
        let bands = self.sentry.count_bands(entry)?;
        let Options { interval, retention, rows, modulus, .. } = *self.options;
        let hash = Hash::Murmur3 { modulus: Some(modulus) };
        let scheme = Scheme { hash, seed: 0, bands, rows };
        let wanted = Definition { scheme, interval, retention, ..Definition::default() };
        let there = self.scope.info()?;
        for (info, part) in there.iter().zip(&self.scope.parts) {
            let Some(info) = info else { continue };
            let (bands, interval) = (info.definition.bands(), info.definition.interval);
            if (bands, interval) != (wanted.bands(), wanted.interval) {
                return Err(format!(
                    "the scope '{part}' has BANDS {bands} INTERVAL {interval}, and Sentry's index has {} bands and, \
                     by --interval, {}: take another scope",
                    wanted.bands(),
                    wanted.interval
                )
                .into());
            }
        }
        let definition = there.iter().flatten().next().map_or(wanted, |info| info.definition);
        if there.iter().any(Option::is_none) && !self.options.dry_run {
            let words = definition.parameters().into_iter().flat_map(|(name, value)| {
                [name.to_string()].into_iter().chain(value.split(' ').map(String::from).collect::<Vec<_>>())
            });
            self.scope.create(&words.collect::<Vec<_>>())?;
        }
        self.definition = Some(definition);
        Ok(definition)
    }

    /// An entry that was read, unless its time is over.
    fn take(&mut self, definition: &Definition, now: u64, entry: &Entry, read: Frequencies) -> Option<Read> {
        let start = entry.time.saturating_mul(definition.interval);
        let lifetime = (u64::from(self.options.retention) + 1).saturating_mul(self.options.interval);
        let expiry = now.saturating_add_signed(read.left);
        if read.left < 0 || expiry.abs_diff(start.saturating_add(lifetime)) > LEEWAY {
            self.tally.odd_expiries += 1;
        }
        if definition.expiry(start).is_some_and(|expiry| expiry <= now) {
            self.tally.expired += 1;
            return None;
        }
        let tally = &mut self.tally;
        tally.from = Some(tally.from.map_or(start, |from| from.min(start)));
        tally.to = Some(tally.to.map_or(start, |to| to.max(start)));
        let name = self.names.iter().find(|(from, _)| from.as_bytes() == entry.index);
        let index = name.map_or_else(|| entry.index.clone(), |(_, to)| to.clone().into_bytes());
        tally.indexes.insert(index.clone());
        Some(Read { entry: entry.clone(), index, start, bands: read.bands })
    }

    /// Adds what a part of the scope lacks; tries again where somebody else has written to it meanwhile.
    fn add(&mut self, definition: &Definition, part: usize, page: &[Read]) -> Result<()> {
        for _ in 0..TRIES {
            if self.try_add(definition, part, page)? {
                return Ok(());
            }
        }
        let part = &self.scope.parts[part];
        Err(format!(
            "somebody else writes to '{part}' all the time: stop that, or wait for a quieter moment, and run the same again"
        )
        .into())
    }

    fn try_add(&mut self, definition: &Definition, part: usize, page: &[Read]) -> Result<bool> {
        if page.is_empty() {
            return Ok(true);
        }
        let name = self.scope.parts[part].clone();
        let frequencies = |read: &Read| {
            let mut command = cmd("SIM.FREQUENCIES");
            command.arg(&name).arg(&read.index).arg(&read.entry.key);
            command.arg("TIMESTAMP").arg(read.start).arg("WINDOW").arg(1).clone()
        };
        let watch = cmd("WATCH").arg(&name).clone();
        let commands: Vec<Cmd> = [watch].into_iter().chain(page.iter().map(frequencies)).collect();
        let replies = self.scope.server.ask_all(&commands)?;
        let (mut tally, mut imports, mut failed) = (Tally::default(), Vec::new(), Vec::new());
        for (read, reply) in page.iter().zip(replies.into_iter().skip(1)) {
            let there: Bands = self.scope.server.value(reply)?;
            match lacking(&read.bands, &there) {
                Some(bands) if bands.iter().all(BTreeMap::is_empty) => tally.there += 1,
                Some(bands) => match blob::encode_counts(definition, &[(read.start, bands)]) {
                    Ok(blob) => imports.push((read, blob)),
                    Err(_) => failed.push((read, HAS_OTHERS.to_string())),
                },
                None => failed.push((read, HAS_OTHERS.to_string())),
            }
        }
        if !self.options.dry_run && !imports.is_empty() {
            let import = |(read, blob): &(&Read, Vec<u8>)| {
                cmd("SIM.IMPORT").arg(&name).arg(&read.index).arg(&read.entry.key).arg(&blob[..]).clone()
            };
            let commands: Vec<Cmd> = imports.iter().map(import).collect();
            let Some(replies) = self.scope.server.transaction(&commands)? else { return Ok(false) };
            for ((read, _), reply) in imports.into_iter().zip(replies) {
                match reply {
                    Value::ServerError(error) => {
                        failed.push((
                            read,
                            format!("was refused: {}", self.scope.server.in_words(&error.into())),
                        ));
                    }
                    reply => tally.add(self.scope.server.value::<Vec<u64>>(reply)?.iter().sum()),
                }
            }
        } else {
            imports.iter().for_each(|(_, blob)| tally.add(observations(blob)));
        }
        self.tally.added += tally.added;
        self.tally.observations += tally.observations;
        self.tally.there += tally.there;
        failed.into_iter().for_each(|(read, why)| self.fail(&read.entry, &why));
        Ok(true)
    }

    /// Counts an entry that cannot be carried over, and shows it if it is one of the first.
    fn fail(&mut self, Entry { index, time, key }: &Entry, why: &str) {
        self.tally.failed += 1;
        if self.tally.failed <= self.options.show {
            let (key, index) = (show::name(key), show::name(index));
            self.progress.say(&format!("item '{key}' in index '{index}', interval {time}: {why}"));
        }
        if self.tally.failed == self.options.show + 1 {
            self.progress
                .say("more cannot be carried over; from here on they are counted (--show N shows more)");
        }
    }
}

const HAS_OTHERS: &str = "the scope has other observations of it in this interval, and nobody knows which are the \
                          same: SIM.DELETE it there and run the same again, or leave it";

impl Tally {
    fn add(&mut self, observations: u64) {
        self.added += 1;
        self.observations += observations;
    }
}

/// What `there` lacks of these counts: nothing (empty bands) where it has all of them or more. `None`
/// where each has something that the other has not.
fn lacking(counts: &Bands, there: &[BandCounts]) -> Option<Bands> {
    let (mut lacking, mut has_others) = (vec![BTreeMap::new(); counts.len()], false);
    let none = BTreeMap::new();
    for (band, counts) in counts.iter().enumerate() {
        let there = there.get(band).unwrap_or(&none);
        has_others |= there.iter().any(|(bucket, count)| counts.get(bucket).is_none_or(|own| own < count));
        for (bucket, count) in counts {
            let count = count.saturating_sub(there.get(bucket).copied().unwrap_or_default());
            if count > 0 {
                lacking[band].insert(bucket.clone(), count);
            }
        }
    }
    let lacks_nothing = lacking.iter().all(BTreeMap::is_empty);
    (lacks_nothing || !has_others).then_some(lacking)
}

/// How many observations a blob of our own holds.
fn observations(blob: &[u8]) -> u64 {
    let decoded = simile::index::Blob::decode(blob);
    decoded.map_or(0, |blob| blob.chunks().iter().map(|chunk| u64::from(chunk.observations)).sum())
}

impl Migration<'_> {
    fn summary(&self) -> Result<ExitCode> {
        self.progress.finish();
        let Tally { added, observations, there, expired, failed, odd_expiries, from, to, .. } = &self.tally;
        let indexes: Vec<String> = self.tally.indexes.iter().map(|index| show::name(index)).collect();
        let code = if *failed > 0 { ExitCode::from(INCOMPLETE) } else { ExitCode::SUCCESS };
        if self.options.json {
            let summary = json!({
                "dry_run": self.options.dry_run, "added": added, "observations": observations, "there": there,
                "expired": expired, "failed": failed, "odd_expiries": odd_expiries, "indexes": indexes,
                "bands": self.definition.map(|definition| definition.bands()), "oldest": from, "newest": to,
            });
            writeln!(stdout(), "{summary}")?;
            return Ok(code);
        }
        let mut out = stdout().lock();
        let Options { namespace, project, from: url, scope, .. } = self.options;
        let Some(definition) = self.definition else {
            return Err(format!(
                "{url} holds no key {namespace}:{project}:f:INDEX:TIME:1:KEY: are --namespace and --project right? \
                 (Indexes with a colon in their names must be named with --index.)"
            )
            .into());
        };
        let (bands, counted) = (definition.bands(), show::count(*observations, "observation"));
        writeln!(
            out,
            "{bands} bands; indexes: {}.",
            if indexes.is_empty() { "none".into() } else { indexes.join(", ") }
        )?;
        if let (Some(from), Some(to)) = (from, to) {
            writeln!(out, "Intervals from {from} to {to} (Unix seconds of their beginnings).")?;
        }
        let verb = if self.options.dry_run { "would be added" } else { "added" };
        writeln!(out, "Of items in an index during an interval:")?;
        writeln!(out, "{:>12} {verb} to '{scope}': {counted}", show::number(*added))?;
        writeln!(out, "{:>12} there already", show::number(*there))?;
        writeln!(out, "{:>12} past their time", show::number(*expired))?;
        writeln!(
            out,
            "{:>12} {}",
            show::number(*failed),
            if *failed > 0 { "NOT CARRIED OVER" } else { "failed" }
        )?;
        if *odd_expiries > 0 {
            writeln!(
                out,
                "The expiry of {} of them is not what --interval {} --retention {} would make it: is that how Sentry \
                 was configured? Scores depend on it.",
                show::number(*odd_expiries),
                self.options.interval,
                self.options.retention
            )?;
        }
        Ok(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bands(counts: &[&[(&str, u32)]]) -> Bands {
        let band = |band: &&[(&str, u32)]| {
            band.iter().map(|(name, count)| (name.as_bytes().to_vec(), *count)).collect()
        };
        counts.iter().map(band).collect()
    }

    #[test]
    fn only_what_is_lacking_is_added() {
        let sentry = bands(&[&[("a", 2), ("b", 1)], &[("c", 3)]]);
        let lacks = |there: &[&[(&str, u32)]]| lacking(&sentry, &bands(there));
        assert_eq!(lacks(&[]), Some(sentry.clone()));
        assert_eq!(lacks(&[&[], &[]]), Some(sentry.clone()));
        assert_eq!(lacks(&[&[("a", 2), ("b", 1)], &[("c", 3)]]), Some(bands(&[&[], &[]])));
        assert_eq!(lacks(&[&[("a", 2)], &[("c", 2)]]), Some(bands(&[&[("b", 1)], &[("c", 1)]])));
        // All of it is there, and what was recorded since.
        assert_eq!(lacks(&[&[("a", 2), ("b", 2)], &[("c", 3), ("d", 1)]]), Some(bands(&[&[], &[]])));
        // Something was recorded there, and this is not.
        assert_eq!(lacks(&[&[("x", 1)], &[("c", 1)]]), None);
        assert_eq!(lacks(&[&[("a", 3)], &[("c", 3)]]), None);
    }
}
