//! The other ways of reading an index, apart from a search. Nothing here changes a chunk.
//!
//! | file | question |
//! | --- | --- |
//! | `scan` | which items are in the index? (in steps, while it changes) |
//! | `explain` | why is one item similar to another? |
//! | `significant` | which buckets set an item apart? |

mod explain;
mod scan;
mod significant;

pub use explain::{Agreement, BandShare, Explanation, explain};
pub use scan::{ScanPosition, ScanStep, scan};
pub use significant::{SignificantBucket, significant};
