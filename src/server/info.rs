//! The module's section of INFO.

use super::{api, guard};
use redis_module::raw;
use redis_module::raw::{RedisModuleCtx, RedisModuleInfoCtx};
use std::ffi::{CStr, CString, c_int};
use std::sync::OnceLock;

/// The section while it is written. Its fields are shown as `simile_<field>`.
pub struct Section {
    ctx: *mut RedisModuleInfoCtx,
    /// The server is crashing, and wants to be told what is known without further work or waiting.
    pub is_last: bool,
}

/// What writes the fields.
pub type Writer = fn(&Section);

static WRITER: OnceLock<Writer> = OnceLock::new();

/// Has INFO show a section of the module's.
///
/// # Errors
/// The server refused it.
pub fn register(ctx: *mut RedisModuleCtx, writer: Writer) -> Result<(), String> {
    WRITER.get_or_init(|| writer);
    if api!(RedisModule_RegisterInfoFunc(ctx, Some(write))) == raw::REDISMODULE_OK as c_int {
        Ok(())
    } else {
        Err("the section of INFO was refused".to_string())
    }
}

unsafe extern "C" fn write(ctx: *mut RedisModuleInfoCtx, for_crash_report: c_int) {
    guard::or((), || {
        // Without a name of its own it is called as the module is. The server says here whether
        // anybody asked for it.
        let is_asked_for = api!(RedisModule_InfoAddSection(ctx, std::ptr::null()));
        if is_asked_for == raw::REDISMODULE_OK as c_int
            && let Some(write) = WRITER.get()
        {
            write(&Section { ctx, is_last: for_crash_report != 0 });
        }
    });
}

impl Section {
    /// Adds a number.
    pub fn number(&self, field: &CStr, number: u64) {
        api!(RedisModule_InfoAddFieldULongLong(self.ctx, field.as_ptr(), number));
    }

    /// Adds a word.
    pub fn word(&self, field: &CStr, word: &str) {
        let word = CString::new(word).unwrap_or_default();
        api!(RedisModule_InfoAddFieldCString(self.ctx, field.as_ptr(), word.as_ptr()));
    }
}
