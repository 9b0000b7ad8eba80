//! The keys of a database, some at a time.

use super::api;
use super::call::Call;
use super::subcall::{ReplyValue, SubcallReply};
use std::ffi::{CStr, c_char, c_longlong};

/// A position in the server's walk over its keys; 0 at the beginning and at the end.
pub type Cursor = u64;

/// Some keys of a walk.
pub struct Page {
    /// The position to go on from.
    pub next: Cursor,
    /// The names of the keys. A name may come twice in a walk.
    pub keys: Vec<Vec<u8>>,
}

/// Looks at about `count` keys from a position on, and returns those of a type; `None` if the server refuses.
pub fn keys_of_type(call: &Call, from: Cursor, count: u64, kind: &CStr) -> Option<Page> {
    let (from, count) = (from.to_string(), c_longlong::try_from(count).unwrap_or(c_longlong::MAX));
    let start: *const c_char = from.as_ptr().cast();
    // SAFETY: the context is the command's. The arguments are what the format says: bytes with their length
    // (b), C strings (c) and an integer (l). E asks for an error as a reply, not as a failure. Nobody else
    // frees the reply.
    let reply = unsafe {
        SubcallReply::from_raw(api!(RedisModule_Call(
            call.ctx(),
            c"SCAN".as_ptr(),
            c"Ebclcc".as_ptr(),
            start,
            from.len(),
            c"COUNT".as_ptr(),
            count,
            c"TYPE".as_ptr(),
            kind.as_ptr(),
        )))
    };
    page(reply?.value())
}

/// The page that SCAN replied with: the next cursor as text, and an array of names.
fn page(reply: ReplyValue) -> Option<Page> {
    let next = std::str::from_utf8(reply.element(0)?.bytes()?).ok()?.parse().ok()?;
    let keys = reply.element(1)?;
    let keys = (0..keys.len()).map(|at| Some(keys.element(at)?.bytes()?.to_vec())).collect::<Option<_>>()?;
    Some(Page { next, keys })
}
