//! Adding observations to a scope, and taking them back: RECORD, ASSIGN and FORGET, and the chunks that IMPORT adds.
//!
//! A recording goes through two phases, because ASSIGN searches in between: it needs the observations to
//! find the item that they go to.
//!
//! 1. [`Recording::new`] opens the scope, makes the observation of each clause, and checks the moment.
//!    Nothing has changed yet.
//! 2. [`Recording::record`] checks the chunks, creates the scope and the chunks that are missing, adds the
//!    observations, and replicates. [`Recording::forget`] checks that they are there, takes them back, and replicates.
//!
//! All checks come before the first change of a scope that exists. (A scope that is missing is created
//! before them. It has no chunks yet, so that only the budget can still fail.) Clauses of one index share
//! its chunk, and are checked together: each may fit, and all of them not.

use super::changes;
use super::cost;
use super::creation;
use super::observe::Observation;
use crate::command::error::Error;
use crate::command::parse::clause::Clause;
use crate::config;
use crate::index::{Chunk, Counts, Definition};
use crate::keyspace::scope::{Scope, ScopeKey};
use crate::keyspace::window::{self, ChunkKey};
use crate::keyspace::{dead_entries, name};
use crate::server::call::{Call, ReplicatedArg};
use crate::server::key::Access;
use smallvec::{SmallVec, smallvec};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CStr;

/// Observations that are about to be added to a scope.
pub struct Recording<'c> {
    call: &'c Call<'c>,
    name: &'c [u8],
    scope: TargetScope<'c>,
    /// The moment of the observations.
    pub timestamp: u64,
    /// The number of times that each is added or taken back: 1, unless it is set.
    pub times: u32,
    /// The observation of each clause.
    pub observations: SmallVec<[ClauseObservation<'c>; 2]>,
}

/// The observation of a clause.
pub struct ClauseObservation<'a> {
    /// The index.
    pub index: &'a [u8],
    /// `None` if the clause has no features.
    pub observation: Option<Observation<'a>>,
}

/// The scope that observations are added to.
enum TargetScope<'c> {
    /// It exists.
    Existing(ScopeKey<'c>),
    /// It is missing: the scope to create if there is anything to record.
    New(Scope),
}

/// The chunk of an index that observations are added to.
struct TargetChunk<'c, 'a> {
    index: &'a [u8],
    /// `None` until the chunk exists.
    key: Option<ChunkKey<'c>>,
}

impl<'c> Recording<'c> {
    /// Opens the scope, and makes the observation of each clause; with its sketch, if that is needed.
    ///
    /// # Errors
    /// A clause does not fit the scope, or the moment is not in its window.
    pub fn new(
        call: &'c Call<'c>,
        name: &'c [u8],
        timestamp: Option<u64>,
        clauses: &[Clause<'c>],
        needs_sketches: bool,
    ) -> Result<Recording<'c>, Error> {
        // Find the definition to sign by. A scope that is missing is made here but not put into its key: it
        // may turn out that there is nothing to record.
        let scope = match ScopeKey::open(call, name)? {
            Some(key) => TargetScope::Existing(key),
            None => TargetScope::New(new_scope(call, name)?),
        };
        let timestamp = timestamp.unwrap_or(call.now_seconds());
        let mut recording =
            Recording { call, name, scope, timestamp, times: 1, observations: SmallVec::new() };
        let definition = recording.definition()?;

        // Make the observations. Each is large, so it is pushed at once to the place where it stays.
        for Clause { index, source } in clauses {
            let observation = source.observe(call, &definition, needs_sketches)?;
            recording.observations.push(ClauseObservation { index, observation });
        }

        // Check the moment, unless there is nothing to record: then no moment is wrong.
        if !recording.is_empty() {
            check_time(call, &definition, timestamp)?;
        }
        Ok(recording)
    }

    /// True if no clause observes anything.
    pub fn is_empty(&self) -> bool {
        self.observations.iter().all(|clause| clause.observation.is_none())
    }

    /// The definition of the scope, also if it is still to be created.
    pub fn definition(&self) -> Result<Definition, Error> {
        match &self.scope {
            TargetScope::Existing(key) => Ok(key.scope()?.definition),
            TargetScope::New(scope) => Ok(scope.definition),
        }
    }

    /// The scope, if it exists.
    pub fn scope(&self) -> Option<&Scope> {
        match &self.scope {
            TargetScope::Existing(key) => key.scope().ok(),
            TargetScope::New(_) => None,
        }
    }

