//! Reading an index by other ways than a search. Nothing here changes a chunk.
//!
//! | file | question |
//! | --- | --- |
//! | `scan` | which items are in the index? (in steps, while it changes) |
//! | `explain` | why do two items have their score? |
//! | `significant` | which buckets set an item apart? |

mod explain;
mod scan;
mod significant;

pub use explain::{BandShare, Explanation, explain};
pub use scan::{ScanPosition, ScanStep, scan};
pub use significant::{SignificantBucket, significant};
