//! The server's log.

use super::api;
use redis_module::raw::RedisModuleCtx;
use std::ffi::CString;

/// Writes a warning into the server's log. The text is an argument of the server's format, never the
/// format itself, and ends at a NUL.
pub fn warning(ctx: *mut RedisModuleCtx, text: &str) {
    let text: Vec<u8> = text.bytes().take_while(|byte| *byte != 0).collect();
    if let Ok(text) = CString::new(text) {
        api!(RedisModule_Log(ctx, c"warning".as_ptr(), c"%s".as_ptr(), text.as_ptr()));
    }
}
