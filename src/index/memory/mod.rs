//! The containers that a chunk is made of. They grow and shrink without a pause, are freed in a few calls, and can be
//! moved when the server defragments its heap.
//!
//! | file | content |
//! | --- | --- |
//! | `segmented_vec` | a vector in segments of at most a mebibyte, which never copies more than one |
//! | `size_class` | the sizes of runs and of small allocations |
//! | `runs` | runs of one size side by side, each with its owner |
//! | `arena` | short runs of elements, by size class |
//! | `slab` | records with dense ids |
//! | `lists` | many short lists of ids in an arena, and a few long ones |
//! | `id_table` | a hash table of ids: linear hashing, a cell at a time |
//! | `select` | selection without branches, for loops that wait for memory |
//! | `footprint` | bytes and allocations, from one walk over the fields |
//! | `mover` | moving allocations when a server defragments its memory |
//! | `invariant` | the result of a validator |
//!
//! Nothing here knows items or buckets, and nothing imports from a sibling folder. Every store has the same
//! three functions for the value that owns it: `footprint`, `move_by` and `internal_validate`.

pub mod arena;
pub mod footprint;
pub mod id_table;
pub mod invariant;
pub mod lists;
pub mod mover;
pub mod runs;
pub mod segmented_vec;
pub mod select;
pub mod size_class;
pub mod slab;

/// The largest alignment that a type in long-lived memory may have.
///
/// Servers promise no more than 8 for what their allocator returns, so the module takes anything with a larger
/// alignment from the system's allocator instead, and that memory is invisible to `used_memory` and
/// `maxmemory`. A type that would need a larger alignment is packed.
pub const MAX_ALIGN: usize = 8;
