//! Observations on their way into a scope: what RECORD and ASSIGN share, and the chunks that IMPORT adds.

use super::cost;
use super::creation;
use super::observe::Observation;
use crate::command::error::Error;
use crate::command::parse::clause::Clause;
use crate::config;
use crate::index::{Counts, Definition};
use crate::keyspace::name;
use crate::keyspace::scope::{Scope, ScopeKey};
use crate::keyspace::window::{self, ChunkKey};
use crate::server::call::{Call, ReplicatedArg};
use crate::server::key::Access;
use smallvec::SmallVec;

/// An observation of an index; `None` where a clause has no feature.
pub type Observed<'a> = (&'a [u8], Option<Observation<'a>>);

/// The chunk of an index in its open key; `None` where it is not there yet.
type Opened<'c, 'a> = (&'a [u8], Option<ChunkKey<'c>>);

/// Observations on their way into a scope, which is made for them where it is missing: what RECORD
/// and ASSIGN share.
pub struct Recording<'c> {
    call: &'c Call<'c>,
    name: &'c [u8],
    scope: Target<'c>,
    /// The moment of the observations.
    pub timestamp: u64,
    /// What each clause observes.
    pub observed: SmallVec<[Observed<'c>; 2]>,
}

/// Where observations go.
enum Target<'c> {
    /// A scope that is there.
    There(ScopeKey<'c>),
    /// One to be made.
    New(Scope),
}

impl<'c> Recording<'c> {
    /// Signs what the clauses observe.
    ///
    /// # Errors
    /// A clause does not fit the scope, or the moment is not in the window.
    pub fn new(
        call: &'c Call<'c>,
        name: &'c [u8],
        timestamp: Option<u64>,
        clauses: &[Clause<'c>],
    ) -> Result<Recording<'c>, Error> {
        let scope = match ScopeKey::open(call, name)? {
            Some(key) => Target::There(key),
            None => Target::New(new_scope(call, name)?),
        };
        let definition = match &scope {
            Target::There(key) => key.scope()?.definition,
            Target::New(scope) => scope.definition,
        };
        let timestamp = timestamp.unwrap_or(call.now_seconds());
        // Observations are large, so that they are put where they stay.
        let mut recording = Recording { call, name, scope, timestamp, observed: SmallVec::new() };
        for clause in clauses {
            recording.observed.push((clause.index, clause.source.observe(call, &definition)?));
        }
        if !recording.is_empty() {
            check_time(call, &definition, timestamp)?;
        }
        Ok(recording)
    }

    /// Whether no clause observes anything.
    pub fn is_empty(&self) -> bool {
        self.observed.iter().all(|(_, observation)| observation.is_none())
    }

    /// The scope, where it is there.
    pub fn scope(&self) -> Option<&Scope> {
        match &self.scope {
            Target::There(key) => key.scope().ok(),
            Target::New(_) => None,
        }
    }

    /// Adds the observations to an item, and replicates that: as it came, where the command is a
    /// RECORD that says all. Returns the new counts, clause by clause.
    ///
    /// # Errors
    /// A count would not fit, or the scope is missing and must be made by hand.
    pub fn record(self, item: &[u8], as_it_came: bool) -> Result<SmallVec<[Counts; 2]>, Error> {
        let Recording { call, name, timestamp, .. } = self;
        let mut key = match self.scope {
            Target::There(key) => key,
            Target::New(scope) => {
                check_auto_create(call)?;
                creation::replicate(call, name, &scope);
                let key = ScopeKey::create(call, name, scope);
                call.notify_changed(c"sim.create");
                key
            }
        };
        let definition = key.scope()?.definition;
        let counts = record(call, &mut key, item, definition.start(timestamp), &self.observed)?;
        if as_it_came {
            call.replicate_verbatim();
        } else {
            replicate(call, item, timestamp, definition.bands(), &self.observed);
        }
        call.notify_changed(c"sim.record");
        Ok(counts)
    }
}

/// The scope that an implicit SIM.CREATE makes.
fn new_scope(call: &Call, name: &[u8]) -> Result<Scope, Error> {
    let uid = name::uid(call.random(), name);
    Ok(Scope::new(config::definition(), uid, &name::tag(name)?))
}

fn check_auto_create(call: &Call) -> Result<(), Error> {
    if config::AUTO_CREATE.is_yes() || call.is_trusted_source() { Ok(()) } else { Err(Error::NoScope) }
}

