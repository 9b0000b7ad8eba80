//! Keys of the keyspace, and the module's values in them.

use super::api;
use super::call::Call;
use redis_module::native_types::RedisType;
use redis_module::raw;
use redis_module::raw::{RedisModuleKey, RedisModuleString, RedisModuleType};
use std::cell::Cell;
use std::ffi::{c_int, c_void};

/// A key that holds a value of another type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrongType;

/// What a key is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// To look. Nobody is told.
    Read,
    /// To change. Closing the key tells whoever watches it, changed or not.
    Write,
}

/// A value of the module: a type and the type of what it points to.
pub trait Value: Sized {
    /// The type that the server knows.
    fn redis_type() -> &'static RedisType;
}

/// An open key; closed when it goes.
pub struct Key<'c> {
    call: &'c Call<'c>,
    /// Null for a key that was opened to read and is not there.
    key: *mut RedisModuleKey,
    /// A name that is not an argument of the command.
    made: Option<*mut RedisModuleString>,
    /// The value, once it was asked for, and its type.
    found: Cell<Option<(*mut RedisModuleType, *mut c_void)>>,
}

impl<'c> Key<'c> {
    /// Opens a key.
    pub fn open(call: &'c Call, name: &[u8], access: Access) -> Key<'c> {
        let mode = match access {
            Access::Read => raw::REDISMODULE_READ,
            Access::Write => raw::REDISMODULE_READ | raw::REDISMODULE_WRITE,
        };
        let (name, made) = match call.own_key(name) {
            Some(own) => (own, None),
            None => {
                let made = call.string(name);
                (made, Some(made))
            }
        };
        let key = api!(RedisModule_OpenKey(call.ctx(), name, mode as c_int));
        Key { call, key: key.cast(), made, found: Cell::new(None) }
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        // The server takes a null key for an empty one.
        api!(RedisModule_KeyType(self.key)) == raw::REDISMODULE_KEYTYPE_EMPTY as c_int
    }

    fn pointer<V: Value>(&self) -> Result<Option<*mut V>, WrongType> {
        let kind = *V::redis_type().raw_type.borrow();
        if let Some((of, value)) = self.found.get()
            && of == kind
        {
            return Ok(Some(value.cast()));
        }
        // Null where there is no value, or none of a module.
        if api!(RedisModule_ModuleTypeGetType(self.key)) != kind {
            return if self.is_empty() { Ok(None) } else { Err(WrongType) };
        }
        let value = api!(RedisModule_ModuleTypeGetValue(self.key));
        self.found.set((!value.is_null()).then_some((kind, value)));
        Ok((!value.is_null()).then_some(value.cast()))
    }

    /// The value, or nothing where the key is empty.
    ///
    /// # Errors
    /// The key holds a value of another type.
    pub fn value<V: Value>(&self) -> Result<Option<&V>, WrongType> {
        // SAFETY: the type was compared, and the value lives while the key is open: commands run
        // alone, and a value is removed only through its key.
        Ok(self.pointer()?.map(|value| unsafe { &*value }))
    }

    /// The value, to change.
    ///
    /// # Errors
    /// The key holds a value of another type.
    pub fn value_mut<V: Value>(&mut self) -> Result<Option<&mut V>, WrongType> {
        // SAFETY: as for `value`; the key is borrowed as long as the value, and no command opens the
        // same key twice at a time.
        Ok(self.pointer()?.map(|value| unsafe { &mut *value }))
    }

    /// Puts a value into a key that was opened to write, in place of what was there.
    pub fn set<V: Value>(&mut self, value: V) {
        self.found.set(None);
        let value = Box::into_raw(Box::new(value)).cast::<c_void>();
        let kind = *V::redis_type().raw_type.borrow();
        if api!(RedisModule_ModuleTypeSetValue(self.key, kind, value)) != raw::REDISMODULE_OK as c_int {
            // SAFETY: the server did not take the value, so it is still this box.
            drop(unsafe { Box::from_raw(value.cast::<V>()) });
        }
    }

    /// Lets the key expire, in milliseconds since the epoch. A key whose time has passed is gone at
    /// the next access.
    pub fn expire_at(&mut self, milliseconds: u64) {
        api!(RedisModule_SetAbsExpire(self.key, i64::try_from(milliseconds).unwrap_or(i64::MAX)));
    }

    /// Removes the key's value and frees it here.
    pub fn delete(&mut self) {
        self.found.set(None);
        api!(RedisModule_DeleteKey(self.key));
    }

    /// Removes the key's value; where freeing it is much work, that is done by another thread.
    pub fn unlink(&mut self) {
        self.found.set(None);
        api!(RedisModule_UnlinkKey(self.key));
    }
}

impl Drop for Key<'_> {
    fn drop(&mut self) {
        if !self.key.is_null() {
            api!(RedisModule_CloseKey(self.key));
        }
        if let Some(name) = self.made {
            self.call.free_string(name);
        }
    }
}