    /// True if the item is in a live chunk of any index that a clause names.
    pub fn is_known(&self, item: &[u8]) -> Result<bool, Error> {
        let Some(scope) = self.scope() else { return Ok(false) };
        for index in self.indexes() {
            let window = cost::open_all_charged(self.call, scope, index, 1)?;
            if window.chunks().iter().any(|chunk| chunk.item_id(item).is_some()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The indexes that the clauses name, each once.
    fn indexes(&self) -> BTreeSet<&'c [u8]> {
        self.observations.iter().map(|clause| clause.index).collect()
    }

    /// Adds the observations to an item, and replicates them. Returns the new counts of each clause.
    ///
    /// With `is_replaced`, all that the item has in the indexes of the clauses is deleted before. `is_verbatim` is true
    /// if the command gives all that a replica needs, and so is replicated as it came.
    ///
    /// # Errors
    /// A count would not fit, or the scope is missing and `simile.auto-create` is `no`.
    pub fn record(
        self,
        item: &[u8],
        is_replaced: bool,
        is_verbatim: bool,
    ) -> Result<SmallVec<[Counts; 2]>, Error> {
        let indexes = if is_replaced { self.indexes() } else { BTreeSet::new() };
        let is_empty = self.is_empty();
        let Recording { call, name, timestamp, times, .. } = self;

        // Phase 1: create the scope if it is missing. Replicas and the AOF receive a SIM.CREATE for it, since
        // their settings, and so the definition that a RECORD would choose there, may differ.
        let mut key = match self.scope {
            TargetScope::Existing(key) => key,
            // A REPLACE by nothing.
            TargetScope::New(_) if is_empty => {
                return Ok(self.observations.iter().map(|_| Counts::new()).collect());
            }
            TargetScope::New(scope) => {
                check_auto_create(call)?;
                creation::replicate(call, name, &scope);
                let key = ScopeKey::create(call, name, scope);
                call.notify_changed(c"sim.create");
                key
            }
        };

        // Phase 2: open and check all chunks. After this, nothing fails.
        let definition = key.scope()?.definition;
        let start = definition.start(timestamp);
        let added = Added { item, times, is_replaced, observations: &self.observations };
        let mut chunks = open_chunks(call, key.scope()?, start, &added)?;

        // Phase 3: delete what is replaced. Chunks that are left empty go, so the others are opened once more.
        if is_replaced {
            chunks.iter_mut().for_each(|chunk| chunk.key = None);
            replace(call, &mut key, item, &indexes)?;
            for TargetChunk { index, key: chunk } in &mut chunks {
                *chunk = ChunkKey::open_listed(call, key.scope()?, index, start, Access::Write)?;
            }
        }

        // Phase 4: create the chunks that are missing, then add the observations.
        for TargetChunk { index, key: chunk } in &mut chunks {
            if chunk.is_none() {
                *chunk = Some(add_chunk(call, &mut key, index, start)?);
            }
        }
        let recorded = add_observations(&mut chunks, &added);
        drop(chunks);

        // Phase 5: replicate, and tell clients that watch the scope.
        if is_verbatim {
            call.replicate_verbatim();
        } else if !is_empty {
            let is_kept =
                |clause: usize| recorded.get(clause).is_some_and(|recorded| recorded.is_sketch_kept);
            let moment = Moment { timestamp, times, bands: definition.bands() };
            replicate(call, c"SIM.RECORD", item, &moment, &self.observations, is_kept);
        }
        if !is_empty {
            call.notify_changed(c"sim.record");
            dead_entries::remove_some(call, &mut key)?;
        }
        Ok(recorded.into_iter().map(|recorded| recorded.counts).collect())
    }

    /// Takes the observations of an item back, and replicates that. Returns the counts that are left, of each clause.
    ///
    /// `is_verbatim` is as for [`Self::record`].
    ///
    /// # Errors
    /// The item was not seen in each of the buckets so often. Nothing has changed then.
    pub fn forget(self, item: &[u8], is_verbatim: bool) -> Result<SmallVec<[Counts; 2]>, Error> {
        let Recording { call, timestamp, times, .. } = self;
        let first = self.observations.iter().position(|clause| clause.observation.is_some()).unwrap_or(0);
        let TargetScope::Existing(mut key) = self.scope else { return Err(Error::NotRecorded(first + 1)) };

        // Phase 1: open the chunks, and check that everything is there. After this, nothing fails.
        let definition = key.scope()?.definition;
        let start = definition.start(timestamp);
        let mut chunks: SmallVec<[TargetChunk; 2]> = SmallVec::new();
        for (number, ClauseObservation { index, observation }) in self.observations.iter().enumerate() {
            cost::spend(call, cost::OBSERVATION + chunks.len() as u64 / cost::INDEXES_PER_POSTING)?;
            if observation.is_none() || chunks.iter().any(|chunk| chunk.index == *index) {
                continue;
            }
            cost::spend(call, cost::CHUNK)?;
            let key = ChunkKey::open_listed(call, key.scope()?, index, start, Access::Write)?;
            chunks.push(TargetChunk { index, key: Some(key.ok_or(Error::NotRecorded(number + 1))?) });
        }
        check_recorded(&chunks, item, times, &self.observations)?;

        // Phase 2: take them back. A chunk that is left empty goes.
        for ClauseObservation { index, observation } in &self.observations {
            let target = chunks.iter_mut().find(|chunk| chunk.index == *index);
            let chunk = target.and_then(|target| target.key.as_mut());
            if let Some((chunk, observation)) = chunk.zip(observation.as_ref()) {
                chunk.modify(|chunk| chunk.forget(item, observation.buckets(), times));
            }
        }
        // What is left in the end, of each clause: two may name the same bucket.
        let left_of = |ClauseObservation { index, observation }: &ClauseObservation| {
            let target = chunks.iter().find(|chunk| chunk.index == *index);
            let chunk = target.and_then(|target| target.key.as_ref()).and_then(ChunkKey::chunk);
            let counts = |(chunk, observation): (&Chunk, &Observation)| {
                (0..)
                    .zip(observation.buckets())
                    .map(|(band, bucket)| chunk.count_in(item, band, bucket))
                    .collect()
            };
            chunk.zip(observation.as_ref()).map_or_else(Counts::new, counts)
        };
        let left = self.observations.iter().map(left_of).collect();
        for TargetChunk { index, key: chunk } in chunks {
            if let Some(chunk) = chunk.filter(|chunk| chunk.chunk().is_some_and(Chunk::is_empty)) {
                chunk.delete();
                key.scope_mut()?.remove_start(index, start);
            }
        }

        // Phase 3: replicate, and tell clients that watch the scope.
        if is_verbatim {
            call.replicate_verbatim();
        } else {
            let moment = Moment { timestamp, times, bands: definition.bands() };
            replicate(call, c"SIM.FORGET", item, &moment, &self.observations, |_| false);
        }
        call.notify_changed(c"sim.forget");
        dead_entries::remove_some(call, &mut key)?;
        Ok(left)
    }
}

/// The counts of the item in each bucket, for each clause: the reply of RECORD and FORGET.
pub fn reply_counts(call: &Call, counts: &[Counts]) {
    call.reply_array(counts.len());
    for counts in counts {
        call.reply_array(counts.len());
        counts.iter().for_each(|count| call.reply_integer((*count).into()));
    }
}

/// What is added, and to which item.
struct Added<'a, 'o> {
    item: &'o [u8],
    times: u32,
    /// True if all that the item had is deleted before.
    is_replaced: bool,
    observations: &'o [ClauseObservation<'a>],
}

/// Deletes all that an item has in these indexes, and replicates that. Everything is checked before the first change.
fn replace(call: &Call, key: &mut ScopeKey, item: &[u8], indexes: &BTreeSet<&[u8]>) -> Result<(), Error> {
    let items = BTreeSet::from([item]);
    for index in indexes {
        changes::check_deletion(call, key.scope()?, index, &items)?;
    }
    let mut words: SmallVec<[ReplicatedArg; 8]> = smallvec![ReplicatedArg::Argument(1)];
    for index in indexes {
        if changes::delete(call, key, index, &items)? > 0 {
            words.extend([ReplicatedArg::Bytes(index), ReplicatedArg::Bytes(item)]);
        }
    }
    if words.len() > 1 {
        call.replicate(c"SIM.DELETE", &words);
        call.notify_changed(c"sim.delete");
    }
    Ok(())
}

/// Checks that an item was seen in the buckets of each observation as often as they are to be taken back, all
/// observations of an index together.
fn check_recorded(
    chunks: &[TargetChunk],
    item: &[u8],
    times: u32,
    observations: &[ClauseObservation],
) -> Result<(), Error> {
    // How often each bucket of an index is named so far.
    let mut named: BTreeMap<(&[u8], u16, &[u8]), u64> = BTreeMap::new();
    for (number, ClauseObservation { index, observation }) in observations.iter().enumerate() {
        let Some(observation) = observation else { continue };
        let target = chunks.iter().find(|chunk| chunk.index == *index);
        let chunk = target.and_then(|target| target.key.as_ref()).and_then(ChunkKey::chunk);
        for (band, bucket) in (0..).zip(observation.buckets()) {
            let needed = named.entry((index, band, bucket)).or_default();
            *needed += u64::from(times);
            let count = chunk.map_or(0, |chunk| chunk.count_in(item, band, bucket));
            if u64::from(count) < *needed {
                return Err(Error::NotRecorded(number + 1));
            }
        }
    }
    Ok(())
}

/// A scope as RECORD creates it: with the definition that the settings give.
fn new_scope(call: &Call, name: &[u8]) -> Result<Scope, Error> {
    let uid = name::uid_for(call.random(), name);
    Ok(Scope::new(config::definition(), uid, &name::tag(name)?))
}

/// Checks that a RECORD may create the scope. What a primary or an AOF sends was allowed there.
fn check_auto_create(call: &Call) -> Result<(), Error> {
    if config::AUTO_CREATE.is_yes() || call.is_trusted_source() {
        return Ok(());
    }
    Err(Error::NoScope("make it with SIM.CREATE, or set simile.auto-create to yes"))
}

/// Checks that the chunk of a moment has not expired, and that the moment is at most the lifetime of a
/// chunk ahead. The second is for clients that send milliseconds instead of seconds: the chunks would
/// practically never expire. What a primary or an AOF sends was checked when it was recorded.
fn check_time(call: &Call, definition: &Definition, timestamp: u64) -> Result<(), Error> {
    // Without intervals nothing expires, and every moment goes to the same chunk.
    let Some(expiry) = definition.expiry(definition.start(timestamp)) else { return Ok(()) };
    if call.is_trusted_source() {
        return Ok(());
    }
    let now = call.now_seconds();
    if definition.is_expired(definition.start(timestamp), call.now_ms()) {
        return Err(Error::TooOld(timestamp, *definition.window(now, None).start()));
    }
    // A moment further ahead than a chunk lives is most likely in milliseconds.
    let lifetime = expiry - definition.start(timestamp);
    if timestamp > now + lifetime {
        return Err(Error::TooNew(timestamp, now + lifetime));
    }
    Ok(())
}

/// Opens the chunk of each index that has an observation, and checks everything that could fail later. A
/// chunk that is missing is not created yet.
fn open_chunks<'c, 'a>(
    call: &'c Call,
    scope: &Scope,
    start: u64,
    added: &Added<'a, '_>,
) -> Result<SmallVec<[TargetChunk<'c, 'a>; 2]>, Error> {
    let mut chunks: SmallVec<[TargetChunk; 2]> = SmallVec::new();
    for ClauseObservation { index, observation } in added.observations {
        // The lookup below goes through the chunks so far, and adding an observation does so again.
        cost::spend(call, cost::OBSERVATION + chunks.len() as u64 / cost::INDEXES_PER_POSTING)?;
        // Several clauses may name one index; its chunk is opened once.
        if observation.is_none() || chunks.iter().any(|chunk| chunk.index == *index) {
            continue;
        }
        let key = ChunkKey::open_listed(call, scope, index, start, Access::Write)?;
        if key.is_none() {
            // Creating the chunk is the first change, so check now that it will succeed. `add_chunk` opens all
            // chunks of the index, so they are checked, too; that and opening them here is charged for.
            cost::open_all_charged(call, scope, index, 3)?;
            cost::spend(call, 4 * cost::CHUNK)?;
            window::check_can_create(call, scope, index, start)?;
        }
        // Only a chunk that exists may be nearly full.
        if let Some(chunk) = key.as_ref().and_then(ChunkKey::chunk) {
            check_capacity(chunk, index, added)?;
        }
        chunks.push(TargetChunk { index, key });
    }
    Ok(chunks)
}

/// Checks that a chunk has the capacity for all observations of its index together.
fn check_capacity(chunk: &Chunk, index: &[u8], added: &Added) -> Result<(), Error> {
    // An upper bound on the bytes: the item and each bucket may be new to the chunk.
    let mut count = 0;
    let mut bytes = added.item.len();
    let of_index = added.observations.iter().filter(|clause| clause.index == index);
    for observation in of_index.filter_map(|clause| clause.observation.as_ref()) {
        count += 1;
        bytes += observation.buckets().map(<[u8]>::len).sum::<usize>();
    }
    // What is replaced does not count: `None` is an item that is not there.
    let item = (!added.is_replaced).then_some(added.item);
    Ok(chunk.check_capacity(item, count, added.times, bytes)?)
}

/// What has become of a clause.
#[derive(Default)]
struct Recorded {
    /// The new counts; empty if the clause has no features.
    counts: Counts,
    /// True if the item looks like this observation from now on.
    is_sketch_kept: bool,
}

/// Adds each observation to the chunk of its index. Clauses come in their order: if two name one index, the counts
/// of the second include the first, and the sketch of the first is kept.
fn add_observations(chunks: &mut [TargetChunk], added: &Added) -> SmallVec<[Recorded; 2]> {
    let add = |ClauseObservation { index, observation }: &ClauseObservation| {
        // A clause without features keeps its place in the reply, with no counts.
        let Some(observation) = observation else { return Recorded::default() };
        let target = chunks.iter_mut().find(|chunk| chunk.index == *index);
        let key = target.and_then(|target| target.key.as_mut());
        let recorded = key.and_then(|key| key.modify(|chunk| add_observation(chunk, added, observation)));
        recorded.unwrap_or_default()
    };
    let mut recorded = SmallVec::new();
    recorded.extend(added.observations.iter().map(add));
    recorded
}

/// Adds an observation to a chunk, and keeps its sketch if it is the item's first there.
fn add_observation(chunk: &mut Chunk, added: &Added, observation: &Observation) -> Recorded {
    let counts = chunk.record_times(added.item, observation.buckets(), added.times);
    let is_sketch_kept = observation.sketch().is_some_and(|sketch| chunk.keep_sketch(added.item, sketch));
    Recorded { counts, is_sketch_kept }
}

/// Creates the chunk of an index and start, and lists it in the scope. This happens once an interval, and
/// also removes the entries of chunks that have expired since the last time, so the directory does not
/// grow for ever.
///
/// # Errors
/// A chunk has moved to another node of the cluster, or the new one cannot be created. Callers check both
/// before they change anything, so they do not see this error.
pub fn add_chunk<'c>(
    call: &'c Call,
    key: &mut ScopeKey,
    index: &[u8],
    start: u64,
) -> Result<ChunkKey<'c>, Error> {
    remove_gone(call, key, index)?;
    create_chunk(call, key, index, start)
}

