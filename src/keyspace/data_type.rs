//! The callbacks of the module's types, which the server calls for their values: each slot of its table is
//! filled, or empty with a reason.
//!
//! A value is a box that [`Key::set`](crate::server::key::Key::set) or [`rdb_load`] made; the server
//! keeps the pointer. It calls the callbacks in its main thread, one after the other, between commands of
//! the module, with three exceptions:
//!
//! - A command of the module that removes a value causes calls of `free_effort` and `free` while it runs.
//! - `free` may run in another thread.
//! - `rdb_save` and `aof_rewrite` may run in a child process, on its copy of the memory.
//!
//! A value is saved as a sequence of byte strings, its pieces: in the RDB one after the other up to an
//! empty one, in the AOF as one `SIM.LOAD key piece` each. The encoding is the same in both. Pieces keep
//! memory bounded: even the largest chunk is never held as one string while it is saved or loaded.

use crate::index::codec::DecodeError;
use crate::server::defrag::Defrag;
use crate::server::guard;
use crate::server::io::{Digest, Io};
use crate::server::key::Value;
use crate::server::string::bytes_of;
use redis_module::raw::{
    self, RedisModuleDefragCtx, RedisModuleDigest, RedisModuleIO, RedisModuleString, RedisModuleTypeMethods,
};
use std::ffi::{c_int, c_void};
use std::ptr::null_mut;

/// The version of the encoding of both types. A later one reads all earlier ones.
pub const ENCODING: i32 = 0;

/// A value of the module, as the callbacks of its type see it: what there is to save, load, move, digest
/// and free. [`Value`] is the part of it that opening a key needs.
pub trait NativeValue: Value {
    /// The letter before the first piece of a value of this type in the AOF.
    const LETTER: u8;

    /// Encodes the value as pieces, and passes each to `piece` before it makes the next. `key` is the key's
    /// name.
    fn save(&self, key: &[u8], piece: &mut dyn FnMut(&[u8]));

    /// Called before the value is saved in the form of an RDB: for a snapshot, a DUMP or a MIGRATE.
    fn before_save(&self) {}

    /// Called before the value leaves the key of this name, for whatever reason: it may be freed, or move to another
    /// key.
    fn before_unlink(&self, _key: &[u8]) {}

    /// Makes the value that a first piece describes, for a key of this name. Checks every count and length in
    /// it: the piece may come from a damaged file, or from a client by RESTORE.
    fn load(piece: &[u8], key: &[u8]) -> Result<Self, DecodeError>;

    /// Adds a further piece, and checks it as [`Self::load`] does. Leaves the totals as they are: the caller
    /// updates them after the last piece.
    fn load_more(&mut self, piece: &[u8]) -> Result<(), DecodeError>;

    /// Brings the value's contribution to INFO up to date: see [`super::totals`]. It takes constant time.
    fn update_totals(&mut self);

    /// Moves the blocks that the value is made of, except for the one that the server's pointer leads to: the
    /// callback has moved that already.
    fn move_by(&mut self, mover: &mut Defrag);

    /// Adds the value's contents to a digest.
    fn digest(&self, digest: &Digest);

    /// Bytes allocated.
    fn memory(&self) -> usize;

    /// The number of allocations to free. A value of up to 64 the server frees at once. A larger one goes to
    /// another thread if its key is unlinked, or is deleted and the server's `lazyfree-lazy-*` settings say
    /// so. 0 counts as more than any number.
    fn free_effort(&self) -> usize;
}

/// The callbacks of a type.
pub const fn methods<V: NativeValue>() -> RedisModuleTypeMethods {
    RedisModuleTypeMethods {
        version: raw::REDISMODULE_TYPE_METHOD_VERSION as u64,
        rdb_load: Some(rdb_load::<V>),
        rdb_save: Some(rdb_save::<V>),
        aof_rewrite: Some(aof_rewrite::<V>),
        // `mem_usage2` only adds a number of samples to take: not needed, since `memory` counts without
        // sampling.
        mem_usage: Some(mem_usage::<V>),
        mem_usage2: None,
        digest: Some(digest::<V>),
        free: Some(free::<V>),
        free_effort: Some(free_effort::<V>),
        free_effort2: None,
        // All state outside the keyspace follows from the values in it, so there is nothing else to save.
        aux_load: None,
        aux_save: None,
        aux_save2: None,
        aux_save_triggers: 0,
        unlink: Some(unlink::<V>),
        unlink2: None,
        // A copy would have the uid of the original, and so own the same chunks. Without this callback the
        // server refuses COPY.
        copy: None,
        copy2: None,
        defrag: Some(defrag::<V>),
    }
}

/// The value that a callback is called for.
///
/// # Safety
/// - `value` is the box of a `V` that the server keeps;
/// - it is neither changed nor freed for as long as `'a`.
unsafe fn value_of<'a, V>(value: *const c_void) -> &'a V {
    // SAFETY: the caller's promise.
    unsafe { &*value.cast::<V>() }
}

