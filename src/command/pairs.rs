//! What MERGE and DELETE share: pairs of an index, or `*` for every index, and an item.

use super::args::Args;
use super::error::Error;
use crate::keyspace::scope::Scope;
use std::collections::BTreeMap;

/// An index, or every index, and an item.
pub type Pair<'a> = (Option<&'a [u8]>, &'a [u8]);

/// Takes pairs up to the end; at least one.
///
/// # Errors
/// A name is missing or not allowed.
pub fn take<'a>(args: &mut Args<'a>, item: &'static str) -> Result<Vec<Pair<'a>>, Error> {
    let mut pairs = vec![(args.index_or_all()?, args.name(item)?)];
    while args.left() > 0 {
        pairs.push((args.index_or_all()?, args.name(item)?));
    }
    Ok(pairs)
}

/// The items of each index of the scope that the pairs name, each once.
pub fn by_index<'a>(scope: &Scope, pairs: &[Pair<'a>]) -> BTreeMap<Vec<u8>, Vec<&'a [u8]>> {
    let mut items: BTreeMap<Vec<u8>, Vec<&[u8]>> = BTreeMap::new();
    for index in scope.indexes() {
        for (_, item) in pairs.iter().filter(|(named, _)| named.is_none_or(|named| named == index)) {
            let of_index = items.entry(index.to_vec()).or_default();
            // A second one would find nothing left.
            if !of_index.contains(item) {
                of_index.push(item);
            }
        }
    }
    items
}
