//! The tags of a cell: a byte for each slot. Those of a home cell are compared in one instruction.

use wide::u8x16;

/// The number of slots of a home cell.
pub const HOME_SLOTS: usize = 16;

/// The state of a slot. If the slot is used, the tag has eight bits of the entry's hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tag(u8);

impl Tag {
    /// The slot is empty. Empty slots come after the used ones.
    pub const EMPTY: Tag = Tag(0);
    /// The slot holds the number of an overflow cell instead of an id. Only the last slot of a cell does.
    pub const OVERFLOW: Tag = Tag(1);

    /// The tag of an entry: the highest bits of its hash, since the lowest choose the cell. Two values are
    /// taken by the special tags, so hashes that have them share the next value, 2. It therefore matches by
    /// accident more often than others, which costs one lookup in a hundred a needless comparison.
    #[inline]
    pub fn of_hash(hash: u32) -> Tag {
        Tag(((hash >> 24) as u8).max(Tag::OVERFLOW.0 + 1))
    }

    /// True if the slot has an entry.
    #[inline]
    pub fn is_used(self) -> bool {
        self.0 > Tag::OVERFLOW.0
    }
}

/// The tags of a cell of `N` slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tags<const N: usize>([u8; N]);

impl<const N: usize> Tags<N> {
    /// The tags of a cell without entries.
    pub const EMPTY: Tags<N> = Tags([Tag::EMPTY.0; N]);

    /// The tag of a slot.
    #[inline]
    pub fn get(&self, slot: usize) -> Tag {
        Tag(self.0[slot])
    }

    /// Sets the tag of a slot.
    #[inline]
    pub fn set(&mut self, slot: usize, tag: Tag) {
        self.0[slot] = tag.0;
    }

    /// The number of entries in the cell. They are in its first slots.
    #[inline]
    pub fn used_count(&self) -> usize {
        // All tags are looked at, and not only the first: a vector instruction counts them at once.
        self.0.iter().filter(|tag| Tag(**tag).is_used()).count()
    }

    /// The tags of the cell's entries.
    pub fn used(&self) -> impl Iterator<Item = Tag> + use<N> {
        let tags = *self;
        (0..self.used_count()).map(move |slot| tags.get(slot))
    }

    /// True if the last slot leads to an overflow cell.
    #[inline]
    pub fn has_overflow(&self) -> bool {
        self.0[N - 1] == Tag::OVERFLOW.0
    }

    /// Checks the tags of invariant 11: the used slots come first and the others are empty, except that the
    /// last slot may be a link if all others are used.
    pub fn are_well_formed(&self) -> bool {
        let used = self.used_count();
        let is_rest_empty = self.0[used..].iter().all(|tag| *tag == Tag::EMPTY.0);
        is_rest_empty || used == N - 1 && self.has_overflow()
    }
}

impl Tags<HOME_SLOTS> {
    /// The slots that have this tag.
    #[inline]
    pub fn matching(&self, tag: Tag) -> SlotMask {
        // Compare all 16 bytes with the tag, and take one bit of each result.
        SlotMask(u8x16::new(self.0).simd_eq(u8x16::splat(tag.0)).to_bitmask())
    }

    /// The slots that have this tag, and the last slot if it is a link to an overflow cell.
    #[inline]
    pub fn matching_or_overflow(&self, tag: Tag) -> SlotMask {
        let tags = u8x16::new(self.0);
        let matching = tags.simd_eq(u8x16::splat(tag.0));
        SlotMask((matching | tags.simd_eq(u8x16::splat(Tag::OVERFLOW.0))).to_bitmask())
    }
}

/// A set of slots of a home cell, a bit for each. As an iterator it gives them in ascending order.
#[derive(Clone)]
pub struct SlotMask(u32);

impl SlotMask {
    /// True if no slot is in the set.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0 == 0
    }
}

impl Iterator for SlotMask {
    type Item = usize;
    #[inline]
    fn next(&mut self) -> Option<usize> {
        let slot = self.0.trailing_zeros() as usize; // 32 if the set is empty
        self.0 &= self.0.wrapping_sub(1); // clears the lowest bit
        (slot < HOME_SLOTS).then_some(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slots_with_a_tag_are_found_and_a_link_with_them_if_asked_for() {
        let (tag, other) = (Tag::of_hash(0xab00_0000), Tag::of_hash(0xcd00_0000));
        let mut tags = Tags::<HOME_SLOTS>::EMPTY;
        (0..HOME_SLOTS - 1).for_each(|slot| tags.set(slot, if slot % 5 == 0 { tag } else { other }));
        tags.set(HOME_SLOTS - 1, Tag::OVERFLOW);
        assert!(tags.matching(tag).eq([0, 5, 10]));
        assert!(tags.matching_or_overflow(tag).eq([0, 5, 10, 15]));
        assert!(tags.matching(Tag::of_hash(7)).is_empty());
        assert!(tags.has_overflow() && tags.used_count() == 15 && tags.are_well_formed());
        tags.set(3, Tag::EMPTY);
        assert!(!tags.are_well_formed());
    }

    #[test]
    fn no_hash_has_the_tag_of_an_empty_slot_or_of_a_link() {
        assert!((0..=255u32).all(|high| Tag::of_hash(high << 24).is_used()));
    }
}
