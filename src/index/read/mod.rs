//! Reading an index otherwise than by search.
//!
//! | file | what it answers |
//! | --- | --- |
//! | `scan` | which items there are, in steps, while the index changes |
//! | `explain` | why two items have their score |
//! | `significant` | which buckets set an item apart |

mod explain;
mod scan;
mod significant;

pub use explain::{BandShare, Explanation, explain};
pub use scan::{ScanPosition, ScanStep, scan};
pub use significant::{SignificantBucket, significant};
