//! Active defragmentation: the server says which blocks of a value would lie better elsewhere.

use super::alloc::PROMISED;
use super::api;
use crate::index::Mover;
use redis_module::raw::RedisModuleDefragCtx;
use std::ffi::c_void;
use std::mem::ManuallyDrop;

/// The server's mover, for the time of a callback.
pub struct Defrag(*mut RedisModuleDefragCtx);

impl Defrag {
    /// For a callback, with what the server hands to it.
    pub fn new(ctx: *mut RedisModuleDefragCtx) -> Defrag {
        Defrag(ctx)
    }

    /// Where a block lies now: the server has moved its bytes, and freed the old one, or left it.
    pub fn block(&mut self, block: *mut c_void) -> *mut c_void {
        let moved = api!(RedisModule_DefragAlloc(self.0, block));
        if moved.is_null() { block } else { moved }
    }
}

impl Mover for Defrag {
    fn vec<T>(&mut self, vec: &mut Vec<T>) {
        // The others have no block, or one that did not come from the server.
        if vec.capacity() * size_of::<T>() > 0 && align_of::<T>() <= PROMISED {
            let mut old = ManuallyDrop::new(std::mem::take(vec));
            let (length, capacity) = (old.len(), old.capacity());
            let block = self.block(old.as_mut_ptr().cast());
            // SAFETY: the block of the vector that was taken apart, which nobody else frees.
            *vec = unsafe { Vec::from_raw_parts(block.cast(), length, capacity) };
        }
    }
}