unsafe extern "C" fn rdb_load<V: NativeValue>(io: *mut RedisModuleIO, version: c_int) -> *mut c_void {
    guard::catch_panic(null_mut(), || {
        // SAFETY: the server's handle is valid until the callback returns.
        let io = unsafe { Io::new(io) };
        // Null tells the server that loading failed. For a later version there is no way to know how much to
        // read, so nothing is read.
        let value = (version <= ENCODING).then(|| load_pieces::<V>(&io)).flatten();
        value.map_or(null_mut(), |value| Box::into_raw(Box::new(value)).cast())
    })
}

/// The value that the pieces in an RDB describe; `None` if they are damaged.
fn load_pieces<V: NativeValue>(io: &Io) -> Option<V> {
    let mut value = V::load(&io.load().ok()?, &io.key_name()).ok()?;
    loop {
        let piece = io.load().ok()?;
        // The empty piece that `rdb_save` writes at the end.
        if piece.is_empty() {
            value.update_totals();
            return Some(value);
        }
        value.load_more(&piece).ok()?;
    }
}

unsafe extern "C" fn rdb_save<V: NativeValue>(io: *mut RedisModuleIO, value: *mut c_void) {
    guard::catch_panic((), || {
        // SAFETY: the server's handle and the value are valid until the callback returns.
        let (io, value) = unsafe { (Io::new(io), value_of::<V>(value)) };
        value.before_save();
        value.save(&io.key_name(), &mut |piece| io.save(piece));
        io.save(&[]);
    });
}

unsafe extern "C" fn aof_rewrite<V: NativeValue>(
    io: *mut RedisModuleIO,
    _: *mut RedisModuleString,
    value: *mut c_void,
) {
    guard::catch_panic((), || {
        // SAFETY: the server's handle and the value are valid until the callback returns.
        let (io, value) = unsafe { (Io::new(io), value_of::<V>(value)) };
        let key = io.key_name();
        // One SIM.LOAD for each piece. The letter before the first one gives the type, those of the others
        // only that they continue.
        let mut letter = V::LETTER;
        value.save(&key, &mut |piece| {
            io.emit(c"SIM.LOAD", &key, &[&[letter], piece].concat());
            letter = CONTINUATION;
        });
    });
}

/// The letter before the further pieces of a value in the AOF.
pub const CONTINUATION: u8 = b'+';

unsafe extern "C" fn mem_usage<V: NativeValue>(value: *const c_void) -> usize {
    // SAFETY: the value is valid until the callback returns.
    guard::catch_panic(0, || unsafe { value_of::<V>(value) }.memory())
}

unsafe extern "C" fn digest<V: NativeValue>(digest: *mut RedisModuleDigest, value: *mut c_void) {
    guard::catch_panic((), || {
        // SAFETY: the server's handle and the value are valid until the callback returns.
        let (digest, value) = unsafe { (Digest::new(digest), value_of::<V>(value)) };
        value.digest(&digest);
    });
}

unsafe extern "C" fn unlink<V: NativeValue>(key: *mut RedisModuleString, value: *const c_void) {
    // SAFETY: the name and the value are valid until the callback returns.
    guard::catch_panic((), || unsafe { value_of::<V>(value).before_unlink(bytes_of(key)) });
}

unsafe extern "C" fn free_effort<V: NativeValue>(_: *mut RedisModuleString, value: *const c_void) -> usize {
    // SAFETY: the value is valid until the callback returns.
    guard::catch_panic(1, || unsafe { value_of::<V>(value) }.free_effort())
}

/// Returns 0, for done: the work is bounded by [`NativeValue::move_by`] itself.
unsafe extern "C" fn defrag<V: NativeValue>(
    ctx: *mut RedisModuleDefragCtx,
    _: *mut RedisModuleString,
    value: *mut *mut c_void,
) -> c_int {
    guard::catch_panic((), || {
        // SAFETY: the server's context is valid until the callback returns.
        let mut mover = unsafe { Defrag::new(ctx) };
        // The box first, because the rest is reached through it.
        // SAFETY: `value` is the server's place for the pointer to the box. The server calls this
        // between commands, in its main thread, so that nobody has a reference to the value.
        let moved = unsafe {
            *value = mover.block(*value);
            &mut *(*value).cast::<V>()
        };
        moved.move_by(&mut mover);
    });
    0
}

unsafe extern "C" fn free<V: NativeValue>(value: *mut c_void) {
    guard::catch_panic((), || {
        // SAFETY: the box that `Key::set` or `rdb_load` made; the server frees it once. This may
        // happen in another thread, so it touches nothing but the value, atomics, and what a lock guards.
        drop(unsafe { Box::from_raw(value.cast::<V>()) });
    });
}
