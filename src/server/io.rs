//! What a type's callbacks read and write: RDB, AOF, digest.

use super::api;
use super::call::bytes_of;
use redis_module::raw::{RedisModuleDigest, RedisModuleIO, RedisModuleString};
use std::ffi::{c_char, c_void};

/// The RDB or AOF that is being read or written.
pub struct Io(*mut RedisModuleIO);

/// The RDB ended, or is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IoError;

impl Io {
    /// For a callback, with what the server hands to it.
    pub fn new(io: *mut RedisModuleIO) -> Io {
        Io(io)
    }

    /// The name of the key that is being read or written.
    pub fn key_name(&self) -> Vec<u8> {
        let name = api!(RedisModule_GetKeyNameFromIO(self.0));
        if name.is_null() {
            return Vec::new();
        }
        // SAFETY: the server's string lives as long as the callback; it is copied.
        unsafe { bytes_of(name) }.to_vec()
    }

    /// Writes bytes into the RDB.
    pub fn save(&self, bytes: &[u8]) {
        api!(RedisModule_SaveStringBuffer(self.0, bytes.as_ptr().cast::<c_char>(), bytes.len()));
    }

    /// Reads bytes that [`Self::save`] wrote.
    ///
    /// # Errors
    /// The RDB ended, or holds something else here.
    pub fn load(&self) -> Result<Loaded, IoError> {
        let mut length = 0;
        let start = api!(RedisModule_LoadStringBuffer(self.0, &raw mut length));
        if start.is_null() || api!(RedisModule_IsIOError(self.0)) != 0 {
            if !start.is_null() {
                api!(RedisModule_Free(start.cast::<c_void>()));
            }
            return Err(IoError);
        }
        Ok(Loaded { start, length })
    }

    /// Writes `command key bytes` into the AOF.
    pub fn emit(&self, command: &std::ffi::CStr, key: *mut RedisModuleString, bytes: &[u8]) {
        let start = bytes.as_ptr().cast::<c_char>();
        api!(RedisModule_EmitAOF(self.0, command.as_ptr(), c"sb".as_ptr(), key, start, bytes.len()));
    }
}

/// Bytes read from an RDB.
pub struct Loaded {
    start: *mut c_char,
    length: usize,
}

impl std::ops::Deref for Loaded {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        // SAFETY: the server gave start and length, and the block is freed only by `drop`.
        unsafe { std::slice::from_raw_parts(self.start.cast(), self.length) }
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        api!(RedisModule_Free(self.start.cast::<c_void>()));
    }
}

/// The digest of a value, by which servers compare what they hold.
pub struct Digest(*mut RedisModuleDigest);

impl Digest {
    /// For a callback, with what the server hands to it.
    pub fn new(digest: *mut RedisModuleDigest) -> Digest {
        Digest(digest)
    }

    /// Adds bytes to the element.
    pub fn bytes(&self, bytes: &[u8]) -> &Self {
        api!(RedisModule_DigestAddStringBuffer(self.0, bytes.as_ptr().cast::<c_char>(), bytes.len()));
        self
    }

    /// Adds a number to the element.
    pub fn number(&self, number: u64) -> &Self {
        api!(RedisModule_DigestAddLongLong(self.0, number as i64));
        self
    }

    /// Ends an element. The order of elements changes nothing, the order within one does.
    pub fn end(&self) {
        api!(RedisModule_DigestEndSequence(self.0));
    }
}