/// Removes the entries of an index whose chunks are gone. It opens all chunks of the index.
///
/// # Errors
/// As [`add_chunk`].
pub fn remove_gone(call: &Call, key: &mut ScopeKey, index: &[u8]) -> Result<(), Error> {
    let gone = window::gone_starts(call, key.scope()?, index)?;
    key.scope_mut()?.remove_starts(index, gone);
    Ok(())
}

/// Lists a chunk in the scope, and creates it.
///
/// # Errors
/// As [`add_chunk`].
pub fn create_chunk<'c>(
    call: &'c Call,
    key: &mut ScopeKey,
    index: &[u8],
    start: u64,
) -> Result<ChunkKey<'c>, Error> {
    let scope = key.scope_mut()?;
    scope.add_start(index, start);
    Ok(ChunkKey::create(call, scope, index, start)?)
}

/// When and how often observations were made, and in how many bands.
struct Moment {
    timestamp: u64,
    times: u32,
    bands: u16,
}

/// Replicates a RECORD or FORGET with its moment, its buckets and the sketches that were kept, so that a replica needs no
/// clock and signs nothing. A clause without an observation is left out, and so is a sketch that changed nothing.
fn replicate(
    call: &Call,
    command: &'static CStr,
    item: &[u8],
    moment: &Moment,
    observations: &[ClauseObservation],
    is_sketch_kept: impl Fn(usize) -> bool,
) {
    // The scope, the item, the moment and the number of times, in the order of the syntax line.
    let [timestamp, times, bands] =
        [moment.timestamp, moment.times.into(), moment.bands.into()].map(|number| number.to_string());
    let mut words: SmallVec<[ReplicatedArg; 64]> = SmallVec::new();
    words.extend([
        ReplicatedArg::Argument(1),
        ReplicatedArg::Bytes(item),
        ReplicatedArg::Bytes(b"TIMESTAMP"),
        ReplicatedArg::Bytes(timestamp.as_bytes()),
    ]);
    if moment.times > 1 {
        words.extend([b"COUNT", times.as_bytes()].map(ReplicatedArg::Bytes));
    }
    // A SIGNATURE clause for each observation. One that the client gave is passed on without a copy.
    for (number, ClauseObservation { index, observation }) in observations.iter().enumerate() {
        let Some(observation) = observation else { continue };
        if let Some(clause) = observation.given_clause() {
            words.extend(clause.map(ReplicatedArg::Argument));
        } else {
            words.extend([b"SIGNATURE", *index, bands.as_bytes()].map(ReplicatedArg::Bytes));
            words.extend(observation.buckets().map(ReplicatedArg::Bytes));
        }
        if let Some(sketch) = observation.sketch().filter(|_| is_sketch_kept(number)) {
            words.extend([b"SKETCH", *index, sketch].map(ReplicatedArg::Bytes));
        }
    }
    call.replicate(command, &words);
}
