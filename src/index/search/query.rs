//! What a search is asked: a query for each index (one clause of CLASSIFY, one index of COMPARE), and options.

use super::glob::Glob;
use super::profile::{ItemLocation, Profile};
use super::score::{ScoreMode, Scorer};
use crate::index::chunk::{Chunk, hash};

/// A query in one index: a profile, and the chunks to search.
#[derive(Debug)]
pub struct IndexQuery<'a> {
    /// The chunks of the window.
    pub(super) chunks: &'a [&'a Chunk],
    /// The profile that is searched for.
    pub(super) profile: Profile<'a>,
    /// What the query looks like; `None` if nothing is known of it.
    pub(super) sketch: Option<&'a [u8]>,
    /// Where the queried item itself is stored; empty if the query is not an item.
    pub(super) self_location: ItemLocation,
    /// Results share at least this many bands in this index, or enough in another one of a combined search.
    pub(super) min_bands: u16,
}

impl<'a> IndexQuery<'a> {
    /// Searches for what is similar to a profile.
    pub fn new(profile: Profile<'a>, chunks: &'a [&'a Chunk]) -> IndexQuery<'a> {
        IndexQuery { chunks, profile, sketch: None, self_location: ItemLocation::default(), min_bands: 1 }
    }

    /// The number of chunks that are searched.
    pub fn chunk_count(&self) -> usize {
        self.chunks.len()
    }

    /// Searches for what is similar to an item that was observed in these chunks. In a combined search it must be
    /// the same item in all indexes.
    pub fn of_item(item: &[u8], chunks: &'a [&'a Chunk]) -> IndexQuery<'a> {
        let (profile, self_location) = Profile::of_item_with_location(item, chunks);
        let in_chunk = |(chunk, id): (&&'a Chunk, &Option<u32>)| chunk.items().sketch((*id)?);
        let sketch = chunks.iter().zip(&self_location.ids).rev().find_map(in_chunk);
        IndexQuery { chunks, profile, sketch, self_location, min_bands: 1 }
    }

    /// Looks like this sketch, for the score JACCARD. Without one, or with one of another length than the sketches of
    /// the chunks, nothing is found by that score.
    pub fn with_sketch(self, sketch: Option<&'a [u8]>) -> IndexQuery<'a> {
        let sketch =
            sketch.filter(|sketch| sketch.len() == usize::from(self.sketch_length()) && !sketch.is_empty());
        IndexQuery { sketch, ..self }
    }

    /// Only returns items that share at least `min_bands` bands (1 or more) in this index, or enough in another one of a
    /// combined search.
    pub fn with_min_bands(self, min_bands: u16) -> IndexQuery<'a> {
        debug_assert!(min_bands >= 1);
        IndexQuery { min_bands, ..self }
    }

    /// The number of bands of the index.
    fn bands(&self) -> u16 {
        self.chunks.first().map_or(1, |chunk| chunk.bands())
    }

    /// The slots of a sketch in the index; 0 if it keeps none.
    fn sketch_length(&self) -> u16 {
        self.chunks.first().map_or(0, |chunk| chunk.sketch_length())
    }

    /// The scorer of this query: all that a score needs apart from the candidate.
    pub(super) fn scorer(&self, mode: ScoreMode) -> Scorer {
        debug_assert!(self.profile.observations() < 1 << 42, "B*Q*T must stay below 2^96: see `score`");
        let all_observations = self.chunks.iter().map(|chunk| chunk.observations()).sum();
        let query_observations = self.profile.observations();
        let (bands, slots) = (self.bands(), self.sketch_length());
        Scorer { mode, bands, query_observations, all_observations, slots }
    }
}

/// The sketch of an item in the newest of these chunks, given oldest first, that has one.
pub fn newest_sketch<'a>(item: &[u8], chunks: &[&'a Chunk]) -> Option<&'a [u8]> {
    let hash = hash::name(item);
    chunks.iter().rev().find_map(|chunk| chunk.items().sketch(chunk.item_id_by_hash(item, hash)?))
}

/// The options of a search.
#[derive(Debug, Clone, Copy)]
pub struct SearchOptions<'g> {
    /// The measure of similarity.
    pub mode: ScoreMode,
    /// The largest number of items; `None`: all of them.
    pub limit: Option<usize>,
    /// The lowest score.
    pub min_score: Option<f64>,
    /// Leaves out the queried item itself.
    pub exclude_self: bool,
    /// Only items whose names match are results; `None`: all.
    pub pattern: Option<&'g Glob>,
}

impl Default for SearchOptions<'_> {
    /// All items, by OVERLAP.
    fn default() -> Self {
        SearchOptions {
            mode: ScoreMode::Overlap,
            limit: None,
            min_score: None,
            exclude_self: false,
            pattern: None,
        }
    }
}

/// A chunk of a search. A search numbers the chunks of all its queries in one sequence.
#[derive(Debug, Clone, Copy)]
pub struct SearchChunk<'a> {
    /// The number of the query that searches it.
    pub query: usize,
    /// The chunk.
    pub chunk: &'a Chunk,
    /// The id of the queried item in it, if it is there.
    pub self_id: Option<u32>,
}

impl<'a> SearchChunk<'a> {
    /// The chunks of all queries, in order.
    pub(super) fn of_queries<'s>(
        queries: &'s [IndexQuery<'a>],
    ) -> impl Iterator<Item = SearchChunk<'a>> + 's {
        queries.iter().enumerate().flat_map(|(number, query)| {
            let self_ids = &query.self_location.ids;
            query.chunks.iter().enumerate().map(move |(at, chunk)| {
                let self_id = self_ids.get(at).copied().flatten();
                SearchChunk { query: number, chunk, self_id }
            })
        })
    }
}