/// Holds that the moment's chunk is alive, and not too far ahead.
fn check_time(call: &Call, definition: &Definition, timestamp: u64) -> Result<(), Error> {
    let Some(expiry) = definition.expiry(definition.start(timestamp)) else { return Ok(()) };
    if call.is_trusted_source() {
        return Ok(());
    }
    let now = call.now_seconds();
    if definition.is_expired(definition.start(timestamp), call.now()) {
        return Err(Error::TooOld(timestamp, *definition.window(now, None).start()));
    }
    let lifetime = expiry - definition.start(timestamp);
    if timestamp > now + lifetime {
        return Err(Error::TooNew(timestamp, now + lifetime));
    }
    Ok(())
}

/// Adds the observations to their chunks: checks all, then changes all.
fn record(
    call: &Call,
    key: &mut ScopeKey,
    item: &[u8],
    start: u64,
    observed: &[Observed],
) -> Result<SmallVec<[Counts; 2]>, Error> {
    let mut chunks = open(call, key.scope()?, item, start, observed)?;
    for (index, chunk) in &mut chunks {
        if chunk.is_none() {
            *chunk = Some(add_chunk(call, key, index, start)?);
        }
    }
    let add = |(index, observation): &Observed| {
        let Some(observation) = observation else { return Counts::new() };
        let chunk = chunks.iter_mut().find(|(other, _)| other == index);
        let counts = chunk
            .and_then(|(_, key)| key.as_mut()?.modify(|chunk| chunk.record(item, observation.buckets())));
        counts.unwrap_or_default()
    };
    let mut counts = SmallVec::new();
    counts.extend(observed.iter().map(add));
    Ok(counts)
}

/// The chunk of each index that is observed, once.
fn open<'c, 'a>(
    call: &'c Call,
    scope: &Scope,
    item: &[u8],
    start: u64,
    observed: &[Observed<'a>],
) -> Result<SmallVec<[Opened<'c, 'a>; 2]>, Error> {
    let mut chunks: SmallVec<[Opened; 2]> = SmallVec::new();
    for (index, observation) in observed {
        cost::spend(call, cost::OBSERVATION + chunks.len() as u64 / cost::INDEXES)?;
        if observation.is_none() || chunks.iter().any(|(other, _)| other == index) {
            continue;
        }
        let key = ChunkKey::open_listed(call, scope, index, start, Access::Write)?;
        if key.is_none() {
            // Everything that can fail comes first: the first chunk that is made is a change.
            cost::all_chunks(call, scope, index, 3)?;
            cost::spend(call, 2 * cost::CHUNK)?;
            window::check_new(call, scope, index, start)?;
            window::check_none_moving(call, scope, index)?;
        }
        if let Some(chunk) = key.as_ref().and_then(ChunkKey::chunk) {
            let of_index = observed.iter().filter(|(other, _)| other == index);
            let (mut count, mut bytes) = (0, item.len());
            for observation in of_index.filter_map(|(_, observation)| observation.as_ref()) {
                count += 1;
                bytes += observation.buckets().map(<[u8]>::len).sum::<usize>();
            }
            chunk.check_capacity(item, count, bytes)?;
        }
        chunks.push((index, key));
    }
    Ok(chunks)
}

/// Makes and lists a chunk. This happens once an interval, so it is the time to forget those that are
/// gone.
///
/// # Errors
/// One of those is on its way to another node of the cluster.
pub fn add_chunk<'c>(
    call: &'c Call,
    key: &mut ScopeKey,
    index: &[u8],
    start: u64,
) -> Result<ChunkKey<'c>, Error> {
    let gone = window::gone(call, key.scope()?, index)?;
    let scope = key.scope_mut()?;
    scope.forget(index, gone);
    scope.add(index, start);
    Ok(ChunkKey::create(call, scope, index, start)?)
}

/// Replicates a RECORD with its moment and ready buckets.
fn replicate(call: &Call, item: &[u8], timestamp: u64, bands: u16, observed: &[Observed]) {
    let (timestamp, bands) = (timestamp.to_string(), bands.to_string());
    let mut words: SmallVec<[ReplicatedArg; 64]> = SmallVec::new();
    words.extend([
        ReplicatedArg::Own(1),
        ReplicatedArg::Bytes(item),
        ReplicatedArg::Bytes(b"TIMESTAMP"),
        ReplicatedArg::Bytes(timestamp.as_bytes()),
    ]);
    for (index, observation) in observed {
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
