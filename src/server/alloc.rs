//! The allocator of the module, which is the server's: so `used_memory`, `maxmemory` and eviction include
//! the module's memory.
//!
//! The crate's own allocator lacks `realloc` and `calloc`, misaligns over-aligned types on servers
//! that use the C library's malloc, and aborts outside a server. This one falls back to the system's
//! if there is no server (tests, benches) and for alignments that the server does not promise.

use redis_module::raw;
use std::alloc::{GlobalAlloc, Layout, System};

/// The alignment that the allocator of every server promises. A server that was built without
/// `malloc_usable_size` writes the size of a block into the 8 bytes before it; and the jemalloc of
/// Redis has classes of 24, 40 and 56 bytes, so that a block of 52 bytes, as hash tables ask for, is
/// often aligned to only 8. Blocks that need more come from the system: they are short-lived or small,
/// and defragmentation leaves them in place.
pub(super) const PROMISED: usize = 8;

// Nothing in a chunk needs a larger alignment, so all of its memory comes from the server.
const _: () = assert!(crate::index::MAX_ALIGN <= PROMISED);

/// The server's allocator, or the system's if there is no server.
#[derive(Debug)]
pub struct ModuleAlloc;

// SAFETY: a block goes back to the allocator that it came from. The choice depends on the layout,
// which is the same at both ends, and on whether the server's functions are there; they are before
// the module allocates anything, or never.
unsafe impl GlobalAlloc for ModuleAlloc {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are those of the system's allocator. The server's has none for this.
        unsafe {
            match raw::RedisModule_Alloc {
                Some(alloc) if layout.align() <= PROMISED => alloc(layout.size()).cast(),
                _ => System.alloc(layout),
            }
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as for `alloc`.
        unsafe {
            match raw::RedisModule_Calloc {
                Some(calloc) if layout.align() <= PROMISED => calloc(1, layout.size()).cast(),
                _ => System.alloc_zeroed(layout),
            }
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the block comes from the allocator that the same choice led to.
        unsafe {
            match raw::RedisModule_Realloc {
                Some(realloc) if layout.align() <= PROMISED => realloc(block.cast(), size).cast(),
                _ => System.realloc(block, layout, size),
            }
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as for `realloc`.
        unsafe {
            match raw::RedisModule_Free {
                Some(free) if layout.align() <= PROMISED => free(block.cast()),
                _ => System.dealloc(block, layout),
            }
        }
    }
}
