//! Answers to SIM.DEBUG about a key, for tests.

use super::Error;
use super::chunk::StoredChunk;
use super::data_type::NativeValue;
use super::scope::Scope;
use crate::server::call::Call;
use crate::server::key::{Access, Key};

/// The bytes that a value of the module says it takes; 0 if the key is empty.
///
/// # Errors
/// The key holds something else.
pub fn memory(call: &Call, key: &[u8]) -> Result<usize, Error> {
    let key = Key::open(call, key, Access::Read);
    if let Ok(Some(stored)) = key.value::<StoredChunk>() {
        return Ok(stored.memory());
    }
    Ok(key.value::<Scope>()?.map_or(0, NativeValue::memory))
}

/// Checks the invariants of a value of the module.
///
/// # Errors
/// Says which one is broken, or that the key holds something else.
pub fn validate(call: &Call, key: &[u8]) -> Result<(), &'static str> {
    let key = Key::open(call, key, Access::Read);
    if let Ok(Some(stored)) = key.value::<StoredChunk>() {
        return stored.chunk().internal_validate();
    }
    key.value::<Scope>().map(|_| ()).map_err(|_| "it holds another type")
}
