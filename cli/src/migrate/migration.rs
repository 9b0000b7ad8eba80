//! The migration itself: *compare and repair*.
//!
//! SCAN walks all keys of Sentry's server and gives the entries of the index: an entry is an item in an
//! index during an interval. For each entry the bucket counts in Sentry's hashes are compared with those
//! in the scope (SIM.FREQUENCIES), and what the scope lacks is added by SIM.IMPORT, into the same
//! interval.
//!
//! So nothing has to be remembered between runs. A run that was stopped is simply run again, a run over an
//! index that is still in use is repeated to catch up, and a run that finds nothing to add proves that the
//! scope has everything. SCAN may give a key twice, which does no harm for the same reason. (To copy
//! without comparing would be faster, but then a second run would count everything twice.)
//!
//! Nothing is added twice by two runs at a time, either: comparing and adding is an *optimistic
//! transaction*. The scope is watched (WATCH) before it is read, and if anyone has changed it before EXEC,
//! the server refuses, and the page is compared again.
//!
//! Memory holds one page of entries, whatever the size of the index.

use super::Options;
use super::missing::{is_empty, missing_counts};
use super::sentry_index::{Bands, Entry, Frequencies, SentryIndex};
use super::tally::Tally;
use crate::progress::Progress;
use crate::report::Failures;
use crate::scope::Scope;
use crate::{Result, display};
use redis::{Cmd, Value, cmd};
use simile::index::blob::{self, BandCounts};
use simile::index::{Blob, Definition};
use simile::signature::{Hash, Scheme};
use std::collections::BTreeMap;
use std::io::{Write, stdout};
use std::process::ExitCode;

/// Keys that one SCAN looks at.
const KEYS_PER_SCAN: usize = 1_000;
/// Entries that are read, compared and added together.
const ENTRIES_PER_PAGE: usize = 100;
/// The number of times that a page is tried before giving up because other clients write to the scope.
const MAX_ATTEMPTS: usize = 50;
/// Seconds by which an expiry may differ from the expected one: TTL is rounded, and the clock goes on
/// between two commands.
const EXPIRY_TOLERANCE: u64 = 5;

/// The reason if [`missing_counts`] cannot tell what to add.
const UNCLEAR: &str = "the scope has other observations of it in this interval, and it is unknown which are the \
                       same: SIM.DELETE it there and run the same command again, or leave it";

/// A migration that is running.
pub struct Migration<'a> {
    options: &'a Options,
    sentry: SentryIndex,
    scope: Scope,
    /// The names of the indexes in the scope, by their names at Sentry; an index that is not in it keeps
    /// its name.
    new_names: BTreeMap<String, String>,
    /// The scope's definition; `None` until the first entry has told the number of bands.
    definition: Option<Definition>,
    progress: Progress,
    tally: Tally,
    failures: Failures,
}

/// An entry of Sentry's, to be compared with the scope.
struct PendingEntry {
    entry: Entry,
    /// The name of its index in the scope.
    index: Vec<u8>,
    /// The first second of its interval.
    interval_start: u64,
    /// Its counts at Sentry.
    bands: Bands,
}

/// An entry that is to be added to the scope.
struct Import<'p> {
    pending: &'p PendingEntry,
    /// The missing counts, as SIM.IMPORT takes them.
    blob: Vec<u8>,
}

/// The comparison of a page with the scope.
#[derive(Default)]
struct Comparison<'p> {
    already_there: u64,
    imports: Vec<Import<'p>>,
    unclear: Vec<&'p PendingEntry>,
}

