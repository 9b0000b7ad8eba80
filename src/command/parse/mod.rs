//! Taking a command's arguments. Nothing here opens a key or replies.
//!
//! | file | arguments |
//! | --- | --- |
//! | `args` | the cursor that all others take their arguments from, one typed method for each kind |
//! | `clause` | SIGNATURE, FEATURES, TEXT: the source of an observation |
//! | `definition` | the parameters of SIM.CREATE |
//! | `window` | TIMESTAMP and WINDOW |
//! | `query` | the options of a query |
//! | `item_pairs` | pairs of an index and an item |

pub mod args;
pub mod clause;
pub mod definition;
pub mod item_pairs;
pub mod query;
pub mod window;
