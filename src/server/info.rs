//! The module's section of INFO.

use super::{api, guard};
use redis_module::Context;
use redis_module::raw::{self, RedisModuleInfoCtx};
use std::ffi::{CStr, CString, c_int};
use std::sync::OnceLock;

/// The section while it is written, for the time of a callback. Its fields are shown as `simile_<field>`.
pub struct Section {
    ctx: *mut RedisModuleInfoCtx,
}

/// A function that writes the fields.
pub type FieldWriter = fn(&Section);

static WRITER: OnceLock<FieldWriter> = OnceLock::new();

/// Has INFO show a section of the module.
///
/// # Errors
/// The server refused it.
pub fn register(ctx: &Context, writer: FieldWriter) -> Result<(), String> {
    WRITER.get_or_init(|| writer);
    // SAFETY: the crate's context is that of loading the module, and `write` is a callback of this kind.
    let result = unsafe { api!(RedisModule_RegisterInfoFunc(ctx.ctx, Some(write))) };
    if result == raw::REDISMODULE_OK as c_int {
        Ok(())
    } else {
        Err("the section of INFO was refused".to_string())
    }
}

/// # Safety
/// Called by the server, in its main thread, with a valid context.
unsafe extern "C" fn write(ctx: *mut RedisModuleInfoCtx, _for_crash_report: c_int) {
    guard::catch_panic((), || {
        // A section without a name of its own has the module's name. The result says if the client asked for
        // it.
        // SAFETY: a valid context, and null for the name.
        let is_asked_for = unsafe { api!(RedisModule_InfoAddSection(ctx, std::ptr::null())) };
        if is_asked_for != raw::REDISMODULE_OK as c_int {
            return;
        }
        // The server calls this also while it crashes, when a lock may be held for ever. So the writer waits
        // for none, and only reads numbers that are up to date already.
        if let Some(write) = WRITER.get() {
            write(&Section { ctx });
        }
    });
}

impl Section {
    /// Adds a number.
    pub fn number(&self, field: &CStr, number: u64) {
        // SAFETY: the context of the callback that made this; the name is a C string.
        unsafe { api!(RedisModule_InfoAddFieldULongLong(self.ctx, field.as_ptr(), number)) };
    }

    /// Adds a word.
    pub fn word(&self, field: &CStr, word: &str) {
        let word = CString::new(word).unwrap_or_default();
        // SAFETY: the context of the callback that made this; both are C strings.
        unsafe { api!(RedisModule_InfoAddFieldCString(self.ctx, field.as_ptr(), word.as_ptr())) };
    }
}
