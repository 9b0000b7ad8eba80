//! Strings of the server: those that the module makes, and those that it is handed.

use super::api;
use redis_module::raw::RedisModuleString;
use std::ffi::c_char;
use std::ptr::null_mut;

/// A string that the module owns; freed when it is dropped.
///
/// It is made without a context: it belongs to no command, and only this type frees it.
pub struct ServerString(*mut RedisModuleString);

impl ServerString {
    /// A copy of some bytes.
    pub fn new(bytes: &[u8]) -> ServerString {
        let start: *const c_char = bytes.as_ptr().cast();
        // SAFETY: start and length are those of a slice, which the server copies; a context is not needed.
        ServerString(unsafe { api!(RedisModule_CreateString(null_mut(), start, bytes.len())) })
    }

    /// Takes over a string that the server made for the module, or nothing.
    ///
    /// # Safety
    /// - `string` is null, or a valid string;
    /// - nobody else frees it.
    pub unsafe fn from_raw(string: *mut RedisModuleString) -> Option<ServerString> {
        if string.is_null() { None } else { Some(ServerString(string)) }
    }

    /// The string as the server knows it, which is valid as long as `self`.
    pub fn as_ptr(&self) -> *mut RedisModuleString {
        self.0
    }

    /// Gives up the string: the caller, or the server, frees it.
    pub fn into_raw(self) -> *mut RedisModuleString {
        std::mem::ManuallyDrop::new(self).0
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: the string is valid as long as `self`, from which the bytes are borrowed.
        unsafe { bytes_of(self.0) }
    }
}

impl Drop for ServerString {
    fn drop(&mut self) {
        // SAFETY: the string is valid, and freed here and nowhere else.
        unsafe { api!(RedisModule_FreeString(null_mut(), self.0)) };
    }
}

/// The bytes of a string of the server.
///
/// # Safety
/// `string` is valid, and is neither changed nor freed, for as long as `'a`.
pub unsafe fn bytes_of<'a>(string: *const RedisModuleString) -> &'a [u8] {
    let mut length = 0;
    // SAFETY: a valid string, by the caller's promise, and a place for its length.
    let start = unsafe { api!(RedisModule_StringPtrLen(string, &raw mut length)) };
    if start.is_null() {
        return &[];
    }
    // SAFETY: the server gave a start and a length that belong together; they stay what they are for `'a`,
    // by the caller's promise.
    unsafe { std::slice::from_raw_parts(start.cast(), length) }
}
