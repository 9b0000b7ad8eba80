//! Pairs of an index, or `*` for every index, and an item: the arguments of MERGE and DELETE.
//!
//! ```text
//! index item [index item ...]
//! ```

use super::args::Args;
use crate::command::error::Error;

/// An index, or `None` for every index, and an item.
pub type Pair<'a> = (Option<&'a [u8]>, &'a [u8]);

/// Takes all arguments that are left, which must be at least one pair. `item` names the items in errors.
pub fn take<'a>(args: &mut Args<'a>, item: &'static str) -> Result<Vec<Pair<'a>>, Error> {
    let mut pairs = vec![(args.index_or_all()?, args.name(item)?)];
    while args.left() > 0 {
        pairs.push((args.index_or_all()?, args.name(item)?));
    }
    Ok(pairs)
}