impl<'a> Migration<'a> {
    pub fn start(
        options: &'a Options,
        mut sentry: SentryIndex,
        scope: Scope,
        new_names: BTreeMap<String, String>,
    ) -> Result<Migration<'a>> {
        let progress = Progress::start(Some(sentry.count_keys()?), &options.report.progress);
        let failures = Failures::new(&options.report);
        let tally = Tally::default();
        Ok(Migration { options, sentry, scope, new_names, definition: None, progress, tally, failures })
    }

    /// Copies all entries, page by page.
    pub fn copy_all(&mut self) -> Result<()> {
        let mut cursor = b"0".to_vec();
        let mut keys_scanned = 0;
        loop {
            let (next_cursor, entries) = self.sentry.scan(&cursor, KEYS_PER_SCAN)?;
            for page in entries.chunks(ENTRIES_PER_PAGE) {
                self.copy_page(page)?;
            }
            keys_scanned += KEYS_PER_SCAN as u64;
            let tally = &self.tally;
            let verb = if self.options.dry_run { "to add" } else { "added" };
            self.progress.report(keys_scanned, || {
                let (added, there) = (display::number(tally.added), display::number(tally.already_there));
                format!("{added} {verb}, {there} already there")
            });
            if next_cursor == b"0" {
                return Ok(());
            }
            cursor = next_cursor;
        }
    }

    /// Copies a page of entries: reads them from Sentry, sorts them by the part of the scope that their
    /// items are in, and adds to each part what it lacks.
    fn copy_page(&mut self, page: &[Entry]) -> Result<()> {
        let Some(first) = page.first() else { return Ok(()) };
        let definition = match self.definition {
            Some(definition) => definition,
            None => self.prepare_scope(first)?,
        };
        let now = self.sentry.server_time()?;
        let mut pending_by_part: Vec<Vec<PendingEntry>> = Vec::new();
        pending_by_part.resize_with(self.scope.parts.len(), Vec::new);
        for (entry, outcome) in page.iter().zip(self.sentry.read(page, definition.bands())?) {
            match outcome {
                // Its keys have expired since the scan.
                Ok(frequencies) if is_empty(&frequencies.bands) => self.tally.expired += 1,
                Ok(frequencies) => {
                    if let Some(pending) = self.prepare_entry(&definition, now, entry, frequencies) {
                        pending_by_part[self.scope.part_of(&entry.key)].push(pending);
                    }
                }
                Err(reason) => self.add_failure(entry, &reason),
            }
        }
        pending_by_part
            .iter()
            .enumerate()
            .try_for_each(|(part, pending)| self.add_missing(&definition, part, pending))
    }

    /// Finds the number of bands, checks the scope against it, and creates the parts that do not exist.
    fn prepare_scope(&mut self, entry: &Entry) -> Result<Definition> {
        let Options { interval, retention, rows, modulus, sketch, score, .. } = *self.options;
        let hash = Hash::Murmur3 { modulus: Some(modulus) };
        let scheme = Scheme { hash, seed: 0, bands: self.sentry.count_bands(entry)?, rows, sketch };
        let score = score.mode();
        let expected = Definition { scheme, interval, retention, score, ..Definition::default() };
        let infos = self.scope.read_infos()?;
        for (info, part) in infos.iter().zip(&self.scope.parts) {
            let Some(info) = info else { continue };
            let (bands, interval) = (info.definition.bands(), info.definition.interval);
            if (bands, interval) != (expected.bands(), expected.interval) {
                return Err(format!(
                    "the scope '{part}' has BANDS {bands} INTERVAL {interval}, and Sentry's index has {} bands and, \
                     by --interval, {}: choose another scope",
                    expected.bands(),
                    expected.interval
                )
                .into());
            }
        }
        // A scope that exists keeps its definition. Parts that are missing, as after a stop, get the same.
        let definition = infos.iter().flatten().next().map_or(expected, |info| info.definition);
        if infos.iter().any(Option::is_none) && !self.options.dry_run {
            let mut words: Vec<String> = Vec::new();
            for (name, value) in definition.parameters() {
                words.push(name.to_string());
                words.extend(value.split(' ').map(String::from));
            }
            self.scope.create(&words)?;
        }
        self.definition = Some(definition);
        Ok(definition)
    }

    /// Prepares an entry that was read for the comparison, and counts its index, its interval and an odd
    /// expiry. `None` if it is older than the scope's window: then it is counted as expired.
    fn prepare_entry(
        &mut self,
        definition: &Definition,
        now: u64,
        entry: &Entry,
        frequencies: Frequencies,
    ) -> Option<PendingEntry> {
        let interval_start = entry.time.saturating_mul(definition.interval);
        // Sentry let a key live for its interval and the retention after it. Another expiry means that
        // Sentry was configured in another way than the options say.
        let lifetime = (u64::from(self.options.retention) + 1).saturating_mul(self.options.interval);
        let expected_expiry = interval_start.saturating_add(lifetime);
        let expiry = now.saturating_add_signed(frequencies.time_to_live);
        if frequencies.time_to_live < 0 || expiry.abs_diff(expected_expiry) > EXPIRY_TOLERANCE {
            self.tally.odd_expiries += 1;
        }
        if definition.expiry(interval_start).is_some_and(|expiry| expiry <= now) {
            self.tally.expired += 1;
            return None;
        }
        let new_name = self.new_names.iter().find(|(old_name, _)| old_name.as_bytes() == entry.index);
        let index = new_name.map_or_else(|| entry.index.clone(), |(_, name)| name.clone().into_bytes());
        self.tally.note_entry(&index, interval_start);
        Some(PendingEntry { entry: entry.clone(), index, interval_start, bands: frequencies.bands })
    }

    /// Adds what a part of the scope lacks. Tries again if other clients have written to the part between
    /// reading and adding.
    fn add_missing(&mut self, definition: &Definition, part: usize, page: &[PendingEntry]) -> Result<()> {
        if page.is_empty() {
            return Ok(());
        }
        for _ in 0..MAX_ATTEMPTS {
            if self.try_add_missing(definition, part, page)? {
                return Ok(());
            }
        }
        let part = &self.scope.parts[part];
        Err(format!(
            "other clients keep writing to '{part}': stop them, or wait for a quieter moment, and run the same \
             command again"
        )
        .into())
    }

    /// Compares a page with a part of the scope and adds what it lacks. Returns false, and has done
    /// nothing, if the part has changed meanwhile.
    fn try_add_missing(
        &mut self,
        definition: &Definition,
        part: usize,
        page: &[PendingEntry],
    ) -> Result<bool> {
        // Phase 1: watch the part, and read and compare what it has.
        let Comparison { already_there, imports, unclear } = self.compare(definition, part, page)?;
        // Phase 2: add. Nothing is counted before it is certain that EXEC was not refused.
        let mut refused = Vec::new();
        if self.options.dry_run || imports.is_empty() {
            imports.iter().for_each(|import| self.tally.count_added(import.observations()));
        } else {
            let part = &self.scope.parts[part];
            let commands: Vec<Cmd> = imports.iter().map(|import| import.to_command(part)).collect();
            let Some(replies) = self.scope.server.run_transaction(&commands)? else { return Ok(false) };
            for (import, reply) in imports.iter().zip(replies) {
                match reply {
                    Value::ServerError(error) => {
                        let reason = self.scope.server.describe_error(&error.into());
                        refused.push((import.pending, format!("was refused: {reason}")));
                    }
                    reply => {
                        let observations: Vec<u64> = self.scope.server.parse_reply(reply)?;
                        self.tally.count_added(observations.iter().sum());
                    }
                }
            }
        }
        // Phase 3: count the rest.
        self.tally.already_there += already_there;
        unclear.into_iter().for_each(|pending| self.add_failure(&pending.entry, UNCLEAR));
        refused.into_iter().for_each(|(pending, reason)| self.add_failure(&pending.entry, &reason));
        Ok(true)
    }

    /// Compares a page with a part of the scope. From then on the part is watched: a transaction is refused
    /// if the part changes. (If no transaction follows, the watch stays. The worst that it can do is to
    /// refuse the one of a later page, which is then tried again.)
    fn compare<'p>(
        &mut self,
        definition: &Definition,
        part: usize,
        page: &'p [PendingEntry],
    ) -> Result<Comparison<'p>> {
        let part = &self.scope.parts[part];
        let watch = cmd("WATCH").arg(part).clone();
        let read_frequencies = page.iter().map(|pending| {
            let mut command = cmd("SIM.FREQUENCIES");
            command.arg(part).arg(&pending.index).arg(&pending.entry.key);
            command.arg("TIMESTAMP").arg(pending.interval_start).arg("WINDOW").arg(1);
            command
        });
        let commands: Vec<Cmd> = [watch].into_iter().chain(read_frequencies).collect();
        let replies = self.scope.server.pipeline(&commands)?.into_iter().skip(1);
        let mut comparison = Comparison::default();
        for (pending, reply) in page.iter().zip(replies) {
            let scope_counts: Vec<Vec<(Vec<u8>, u32)>> = self.scope.server.parse_reply(reply)?;
            let scope_counts: Bands = scope_counts.into_iter().map(BandCounts::from_iter).collect();
            match missing_counts(&pending.bands, &scope_counts) {
                Some(missing) if is_empty(&missing) => comparison.already_there += 1,
                // Counts that make no blob have unequal sums in their bands: some observations are there
                // in some bands only.
                Some(missing) => {
                    match blob::encode_counts(definition, &[(pending.interval_start, missing)]) {
                        Ok(blob) => comparison.imports.push(Import { pending, blob }),
                        Err(_) => comparison.unclear.push(pending),
                    }
                }
                None => comparison.unclear.push(pending),
            }
        }
        Ok(comparison)
    }

    fn add_failure(&mut self, Entry { index, time, key }: &Entry, reason: &str) {
        self.failures.add(&self.progress, || {
            let (key, index) = (display::name(key), display::name(index));
            format!("item '{key}' in index '{index}', interval {time}: {reason}")
        });
    }

    /// Prints what was found and done.
    ///
    /// # Errors
    /// Nothing was found, which is most likely a mistake in the options. (In JSON it is not an error: a
    /// program sees the zeros.)
    pub fn print_summary(&self) -> Result<ExitCode> {
        self.progress.finish();
        let failed = self.failures.count();
        if self.options.report.json {
            let summary = self.tally.to_json(self.options, self.definition.as_ref(), failed);
            writeln!(stdout(), "{summary}")?;
            return Ok(self.failures.exit_code());
        }
        let Some(definition) = &self.definition else {
            let Options { from, namespace, project, .. } = self.options;
            return Err(format!(
                "{from} has no key {namespace}:{project}:f:INDEX:TIME:1:KEY: are --namespace and --project right? (An \
                 index with a colon in its name must be named with --index.)"
            )
            .into());
        };
        self.tally.print(self.options, definition, failed)?;
        Ok(self.failures.exit_code())
    }
}

impl Import<'_> {
    fn to_command(&self, scope: &str) -> Cmd {
        let PendingEntry { entry, index, .. } = self.pending;
        cmd("SIM.IMPORT").arg(scope).arg(index).arg(&entry.key).arg(&self.blob[..]).clone()
    }

    /// The observations in the blob, for a dry run.
    fn observations(&self) -> u64 {
        let decoded = Blob::decode(&self.blob);
        decoded.map_or(0, |blob| blob.chunks().iter().map(|chunk| u64::from(chunk.observations)).sum())
    }
}
