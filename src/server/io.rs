//! The RDB, the AOF and the digest, as a type's callbacks read and write them.

use super::api;
use super::string::bytes_of;
use redis_module::raw::{RedisModuleDigest, RedisModuleIO};
use std::ffi::{CStr, c_char, c_void};

/// The RDB or AOF that is being read or written, for the time of a callback.
pub struct Io(*mut RedisModuleIO);

/// The RDB ended, or is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IoError;

impl Io {
    /// Takes what the server hands to a callback.
    ///
    /// # Safety
    /// `io` is valid as long as the result is used.
    pub unsafe fn new(io: *mut RedisModuleIO) -> Io {
        Io(io)
    }

    /// The name of the key that is being read or written.
    pub fn key_name(&self) -> Vec<u8> {
        // SAFETY: the server's handle is valid, as for all of these methods.
        let name = unsafe { api!(RedisModule_GetKeyNameFromIO(self.0)) };
        if name.is_null() {
            return Vec::new();
        }
        // SAFETY: the server's string lives as long as the callback; it is copied.
        unsafe { bytes_of(name) }.to_vec()
    }

    /// Writes bytes into the RDB.
    pub fn save(&self, bytes: &[u8]) {
        let start = bytes.as_ptr().cast::<c_char>();
        // SAFETY: a valid handle; start and length are those of a slice.
        unsafe { api!(RedisModule_SaveStringBuffer(self.0, start, bytes.len())) };
    }

    /// Reads bytes that [`Self::save`] wrote.
    ///
    /// # Errors
    /// The RDB ended, or holds something else here.
    pub fn load(&self) -> Result<LoadedBytes, IoError> {
        let mut length = 0;
        // SAFETY: a valid handle, and a place for the length.
        let start = unsafe { api!(RedisModule_LoadStringBuffer(self.0, &raw mut length)) };
        if start.is_null() {
            return Err(IoError);
        }
        // From here on the block is freed, whatever else happens.
        let loaded = LoadedBytes { start, length };
        // SAFETY: a valid handle.
        let is_error = unsafe { api!(RedisModule_IsIOError(self.0)) } != 0;
        if is_error { Err(IoError) } else { Ok(loaded) }
    }

    /// Writes `command key bytes` into the AOF.
    pub fn emit(&self, command: &CStr, key: &[u8], bytes: &[u8]) {
        let (key_start, start) = (key.as_ptr().cast::<c_char>(), bytes.as_ptr().cast::<c_char>());
        // SAFETY: a valid handle. The arguments are what the format says: twice bytes with their length (b).
        unsafe {
            api!(RedisModule_EmitAOF(
                self.0,
                command.as_ptr(),
                c"bb".as_ptr(),
                key_start,
                key.len(),
                start,
                bytes.len(),
            ));
        }
    }
}

/// Bytes read from an RDB, in a block of memory that the server allocated; freed when dropped.
pub struct LoadedBytes {
    start: *mut c_char,
    length: usize,
}

impl std::ops::Deref for LoadedBytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        // SAFETY: the server gave start and length, and the block is freed only by `drop`.
        unsafe { std::slice::from_raw_parts(self.start.cast(), self.length) }
    }
}

impl Drop for LoadedBytes {
    fn drop(&mut self) {
        // SAFETY: the block that the server allocated for the module, freed here and nowhere else.
        unsafe { api!(RedisModule_Free(self.start.cast::<c_void>())) };
    }
}

/// The digest of a value, by which servers compare what they hold, for the time of a callback.
pub struct Digest(*mut RedisModuleDigest);

impl Digest {
    /// Takes what the server hands to a callback.
    ///
    /// # Safety
    /// `digest` is valid as long as the result is used.
    pub unsafe fn new(digest: *mut RedisModuleDigest) -> Digest {
        Digest(digest)
    }

    /// Adds bytes to the element.
    pub fn bytes(&self, bytes: &[u8]) -> &Self {
        let start = bytes.as_ptr().cast::<c_char>();
        // SAFETY: a valid handle; start and length are those of a slice.
        unsafe { api!(RedisModule_DigestAddStringBuffer(self.0, start, bytes.len())) };
        self
    }

    /// Adds a number to the element.
    pub fn number(&self, number: u64) -> &Self {
        // SAFETY: a valid handle.
        unsafe { api!(RedisModule_DigestAddLongLong(self.0, number as i64)) };
        self
    }

    /// Ends an element. The order of elements changes nothing, the order within one does.
    pub fn end(&self) {
        // SAFETY: a valid handle.
        unsafe { api!(RedisModule_DigestEndSequence(self.0)) };
    }
}
