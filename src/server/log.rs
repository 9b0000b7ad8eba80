//! The server's log.

use super::api;
use redis_module::Context;
use std::ffi::CString;

/// Writes a warning into the server's log. The text is an argument of the server's format, never the
/// format itself, and ends at a NUL.
pub fn warning(ctx: &Context, text: &str) {
    let text: Vec<u8> = text.bytes().take_while(|byte| *byte != 0).collect();
    if let Ok(text) = CString::new(text) {
        // SAFETY: the crate's context is valid. The format asks for one C string.
        unsafe { api!(RedisModule_Log(ctx.ctx, c"warning".as_ptr(), c"%s".as_ptr(), text.as_ptr())) };
    }
}
