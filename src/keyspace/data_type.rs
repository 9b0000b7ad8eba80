//! What the server calls for values of the module's types: each slot filled, or empty with a reason.
//!
//! A value is saved as a row of byte strings, its parts: in the RDB one after the other up to an
//! empty one, in the AOF as one `SIM.LOAD key part` each. The encoding is the same in both.

use crate::index::codec::DecodeError;
use crate::server::defrag::Defrag;
use crate::server::guard;
use crate::server::io::{Digest, Io};
use crate::server::key::Value;
use redis_module::raw::{
    self, RedisModuleDefragCtx, RedisModuleDigest, RedisModuleIO, RedisModuleString, RedisModuleTypeMethods,
};
use std::ffi::{c_int, c_void};
use std::ptr::null_mut;

/// The version of the encoding of both types. A later one reads all earlier ones.
pub const ENCODING: i32 = 0;

/// A value that the server keeps for the module.
pub trait NativeValue: Value {
    /// What the parts of this type begin with in the AOF.
    const LETTER: u8;

    /// Hands over the parts, the first of which says what the value is. `key` is the key's name.
    fn save(&self, key: &[u8], part: &mut dyn FnMut(&[u8]));

    /// The value of a first part.
    ///
    /// # Errors
    /// What is wrong with it.
    fn load(part: &[u8], key: &[u8]) -> Result<Self, DecodeError>;

    /// Adds a further part.
    ///
    /// # Errors
    /// What is wrong with it.
    fn load_more(&mut self, part: &[u8]) -> Result<(), DecodeError>;

    /// Says what the value holds to the totals: it has been loaded whole.
    fn count(&mut self);

    /// What must be done before the value, which the server keeps there, is freed or moved; it may be
    /// freed in any thread.
    fn before_free_or_move(_: *mut Self) {}

    /// Has the blocks that the value lies in moved, but for the first.
    fn move_by(&mut self, mover: &mut Defrag);

    /// Adds the value's contents to a digest.
    fn digest(&self, digest: &Digest);

    /// Bytes allocated.
    fn memory(&self) -> usize;

    /// Allocations to free; 0 to have them freed in another thread.
    fn free_effort(&self) -> usize;
}

/// The callbacks of a type.
pub const fn methods<V: NativeValue>() -> RedisModuleTypeMethods {
    RedisModuleTypeMethods {
        version: raw::REDISMODULE_TYPE_METHOD_VERSION as u64,
        rdb_load: Some(rdb_load::<V>),
        rdb_save: Some(rdb_save::<V>),
        aof_rewrite: Some(aof_rewrite::<V>),
        // The server asks `mem_usage2` where both are there.
        mem_usage: Some(mem_usage::<V>),
        mem_usage2: None,
        digest: Some(digest::<V>),
        free: Some(free::<V>),
        free_effort: Some(free_effort::<V>),
        free_effort2: None,
        // Nothing is kept outside the keyspace that its values do not bring along.
        aux_load: None,
        aux_save: None,
        aux_save2: None,
        aux_save_triggers: 0,
        // An unlinked value counts as long as it takes memory.
        unlink: None,
        unlink2: None,
        // Two keys with one uid would own the same chunks: the server refuses COPY by itself.
        copy: None,
        copy2: None,
        defrag: Some(defrag::<V>),
    }
}

/// # Safety
/// `value` must be a value of the type V that the module gave to the server.
unsafe fn value_of<'a, V>(value: *const c_void) -> &'a V {
    // SAFETY: the caller's promise.
    unsafe { &*value.cast::<V>() }
}

unsafe extern "C" fn rdb_load<V: NativeValue>(io: *mut RedisModuleIO, version: c_int) -> *mut c_void {
    guard::or(null_mut(), || {
        let io = Io::new(io);
        let value = (version <= ENCODING).then(|| load_parts::<V>(&io)).flatten();
        value.map_or(null_mut(), |value| Box::into_raw(Box::new(value)).cast())
    })
}

/// The value of the parts in an RDB; `None` where they are damaged.
fn load_parts<V: NativeValue>(io: &Io) -> Option<V> {
    let mut value = V::load(&io.load().ok()?, &io.key_name()).ok()?;
    loop {
        let part = io.load().ok()?;
        if part.is_empty() {
            value.count();
            return Some(value);
        }
        value.load_more(&part).ok()?;
    }
}

unsafe extern "C" fn rdb_save<V: NativeValue>(io: *mut RedisModuleIO, value: *mut c_void) {
    guard::or((), || {
        let io = Io::new(io);
        unsafe { value_of::<V>(value) }.save(&io.key_name(), &mut |part| io.save(part));
        io.save(&[]);
    });
}

unsafe extern "C" fn aof_rewrite<V: NativeValue>(
    io: *mut RedisModuleIO,
    key: *mut RedisModuleString,
    value: *mut c_void,
) {
    guard::or((), || {
        let io = Io::new(io);
        let value = unsafe { value_of::<V>(value) };
        let mut letter = V::LETTER;
        value.save(&io.key_name(), &mut |part| {
            io.emit(c"SIM.LOAD", key, &[&[letter], part].concat());
            letter = MORE;
        });
    });
}

/// What the further parts of a value begin with in the AOF.
pub const MORE: u8 = b'+';

unsafe extern "C" fn mem_usage<V: NativeValue>(value: *const c_void) -> usize {
    guard::or(0, || unsafe { value_of::<V>(value) }.memory())
}

unsafe extern "C" fn digest<V: NativeValue>(digest: *mut RedisModuleDigest, value: *mut c_void) {
    guard::or((), || unsafe { value_of::<V>(value) }.digest(&Digest::new(digest)));
}

unsafe extern "C" fn free_effort<V: NativeValue>(_: *mut RedisModuleString, value: *const c_void) -> usize {
    guard::or(1, || unsafe { value_of::<V>(value) }.free_effort())
}

/// The answer is that all is done: the work is bounded by [`NativeValue::move_by`] itself.
unsafe extern "C" fn defrag<V: NativeValue>(
    ctx: *mut RedisModuleDefragCtx,
    _: *mut RedisModuleString,
    value: *mut *mut c_void,
) -> c_int {
    guard::or((), || {
        let mut mover = Defrag::new(ctx);
        // SAFETY: the server's place for the pointer to the box that `Key::set` or `rdb_load` made. It
        // calls this between commands, in the main thread, so that nobody else uses the value.
        unsafe {
            V::before_free_or_move((*value).cast());
            *value = mover.block(*value);
            let moved = &mut *(*value).cast::<V>();
            moved.move_by(&mut mover);
            moved.count();
        }
    });
    0
}

unsafe extern "C" fn free<V: NativeValue>(value: *mut c_void) {
    guard::or((), || {
        V::before_free_or_move(value.cast());
        // SAFETY: the box that `Key::set` or `rdb_load` made; the server frees it once. This may
        // happen in another thread, so it touches nothing but the value, atomics, and what a lock guards.
        drop(unsafe { Box::from_raw(value.cast::<V>()) });
    });
}
