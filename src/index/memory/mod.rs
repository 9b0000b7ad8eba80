//! The memory that a chunk lies in: growing without a pause, freed in a few calls, moved where a server asks.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `segmented_vec` | a vector in segments of at most a mebibyte, which never copies more than one |
//! | `size_class` | the sizes in which runs and allocations are cut |
//! | `arena` | runs of elements in one segmented vector, with free lists by size class |
//! | `lists` | many short lists in an arena, and a few long ones |
//! | `id_table` | a hash table of ids: linear hashing, a cell at a time |
//! | `select` | selection without branches, for loops that wait for memory |
//! | `mover` | what moves allocations when a server defragments its memory |
//!
//! Nothing here knows items or buckets, and nothing imports from a sibling folder.

pub mod arena;
pub mod id_table;
pub mod lists;
pub mod mover;
pub mod segmented_vec;
pub mod select;
pub mod size_class;

/// The largest alignment that the memory of an index asks for: what every server's allocator promises. A larger
/// one is not an error, but does not come from the server, which then does not count it.
pub const MAX_ALIGN: usize = 8;
