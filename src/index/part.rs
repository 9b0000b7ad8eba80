//! A part of a search: one clause of CLASSIFY, one index of COMPARE.

use super::chunk::Chunk;
use super::profile::Profile;
use super::score::{Scale, Score};

/// One index to search: what is looked for, and where.
#[derive(Debug)]
pub struct Part<'a> {
    /// The chunks of the window.
    pub chunks: &'a [&'a Chunk],
    /// What is looked for.
    pub query: Profile<'a>,
    /// An item must share at least so many bands, 1 or more.
    pub min_bands: u16,
}

impl Part<'_> {
    /// The number of bands.
    fn bands(&self) -> u16 {
        self.chunks.first().map_or(1, |chunk| chunk.bands())
    }

    /// What the scores of all candidates have in common.
    pub(super) fn scale(&self, score: Score) -> Scale {
        let all = self.chunks.iter().map(|chunk| chunk.observations()).sum();
        Scale { score, bands: self.bands(), query: self.query.observations(), all }
    }
}
