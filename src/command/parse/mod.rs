//! Reading a command's arguments. Nothing here opens a key or replies.
//!
//! | file | what it reads |
//! | --- | --- |
//! | `args` | the arguments one by one: a cursor whose takes are typed and whose errors name the argument |
//! | `clause` | SIGNATURE, FEATURES, TEXT: where a signature comes from |
//! | `definition` | the parameters of SIM.CREATE |
//! | `window` | TIMESTAMP and WINDOW |
//! | `query` | the options of a query |
//! | `item_pairs` | pairs of an index and an item |
//! | `glob` | patterns, as Redis's own commands have them |

pub mod args;
pub mod clause;
pub mod definition;
pub mod glob;
pub mod item_pairs;
pub mod query;
pub mod window;
