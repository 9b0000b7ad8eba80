//! Adding observations to a scope: RECORD and ASSIGN, and the chunks that IMPORT adds.
//!
//! A recording goes through two phases:
//!
//! 1. [`Recording::new`] opens the scope, signs what each clause observes, and checks the moment.
//!    ASSIGN searches with these observations, before it knows the item that they go to.
//! 2. [`Recording::record`] creates the scope if it is missing, checks and changes the chunks, and
//!    replicates.

use super::cost;
use super::creation;
use super::observe::Observation;
use crate::command::error::Error;
use crate::command::parse::clause::Clause;
use crate::config;
use crate::index::{Chunk, Counts, Definition};
use crate::keyspace::name;
use crate::keyspace::scope::{Scope, ScopeKey};
use crate::keyspace::window::{self, ChunkKey};
use crate::server::call::{Call, ReplicatedArg};
use crate::server::key::Access;
use smallvec::SmallVec;

/// Observations on their way into a scope.
pub struct Recording<'c> {
    call: &'c Call<'c>,
    name: &'c [u8],
    scope: TargetScope<'c>,
    /// The moment of the observations.
    pub timestamp: u64,
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

/// The scope that observations go to.
enum TargetScope<'c> {
    /// It exists.
    Existing(ScopeKey<'c>),
    /// It is missing, and is created if there is anything to record.
    New(Scope),
}

/// The chunk of an index that observations go to.
struct TargetChunk<'c, 'a> {
    index: &'a [u8],
    /// `None` as long as the chunk is missing.
    key: Option<ChunkKey<'c>>,
}

impl<'c> Recording<'c> {
    /// Opens the scope, and signs what the clauses observe.
    ///
    /// # Errors
    /// A clause does not fit the scope, or the moment is not in its window.
    pub fn new(
        call: &'c Call<'c>,
        name: &'c [u8],
        timestamp: Option<u64>,
        clauses: &[Clause<'c>],
    ) -> Result<Recording<'c>, Error> {
        let scope = match ScopeKey::open(call, name)? {
            Some(key) => TargetScope::Existing(key),
            None => TargetScope::New(new_scope(call, name)?),
        };
        let definition = match &scope {
            TargetScope::Existing(key) => key.scope()?.definition,
            TargetScope::New(scope) => scope.definition,
        };
        let timestamp = timestamp.unwrap_or(call.now_seconds());
        // An observation is large, so each is built in its place in the recording.
        let mut recording = Recording { call, name, scope, timestamp, observations: SmallVec::new() };
        for Clause { index, source } in clauses {
            recording
                .observations
                .push(ClauseObservation { index, observation: source.observe(call, &definition)? });
        }
        // A command that observes nothing records nothing, at whatever moment.
        if !recording.is_empty() {
            check_time(call, &definition, timestamp)?;
        }
        Ok(recording)
    }

    /// True if no clause observes anything.
    pub fn is_empty(&self) -> bool {
        self.observations.iter().all(|clause| clause.observation.is_none())
    }

    /// The scope, if it exists.
    pub fn scope(&self) -> Option<&Scope> {
        match &self.scope {
            TargetScope::Existing(key) => key.scope().ok(),
            TargetScope::New(_) => None,
        }
    }

    /// Adds the observations to an item, and replicates them. `is_verbatim`: the command itself says
    /// all that a replica needs, so it goes out as it came. Returns the new counts of each clause.
    ///
    /// # Errors
    /// A count would not fit, or the scope is missing and `simile.auto-create` is `no`.
    pub fn record(self, item: &[u8], is_verbatim: bool) -> Result<SmallVec<[Counts; 2]>, Error> {
        let Recording { call, name, timestamp, .. } = self;

        // Create the scope, as a command of its own for replicas and the AOF.
        let mut key = match self.scope {
            TargetScope::Existing(key) => key,
            TargetScope::New(scope) => {
                check_auto_create(call)?;
                creation::replicate(call, name, &scope);
                let key = ScopeKey::create(call, name, scope);
                call.notify_changed(c"sim.create");
                key
            }
        };

        // Check all chunks, then create those that are missing, and change them.
        let definition = key.scope()?.definition;
        let start = definition.start(timestamp);
        let mut chunks = open_chunks(call, key.scope()?, item, start, &self.observations)?;
        for TargetChunk { index, key: chunk } in &mut chunks {
            if chunk.is_none() {
                *chunk = Some(add_chunk(call, &mut key, index, start)?);
            }
        }
        let counts = add_observations(&mut chunks, item, &self.observations);

        // Replicate.
        if is_verbatim {
            call.replicate_verbatim();
        } else {
            replicate(call, item, timestamp, definition.bands(), &self.observations);
        }
        call.notify_changed(c"sim.record");
        Ok(counts)
    }
}

/// The scope that RECORD creates: with the definition of the settings.
fn new_scope(call: &Call, name: &[u8]) -> Result<Scope, Error> {
    let uid = name::uid(call.random(), name);
    Ok(Scope::new(config::definition(), uid, &name::tag(name)?))
}

fn check_auto_create(call: &Call) -> Result<(), Error> {
    if config::AUTO_CREATE.is_yes() || call.is_trusted_source() {
        return Ok(());
    }
    Err(Error::NoScope("make it with SIM.CREATE, or set simile.auto-create to yes"))
}

