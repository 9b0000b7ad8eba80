//! ```text
//! SIM.CREATE scope [BANDS n] [ROWS n] | [THRESHOLD jaccard [RECALL p] [SLOTS n]]
//!     [INTERVAL seconds] [RETENTION intervals] [HASH FSS|MURMUR3] [SEED n] [MODULUS n]
//!     [SHINGLE CHARS n|WORDS n] [LOWERCASE yes|no] [MASK yes|no]
//! ```
//! From a primary or an AOF also `[UID hex] [TAG tag]`, which fix what is drawn otherwise.

use super::error::Error;
use super::parse::args::Args;
use super::parse::definition::CreateOptions;
use super::run::creation;
use crate::config;
use crate::index::Definition;
use crate::keyspace::name;
use crate::keyspace::scope::{Scope, ScopeKey};
use crate::server::call::Call;

/// Carries the command out.
///
/// # Errors
/// A parameter is out of its limits, or the scope exists with another.
pub fn run(call: &Call) -> Result<(), Error> {
    let mut args = Args::new(call);
    let name = args.scope()?;
    let given = CreateOptions::take(&mut args)?;
    if !call.is_trusted_source() && (given.uid.is_some() || given.tag.is_some()) {
        return Err(Error::NotObeyed("UID and TAG are"));
    }
    if let Some(key) = ScopeKey::open(call, name)? {
        let there = key.scope()?.definition;
        compare(&there, &given.apply_to(there)?)?;
    } else {
        let definition = given.apply_to(config::definition())?;
        let tag = name::tag(given.tag.unwrap_or(name))?;
        let scope = Scope::new(definition, given.uid.unwrap_or_else(|| name::uid(call.random(), name)), &tag);
        creation::replicate(call, name, &scope);
        ScopeKey::create(call, name, scope);
        call.notify_changed(c"sim.create");
    }
    call.reply_ok();
    Ok(())
}

/// Holds that two definitions are the same.
fn compare(there: &Definition, given: &Definition) -> Result<(), Error> {
    match there.difference(given, &[]) {
        Some((parameter, there, given)) => Err(Error::Differs { parameter, there, given }),
        None => Ok(()),
    }
}
