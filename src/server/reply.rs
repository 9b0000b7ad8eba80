//! The reply of a command. Each command writes exactly one reply, after everything else is
//! done.

use super::api;
use super::call::Call;
use super::formatted_double::FormattedDouble;
use std::ffi::{CString, c_char, c_long};

impl Call<'_> {
    /// `OK`.
    pub fn reply_ok(&self) {
        // SAFETY: the context is the command's, and the text is a C string.
        unsafe { api!(RedisModule_ReplyWithSimpleString(self.ctx(), c"OK".as_ptr())) };
    }

    /// An integer.
    pub fn reply_integer(&self, integer: u64) {
        let integer = i64::try_from(integer).unwrap_or(i64::MAX);
        // SAFETY: the context is the command's.
        unsafe { api!(RedisModule_ReplyWithLongLong(self.ctx(), integer)) };
    }

    /// Bytes.
    pub fn reply_bytes(&self, bytes: &[u8]) {
        let start: *const c_char = bytes.as_ptr().cast();
        // SAFETY: the context is the command's; start and length are those of a slice, which is copied.
        unsafe { api!(RedisModule_ReplyWithStringBuffer(self.ctx(), start, bytes.len())) };
    }

    /// A double in RESP3; in RESP2 the shortest decimal that reads back as the same double.
    pub fn reply_double(&self, double: f64) {
        if self.is_resp3() {
            // SAFETY: the context is the command's.
            unsafe { api!(RedisModule_ReplyWithDouble(self.ctx(), double)) };
        } else {
            let last = self.last_double.get();
            let formatted = if last.is_of(double) { last } else { FormattedDouble::new(double) };
            self.reply_bytes(formatted.text());
            self.last_double.set(formatted);
        }
    }

    /// Null.
    pub fn reply_null(&self) {
        // SAFETY: the context is the command's.
        unsafe { api!(RedisModule_ReplyWithNull(self.ctx())) };
    }

    /// The head of an array; its elements follow.
    pub fn reply_array(&self, elements: usize) {
        // SAFETY: the context is the command's.
        unsafe { api!(RedisModule_ReplyWithArray(self.ctx(), elements as c_long)) };
    }

    /// The head of a map; its pairs follow. In RESP2 it is an array of twice as many elements.
    pub fn reply_map(&self, pairs: usize) {
        // SAFETY: the context is the command's.
        unsafe { api!(RedisModule_ReplyWithMap(self.ctx(), pairs as c_long)) };
    }

    /// An error, with its code first. Control characters, which the protocol could not carry, are escaped.
    pub(super) fn reply_error(&self, error: &str) {
        let printable = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
        let text: String = error.chars().map(printable).collect();
        let text = CString::new(text).unwrap_or_default();
        // SAFETY: the context is the command's, and the text is a C string.
        unsafe { api!(RedisModule_ReplyWithError(self.ctx(), text.as_ptr())) };
    }
}
