//! Keys of the keyspace, and the module's values in them.

use super::api;
use super::call::Call;
use super::string::ServerString;
use redis_module::native_types::RedisType;
use redis_module::raw;
use redis_module::raw::{RedisModuleKey, RedisModuleType};
use std::cell::Cell;
use std::ffi::{c_int, c_void};

/// A key that holds a value of another type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrongType;

/// The purpose that a key is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// To read. Closing the key signals nothing.
    Read,
    /// To change. Closing the key signals a change to all clients that watch it, even if nothing has changed.
    Write,
}

/// A value of the module, as far as [`Key`] needs to know it. The callbacks of its type know more of it:
/// `keyspace::data_type::NativeValue`.
///
/// # Safety
/// - Each value that the server keeps under `redis_type` is a pointer that `Box::into_raw` made of a
///   `Box<Self>`: [`Key`] turns it back into a reference.
pub unsafe trait Value: Sized {
    /// The type as the server knows it.
    fn redis_type() -> &'static RedisType;
}

/// An open key; closed when it is dropped.
///
/// It borrows the call that it is opened through, and so cannot outlive the server's handle.
pub struct Key<'c> {
    call: &'c Call<'c>,
    /// Null if the key was opened to read and does not exist. The server answers questions about a null
    /// handle, but dereferences it when told to change the key: every method that changes checks first.
    handle: *mut RedisModuleKey,
    /// The name, unless it is the command's own key.
    made_name: Option<ServerString>,
    /// The value and its type, after the server was asked for them: RECORD needs them several times.
    cached: Cell<Option<(*mut RedisModuleType, *mut c_void)>>,
}

impl<'c> Key<'c> {
    /// Opens a key.
    pub fn open(call: &'c Call, name: &[u8], access: Access) -> Key<'c> {
        call.open_keys.open(name);
        let mode = match access {
            Access::Read => raw::REDISMODULE_READ,
            Access::Write => raw::REDISMODULE_READ | raw::REDISMODULE_WRITE,
        };
        let (name, made_name) = match call.borrowed_key_string(name) {
            Some(own) => (own, None),
            None => {
                let made = ServerString::new(name);
                (made.as_ptr(), Some(made))
            }
        };
        // SAFETY: the context is the command's. The name is an argument of the command, or a string
        // that lives as long as the key.
        let handle = unsafe { api!(RedisModule_OpenKey(call.ctx(), name, mode as c_int)) };
        Key { call, handle: handle.cast(), made_name, cached: Cell::new(None) }
    }

    fn name(&self) -> &[u8] {
        self.made_name.as_ref().map_or_else(|| self.call.key(), ServerString::bytes)
    }

    /// True if there is no value.
    pub fn is_empty(&self) -> bool {
        // SAFETY: the handle of an open key. The server treats a null one as that of an empty key.
        unsafe { api!(RedisModule_KeyType(self.handle)) == raw::REDISMODULE_KEYTYPE_EMPTY as c_int }
    }

    /// The box of the value, as the server keeps it; `None` if the key is empty. It is valid until the
    /// value is replaced or removed, through this key or another one of the same name.
    fn pointer<V: Value>(&self) -> Result<Option<*mut V>, WrongType> {
        let redis_type = *V::redis_type().raw_type.borrow();
        // The types are static, so comparing their addresses tells them apart.
        if let Some((cached_type, value)) = self.cached.get()
            && cached_type == redis_type
        {
            return Ok(Some(value.cast()));
        }
        // SAFETY: the handle of an open key; the server answers for null that it has no type.
        let found_type = unsafe { api!(RedisModule_ModuleTypeGetType(self.handle)) };
        if found_type != redis_type {
            // Another type and an empty key look the same so far.
            return if self.is_empty() { Ok(None) } else { Err(WrongType) };
        }
        // SAFETY: the handle of an open key, which holds a value of a module.
        let value = unsafe { api!(RedisModule_ModuleTypeGetValue(self.handle)) };
        self.cached.set((!value.is_null()).then_some((redis_type, value)));
        Ok((!value.is_null()).then_some(value.cast()))
    }

    /// The value; `None` if the key is empty.
    ///
    /// # Errors
    /// The key holds a value of another type.
    pub fn value<V: Value>(&self) -> Result<Option<&V>, WrongType> {
        // SAFETY: the type was compared, so this is a box of V (see `Value`). It lives unchanged while it is
        // borrowed: commands run one at a time, and this one neither changes nor removes a value that it has
        // open in another key (the rule of `OpenKeys`).
        Ok(self.pointer()?.map(|value| unsafe { &*value }))
    }

    /// The value, to change; `None` if the key is empty.
    ///
    /// No other key of the same name may be open: see [`super::open_keys`], which checks it in debug
    /// builds.
    ///
    /// # Errors
    /// The key holds a value of another type.
    pub fn value_mut<V: Value>(&mut self) -> Result<Option<&mut V>, WrongType> {
        self.call.open_keys.change(self.name_if_checked());
        // SAFETY: as for `value`. The reference is the only one: the key is borrowed exclusively as
        // long as it lives, and no other key of this name is open.
        Ok(self.pointer()?.map(|value| unsafe { &mut *value }))
    }

    /// The name for [`super::open_keys`], which asks for it in debug builds only.
    fn name_if_checked(&self) -> &[u8] {
        if cfg!(debug_assertions) { self.name() } else { &[] }
    }

    /// Puts a value into a key that was opened to write, in place of what was there.
    pub fn set<V: Value>(&mut self, value: V) {
        self.begin_replacement();
        if self.handle.is_null() {
            return;
        }
        let value = Box::into_raw(Box::new(value));
        let redis_type = *V::redis_type().raw_type.borrow();
        // SAFETY: the handle of an open key, and a value as `Value` says.
        let result = unsafe { api!(RedisModule_ModuleTypeSetValue(self.handle, redis_type, value.cast())) };
        if result != raw::REDISMODULE_OK as c_int {
            // SAFETY: the server did not take the value, so it is still this box.
            drop(unsafe { Box::from_raw(value) });
        }
    }

    /// Sets the time at which the key expires, in milliseconds since the epoch. A key whose time has passed is
    /// gone at the next access.
    pub fn expire_at(&mut self, milliseconds: u64) {
        let milliseconds = i64::try_from(milliseconds).unwrap_or(i64::MAX);
        if !self.handle.is_null() {
            // SAFETY: the handle of an open key.
            unsafe { api!(RedisModule_SetAbsExpire(self.handle, milliseconds)) };
        }
    }

    /// Removes the key's value and frees it here.
    pub fn delete(&mut self) {
        self.begin_replacement();
        if !self.handle.is_null() {
            // SAFETY: the handle of an open key.
            unsafe { api!(RedisModule_DeleteKey(self.handle)) };
        }
    }

    /// Removes the key's value; another thread frees it if that is much work.
    pub fn unlink(&mut self) {
        self.begin_replacement();
        if !self.handle.is_null() {
            // SAFETY: the handle of an open key.
            unsafe { api!(RedisModule_UnlinkKey(self.handle)) };
        }
    }

    /// Called before the value is replaced or removed: checks that no other key has it, and forgets the
    /// pointer to it.
    fn begin_replacement(&mut self) {
        self.call.open_keys.change(self.name_if_checked());
        self.cached.set(None);
    }
}

impl Drop for Key<'_> {
    fn drop(&mut self) {
        self.call.open_keys.close(self.name_if_checked());
        if !self.handle.is_null() {
            // SAFETY: the handle of an open key, which is closed here and nowhere else.
            unsafe { api!(RedisModule_CloseKey(self.handle)) };
        }
    }
}