/// Checks that the chunk of a moment has not expired, and that the moment is at most the lifetime of a
/// chunk ahead: milliseconds, given for seconds, would make chunks that never expire. What a primary or
/// an AOF sends was checked when it was recorded.
fn check_time(call: &Call, definition: &Definition, timestamp: u64) -> Result<(), Error> {
    let Some(expiry) = definition.expiry(definition.start(timestamp)) else { return Ok(()) };
    if call.is_trusted_source() {
        return Ok(());
    }
    let now = call.now_seconds();
    if definition.is_expired(definition.start(timestamp), call.now_ms()) {
        return Err(Error::TooOld(timestamp, *definition.window(now, None).start()));
    }
    let lifetime = expiry - definition.start(timestamp);
    if timestamp > now + lifetime {
        return Err(Error::TooNew(timestamp, now + lifetime));
    }
    Ok(())
}

/// Opens the chunk of each index that the clauses observe, and checks all that could fail later.
fn open_chunks<'c, 'a>(
    call: &'c Call,
    scope: &Scope,
    item: &[u8],
    start: u64,
    observations: &[ClauseObservation<'a>],
) -> Result<SmallVec<[TargetChunk<'c, 'a>; 2]>, Error> {
    let mut chunks: SmallVec<[TargetChunk; 2]> = SmallVec::new();
    for ClauseObservation { index, observation } in observations {
        cost::spend(call, cost::OBSERVATION + chunks.len() as u64 / cost::INDEXES)?;
        // Several clauses may name one index, whose chunk is opened once.
        if observation.is_none() || chunks.iter().any(|chunk| chunk.index == *index) {
            continue;
        }
        let key = ChunkKey::open_listed(call, scope, index, start, Access::Write)?;
        if key.is_none() {
            // Creating a chunk is a change already, so all that could stop it is checked here. That
            // includes the other chunks of the index: `add_chunk` looks at them.
            cost::charge_all_chunks(call, scope, index, 3)?;
            cost::spend(call, 2 * cost::CHUNK)?;
            window::check_can_create(call, scope, index, start)?;
            window::check_none_moving(call, scope, index)?;
        }
        if let Some(chunk) = key.as_ref().and_then(ChunkKey::chunk) {
            check_capacity(chunk, item, index, observations)?;
        }
        chunks.push(TargetChunk { index, key });
    }
    Ok(chunks)
}

/// Checks that a chunk can take all that is observed in its index.
fn check_capacity(
    chunk: &Chunk,
    item: &[u8],
    index: &[u8],
    observations: &[ClauseObservation],
) -> Result<(), Error> {
    let mut count = 0;
    let mut bytes = item.len();
    let of_index = observations.iter().filter(|clause| clause.index == index);
    for observation in of_index.filter_map(|clause| clause.observation.as_ref()) {
        count += 1;
        bytes += observation.buckets().map(<[u8]>::len).sum::<usize>();
    }
    Ok(chunk.check_capacity(item, count, bytes)?)
}

/// Adds each observation to the chunk of its index. Returns the new counts of each clause.
fn add_observations(
    chunks: &mut [TargetChunk],
    item: &[u8],
    observations: &[ClauseObservation],
) -> SmallVec<[Counts; 2]> {
    let add = |ClauseObservation { index, observation }: &ClauseObservation| {
        let Some(observation) = observation else { return Counts::new() };
        let target = chunks.iter_mut().find(|chunk| chunk.index == *index);
        let key = target.and_then(|target| target.key.as_mut());
        let counts = key.and_then(|key| key.modify(|chunk| chunk.record(item, observation.buckets())));
        counts.unwrap_or_default()
    };
    let mut counts = SmallVec::new();
    counts.extend(observations.iter().map(add));
    counts
}

/// Creates the chunk of an index and start, and lists it in the scope. This happens once an interval,
/// so it is also the time to strike out those that have expired since.
///
/// # Errors
/// A chunk is on its way to another node of the cluster. Callers open all chunks of the index before
/// they change anything, so that this shows earlier.
pub fn add_chunk<'c>(
    call: &'c Call,
    key: &mut ScopeKey,
    index: &[u8],
    start: u64,
) -> Result<ChunkKey<'c>, Error> {
    let gone = window::gone_starts(call, key.scope()?, index)?;
    let scope = key.scope_mut()?;
    scope.forget(index, gone);
    scope.add(index, start);
    Ok(ChunkKey::create(call, scope, index, start)?)
}

/// Replicates a RECORD with its moment and its buckets, so that a replica needs neither a clock nor to
/// sign.
fn replicate(call: &Call, item: &[u8], timestamp: u64, bands: u16, observations: &[ClauseObservation]) {
    let timestamp = timestamp.to_string();
    let bands = bands.to_string();
    let mut words: SmallVec<[ReplicatedArg; 64]> = SmallVec::new();
    words.extend([
        ReplicatedArg::Argument(1),
        ReplicatedArg::Bytes(item),
        ReplicatedArg::Bytes(b"TIMESTAMP"),
        ReplicatedArg::Bytes(timestamp.as_bytes()),
    ]);
    for ClauseObservation { index, observation } in observations {
        let Some(observation) = observation else { continue };
        words.extend([
            ReplicatedArg::Bytes(b"SIGNATURE"),
            ReplicatedArg::Bytes(index),
            ReplicatedArg::Bytes(bands.as_bytes()),
        ]);
        words.extend(observation.buckets().map(ReplicatedArg::Bytes));
    }
    call.replicate(c"SIM.RECORD", &words);
}
