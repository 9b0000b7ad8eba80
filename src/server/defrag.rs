//! Active defragmentation: the server decides which blocks of a value to move.

use super::alloc::PROMISED;
use super::api;
use crate::index::Mover;
use redis_module::raw::RedisModuleDefragCtx;
use std::ffi::c_void;
use std::mem::ManuallyDrop;

/// The server's defragmentation, for the time of a callback.
pub struct Defrag(*mut RedisModuleDefragCtx);

impl Defrag {
    /// Takes what the server hands to a callback.
    ///
    /// # Safety
    /// `ctx` is valid as long as the result is used.
    pub unsafe fn new(ctx: *mut RedisModuleDefragCtx) -> Defrag {
        Defrag(ctx)
    }

    /// Moves a block if the server wants it elsewhere, and returns its address from now on. Moving copies
    /// the bytes, and frees the old block.
    ///
    /// # Safety
    /// - `block` comes from the server's allocator;
    /// - nobody uses its old address from now on.
    pub unsafe fn block(&mut self, block: *mut c_void) -> *mut c_void {
        // SAFETY: a valid context, and a block as the caller promises.
        let moved = unsafe { api!(RedisModule_DefragAlloc(self.0, block)) };
        if moved.is_null() { block } else { moved }
    }
}

impl Mover for Defrag {
    fn vec<T>(&mut self, vec: &mut Vec<T>) {
        // Other vectors have no block at all, or one from the system's allocator: see `alloc`.
        if vec.capacity() * size_of::<T>() > 0 && align_of::<T>() <= PROMISED {
            let mut old = ManuallyDrop::new(std::mem::take(vec));
            let (length, capacity) = (old.len(), old.capacity());
            // SAFETY: the block of a vector that was taken apart, whose elements nobody borrows: it was
            // borrowed exclusively.
            let block = unsafe { self.block(old.as_mut_ptr().cast()) };
            // SAFETY: the same elements in a block of the same size, which nobody else frees.
            *vec = unsafe { Vec::from_raw_parts(block.cast(), length, capacity) };
        }
    }
}
