//! The keys of a database, some at a time.

use super::api;
use super::call::Call;
use redis_module::raw;
use redis_module::raw::RedisModuleCallReply;
use std::ffi::{CStr, c_char, c_longlong};

/// A place in the server's walk over its keys; 0 at the beginning and at the end.
pub type Cursor = u64;

/// Some keys.
pub struct Page {
    /// Where to go on.
    pub next: Cursor,
    /// Their names. One may come twice in a walk.
    pub keys: Vec<Vec<u8>>,
}

/// The keys of a type among about `count` keys from a place on; `None` where the server refuses.
pub fn keys_of_type(call: &Call, from: Cursor, count: u64, kind: &CStr) -> Option<Page> {
    let (from, count) = (from.to_string(), c_longlong::try_from(count).unwrap_or(c_longlong::MAX));
    let start: *const c_char = from.as_ptr().cast();
    // E: an error is a reply, not a failure.
    let reply = api!(RedisModule_Call(
        call.ctx(),
        c"SCAN".as_ptr(),
        c"Ebclcc".as_ptr(),
        start,
        from.len(),
        c"COUNT".as_ptr(),
        count,
        c"TYPE".as_ptr(),
        kind.as_ptr(),
    ));
    if reply.is_null() {
        return None;
    }
    let page = page(reply);
    api!(RedisModule_FreeCallReply(reply));
    page
}

fn page(reply: *mut RedisModuleCallReply) -> Option<Page> {
    let next = std::str::from_utf8(&bytes(element(reply, 0)?)?).ok()?.parse().ok()?;
    let keys = element(reply, 1)?;
    let count = api!(RedisModule_CallReplyLength(keys));
    let keys = (0..count).map(|at| bytes(element(keys, at)?)).collect::<Option<_>>()?;
    Some(Page { next, keys })
}

/// An element of an array; `None` where the reply is something else, or shorter.
fn element(reply: *mut RedisModuleCallReply, at: usize) -> Option<*mut RedisModuleCallReply> {
    if api!(RedisModule_CallReplyType(reply)) != raw::REDISMODULE_REPLY_ARRAY as i32 {
        return None;
    }
    let element = api!(RedisModule_CallReplyArrayElement(reply, at));
    (!element.is_null()).then_some(element)
}

/// The bytes of a string; `None` where the reply is something else.
fn bytes(reply: *mut RedisModuleCallReply) -> Option<Vec<u8>> {
    let mut length = 0;
    let start = api!(RedisModule_CallReplyStringPtr(reply, &raw mut length));
    if start.is_null() {
        return None;
    }
    // SAFETY: the server gave a start and a length that belong together; they are copied.
    Some(unsafe { std::slice::from_raw_parts(start.cast(), length) }.to_vec())
}
