//! The floor on which the index meets the keys of Redis.
//!
//! A scope is a key, and each of its chunks is a key of its own, so that the server can expire, evict,
//! dump and migrate them as any other.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `scope` | the type `sim-scope`: a definition, and the directory of the scope's chunks |
//! | `chunk` | the type `sim-chunk`: a chunk of the index, and which scope it belongs to |
//! | `data_type` | the callbacks of both types: RDB, AOF, digest, memory, freeing, defragmentation |
//! | `name` | the names of chunks, hash tags and cluster slots |
//! | `window` | opens the live chunks of a scope, and checks all of them before any is changed |
//! | `dead_entries` | removes entries whose chunk is gone from the directory of a scope |
//! | `deleted_scopes` | frees the chunks of scopes that clients delete by DEL |
//! | `load` | SIM.LOAD, the AOF's form of a key |
//! | `sweep` | SIM.SWEEP: frees chunks whose scope is gone |
//! | `live_scopes` | the uids of the scopes in memory |
//! | `totals` | numbers of items, bytes and more over all values, for INFO |
//! | `debug` | answers to SIM.DEBUG about a key |
//! | `error` | why a key cannot be used |

pub mod chunk;
mod data_type;
pub mod dead_entries;
pub mod debug;
pub mod deleted_scopes;
mod error;
mod live_scopes;
pub mod load;
pub mod name;
pub mod scope;
pub mod sweep;
pub mod totals;
pub mod window;

pub use error::Error;
