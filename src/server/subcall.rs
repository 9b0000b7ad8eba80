//! The replies of commands of the server that the module calls.

use super::api;
use redis_module::raw::{self, RedisModuleCallReply};
use std::ffi::c_int;
use std::marker::PhantomData;

/// The reply of a command that was called; freed with all its elements when it is dropped.
pub struct SubcallReply(*mut RedisModuleCallReply);

impl SubcallReply {
    /// Takes over what `RedisModule_Call` returned; `None` if the server did not carry the command out.
    ///
    /// # Safety
    /// - `reply` is null, or a valid reply that `RedisModule_Call` returned;
    /// - nobody else frees it.
    pub unsafe fn from_raw(reply: *mut RedisModuleCallReply) -> Option<SubcallReply> {
        if reply.is_null() { None } else { Some(SubcallReply(reply)) }
    }

    /// The reply to look into.
    pub fn value(&self) -> ReplyValue<'_> {
        ReplyValue { reply: self.0, _owner: PhantomData }
    }
}

impl Drop for SubcallReply {
    fn drop(&mut self) {
        // SAFETY: a valid reply, freed here and nowhere else. Its elements are borrowed from `self`.
        unsafe { api!(RedisModule_FreeCallReply(self.0)) };
    }
}

/// A reply, or an element of one. The pointer is valid for as long as the reply that owns it.
#[derive(Clone, Copy)]
pub struct ReplyValue<'r> {
    reply: *mut RedisModuleCallReply,
    _owner: PhantomData<&'r SubcallReply>,
}

impl<'r> ReplyValue<'r> {
    fn is_of_type(self, kind: isize) -> bool {
        // SAFETY: the reply is valid.
        unsafe { api!(RedisModule_CallReplyType(self.reply)) == kind as c_int }
    }

    /// True if the command replied with an error.
    pub fn is_error(self) -> bool {
        self.is_of_type(raw::REDISMODULE_REPLY_ERROR)
    }

    /// The number of elements of an array, a map or a set; the length of a string.
    pub fn len(self) -> usize {
        // SAFETY: the reply is valid.
        unsafe { api!(RedisModule_CallReplyLength(self.reply)) }
    }

    /// An element of an array; `None` if the reply is something else, or shorter.
    pub fn element(self, at: usize) -> Option<ReplyValue<'r>> {
        if !self.is_of_type(raw::REDISMODULE_REPLY_ARRAY) {
            return None;
        }
        // SAFETY: the reply is a valid array; the element belongs to it and is freed with it.
        let reply = unsafe { api!(RedisModule_CallReplyArrayElement(self.reply, at)) };
        (!reply.is_null()).then_some(ReplyValue { reply, _owner: PhantomData })
    }

    /// The bytes of a string; `None` if the reply is something else.
    pub fn bytes(self) -> Option<&'r [u8]> {
        let mut length = 0;
        // SAFETY: the reply is valid, and `length` is a place for the length.
        let start = unsafe { api!(RedisModule_CallReplyStringPtr(self.reply, &raw mut length)) };
        // SAFETY: the server gave a start and a length that belong together, and that live as long as the
        // reply which owns them.
        (!start.is_null()).then(|| unsafe { std::slice::from_raw_parts(start.cast(), length) })
    }
}
