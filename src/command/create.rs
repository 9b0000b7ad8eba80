//! ```text
//! SIM.CREATE scope [[BANDS bands] [ROWS rows] | THRESHOLD jaccard [RECALL recall] [SLOTS slots]]
//!     [INTERVAL seconds] [RETENTION intervals] [HASH <FSS | MURMUR3>] [SEED seed] [MODULUS modulus]
//!     [SHINGLE <CHARS characters | WORDS words>] [LOWERCASE <YES | NO>] [MASK <YES | NO>]
//!     [SKETCH slots] [SCORE <OVERLAP | COVERAGE | SIGNIFICANCE | JACCARD>]
//! ```
//!
//! A scope that exists is left as it is: the command replies OK if every parameter that it gives has
//! the value that the scope has, so that clients may create their scope each time they start.
//!
//! From a primary or an AOF it may also have `[UID hex] [TAG tag]`, which are chosen at the first
//! creation: they are parts of the names of chunks, and so must be the same everywhere.

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
/// A parameter is out of its limits, or the scope exists with another value.
pub fn run(call: &Call) -> Result<(), Error> {
    let mut args = Args::new(call);
    let name = args.scope()?;
    let options = CreateOptions::take(&mut args)?;
    if !call.is_trusted_source() && (options.uid.is_some() || options.tag.is_some()) {
        return Err(Error::ReplicationOnly("UID and TAG are"));
    }
    if let Some(key) = ScopeKey::open(call, name)? {
        let existing = key.scope()?.definition;
        check_same(&existing, &options.apply_to(existing)?)?;
    } else {
        let definition = options.apply_to(config::definition())?;
        let tag = name::tag(options.tag.unwrap_or(name))?;
        let uid = options.uid.unwrap_or_else(|| name::uid_for(call.random(), name));
        let scope = Scope::new(definition, uid, &tag);
        creation::replicate(call, name, &scope);
        ScopeKey::create(call, name, scope);
        call.notify_changed(c"sim.create");
    }
    call.reply_ok();
    Ok(())
}

/// Checks that a command asks for the definition that its scope has.
fn check_same(existing: &Definition, given: &Definition) -> Result<(), Error> {
    match existing.difference(given, &[]) {
        Some((parameter, existing, given)) => Err(Error::DefinitionDiffers { parameter, existing, given }),
        None => Ok(()),
    }
}
