//! A part of a search: one clause of CLASSIFY, one index of COMPARE.

use super::profile::{ItemLocation, Profile};
use super::score::{ScoreMode, Scorer};
use crate::index::chunk::Chunk;

/// One index to search: what is looked for, and where.
#[derive(Debug)]
pub struct IndexQuery<'a> {
    /// The chunks of the window.
    pub(super) chunks: &'a [&'a Chunk],
    /// What is looked for.
    pub(super) query: Profile<'a>,
    /// Where the item is that the query is the profile of; of another query, nowhere.
    pub(super) own: ItemLocation,
    /// An item must share at least so many bands.
    pub(super) min_bands: u16,
}

impl<'a> IndexQuery<'a> {
    /// Looks for what is like a query.
    pub fn new(query: Profile<'a>, chunks: &'a [&'a Chunk]) -> IndexQuery<'a> {
        IndexQuery { chunks, query, own: ItemLocation::default(), min_bands: 1 }
    }

    /// Looks for what is like an item that was observed in these chunks. In a search of several parts
    /// it must be the same in all.
    pub fn of_item(item: &[u8], chunks: &'a [&'a Chunk]) -> IndexQuery<'a> {
        let (query, own) = Profile::of_item_located(item, chunks);
        IndexQuery { chunks, query, own, min_bands: 1 }
    }

    /// Admits items alone that share at least so many bands, 1 or more.
    pub fn with_min_bands(self, min_bands: u16) -> IndexQuery<'a> {
        IndexQuery { min_bands, ..self }
    }

    /// The number of bands.
    fn bands(&self) -> u16 {
        self.chunks.first().map_or(1, |chunk| chunk.bands())
    }

    /// What the scores of all candidates have in common.
    pub(super) fn scale(&self, score: ScoreMode) -> Scorer {
        let all = self.chunks.iter().map(|chunk| chunk.observations()).sum();
        Scorer { score, bands: self.bands(), query: self.query.observations(), all }
    }
}
