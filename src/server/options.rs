//! The options of the module, which the server relies on.

use super::api;
use redis_module::{Context, raw};
use std::ffi::c_int;

/// A damaged payload is an error that the module returns; it does not kill the server.
const HANDLE_IO_ERRORS: c_int = 1;
/// A replica may serve the old data while it loads the new: outside the keyspace nothing is kept but the
/// uids of the live scopes, and those of both together.
const HANDLE_REPL_ASYNC_LOAD: c_int = 1 << 2;
/// Valkey may move a slot with the module's keys in it.
const HANDLE_ATOMIC_SLOT_MIGRATION: c_int = 1 << 5;

/// Sets the options.
///
/// # Errors
/// The server is older than those that are supported.
pub fn set(ctx: &Context) -> Result<(), String> {
    // Configurations came with Redis 7.0.
    // SAFETY: the table of functions is filled, and never changed.
    let configurations = unsafe { raw::RedisModule_RegisterNumericConfig };
    if configurations.is_none() {
        return Err("the server is too old: Redis 7.0 or Valkey 8.0 and later are supported".to_string());
    }
    let options = HANDLE_IO_ERRORS | HANDLE_REPL_ASYNC_LOAD | HANDLE_ATOMIC_SLOT_MIGRATION;
    // SAFETY: the crate's context is that of loading the module.
    unsafe { api!(RedisModule_SetModuleOptions(ctx.ctx, options)) };
    Ok(())
}
