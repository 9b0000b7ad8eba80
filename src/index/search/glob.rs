//! Glob patterns, as the server's own commands have them: `*`, `?`, `[a-z]`, `[^a-z]`, and a backslash
//! before a byte that stands for itself.
//!
//! Matching is Shift-And (Baeza-Yates and Gonnet 1992), which runs all ways of matching side by side, one bit for each:
//! bit i says that the first i sets of the pattern match all bytes so far. A star is a loop at its bit.
//!
//! ```text
//! pattern a*bc      sets a, b, c; a loop at bit 1
//! next bits = (bits << 1 & sets_with(byte)) | (bits & loops)
//! ```
//!
//! The work is one step for each byte of the name and 64 sets of the pattern, whatever both hold. Going back to the
//! last star at each mismatch would take their product.

use smallvec::{SmallVec, smallvec};

/// A pattern.
#[derive(Debug)]
pub struct Glob {
    /// For each byte the bits behind the sets that have it: `words` numbers, byte after byte.
    sets_with: Vec<u64>,
    /// The bits at which a star is.
    loops: Vec<u64>,
    /// The number of sets, and so the bit of a match.
    length: usize,
}

/// A set of bytes, one bit for each.
#[derive(Debug, Clone, Copy)]
struct ByteSet([u64; 4]);

impl Glob {
    /// The most bytes of a pattern, which bounds the work of matching: names may be long.
    pub const MAX_BYTES: usize = 1_024;
    /// The steps of matching that take as long as reading a posting.
    const STEPS_PER_POSTING: u64 = 16;

    /// Reads a pattern; `None` if it is too long. Every other sequence of bytes is a pattern.
    pub fn new(pattern: &[u8]) -> Option<Glob> {
        if pattern.len() > Self::MAX_BYTES {
            return None;
        }
        let (mut sets, mut stars) = (Vec::new(), Vec::new());
        let mut rest = pattern;
        while let Some((first, after)) = rest.split_first() {
            let set;
            (set, rest) = match (first, after) {
                (b'*', _) => {
                    stars.push(sets.len());
                    rest = after;
                    continue;
                }
                (b'?', _) => (ByteSet::ALL, after),
                (b'[', _) => read_set(after),
                (b'\\', [escaped, after @ ..]) => (ByteSet::range(*escaped, *escaped), after),
                // A backslash at the very end stands for itself, too.
                _ => (ByteSet::range(*first, *first), after),
            };
            sets.push(set);
        }
        Some(Glob::of(&sets, &stars))
    }

    /// The pattern of these sets, with a star before each of the sets of these numbers.
    fn of(sets: &[ByteSet], stars: &[usize]) -> Glob {
        let words = sets.len() / 64 + 1;
        let mut glob = Glob { sets_with: vec![0; 256 * words], loops: vec![0; words], length: sets.len() };
        for bit in stars {
            glob.loops[bit / 64] |= 1 << (bit % 64);
        }
        for (number, set) in sets.iter().enumerate() {
            let bit = number + 1;
            for byte in (0..=u8::MAX).filter(|byte| set.contains(*byte)) {
                glob.sets_with[usize::from(byte) * words + bit / 64] |= 1 << (bit % 64);
            }
        }
        glob
    }

    /// The cost of matching a name, in postings.
    pub fn cost(&self, name: &[u8]) -> u64 {
        1 + (name.len() * self.loops.len()) as u64 / Self::STEPS_PER_POSTING
    }

    /// True if the whole name matches.
    pub fn matches(&self, name: &[u8]) -> bool {
        let words = self.loops.len();
        let mut bits: SmallVec<[u64; 2]> = smallvec![0; words];
        bits[0] = 1;
        for byte in name {
            let sets_with = &self.sets_with[usize::from(*byte) * words..][..words];
            let mut carry = 0;
            for ((word, set), star) in bits.iter_mut().zip(sets_with).zip(&self.loops) {
                let shifted = *word << 1 | carry;
                carry = *word >> 63;
                *word = shifted & set | *word & star;
            }
        }
        bits[self.length / 64] >> (self.length % 64) & 1 == 1
    }
}

impl ByteSet {
    const NONE: ByteSet = ByteSet([0; 4]);
    const ALL: ByteSet = ByteSet([u64::MAX; 4]);

    /// The bytes from one to the other, whichever of both is the smaller.
    fn range(a: u8, b: u8) -> ByteSet {
        let mut set = ByteSet::NONE;
        for byte in a.min(b)..=a.max(b) {
            if let Some(word) = set.0.get_mut(usize::from(byte / 64)) {
                *word |= 1 << (byte % 64);
            }
        }
        set
    }

    fn add(&mut self, other: ByteSet) {
        self.0.iter_mut().zip(other.0).for_each(|(word, added)| *word |= added);
    }

    fn complement(self) -> ByteSet {
        ByteSet(self.0.map(|word| !word))
    }

    fn contains(&self, byte: u8) -> bool {
        self.0.get(usize::from(byte / 64)).is_some_and(|word| word >> (byte % 64) & 1 == 1)
    }
}

/// Reads a set after its `[`, up to the `]` or, as in the server, to the end of the pattern. Returns it
/// with the rest of the pattern.
fn read_set(pattern: &[u8]) -> (ByteSet, &[u8]) {
    let (is_negated, mut rest) = match pattern {
        [b'^', rest @ ..] => (true, rest),
        _ => (false, pattern),
    };
    let mut set = ByteSet::NONE;
    loop {
        let (added, after) = match rest {
            [] => break,
            [b']', after @ ..] => {
                rest = after;
                break;
            }
            [b'\\', escaped, after @ ..] => (ByteSet::range(*escaped, *escaped), after),
            [first, b'-', last, after @ ..] => (ByteSet::range(*first, *last), after),
            [byte, after @ ..] => (ByteSet::range(*byte, *byte), after),
        };
        set.add(added);
        rest = after;
    }
    (if is_negated { set.complement() } else { set }, rest)
}

#[cfg(test)]
mod tests {
    use super::Glob;
    use proptest::prelude::*;

    #[test]
    fn patterns_match_as_the_servers_do() {
        let cases: [(&str, &str, bool); 28] = [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("**", "anything", true),
            ("a*", "a", true),
            ("a*", "ba", false),
            ("*a", "banana", true),
            ("*nan*", "banana", true),
            ("b*n?", "banana", true),
            ("b*n", "banana", false),
            ("?", "", false),
            ("??", "ab", true),
            ("[abc]", "b", true),
            ("[^abc]", "b", false),
            ("[^abc]", "d", true),
            ("[a-c]x", "cx", true),
            ("[c-a]x", "bx", true),
            ("[a\\-c]", "-", true),
            ("[a\\-c]", "b", false),
            ("[]", "]", false),
            ("[ab", "b", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("a\\", "a\\", true),
            ("A", "a", false),
            ("*[0-9][0-9]", "item 17", true),
            ("*[0-9][0-9]", "item 1", false),
            ("a*b*c", "aXbXbXc", true),
        ];
        for (pattern, name, expected) in cases {
            let glob = Glob::new(pattern.as_bytes());
            assert_eq!(glob.is_some_and(|glob| glob.matches(name.as_bytes())), expected, "{pattern} {name}");
        }
        assert!(Glob::new(&[b'*'; Glob::MAX_BYTES + 1]).is_none());
    }

    #[test]
    fn many_stars_do_not_take_forever() {
        let glob = Glob::new("*a".repeat(400).as_bytes()).expect("short enough");
        assert!(!glob.matches(&vec![b'a'; 399]));
        assert!(!glob.matches("a".repeat(60_000).replace("aaa", "aab").as_bytes()));
    }

    /// The plain recursion, which tries everything.
    fn matches_by_trying(pattern: &[u8], name: &[u8]) -> bool {
        match (pattern, name) {
            ([b'*', rest @ ..], _) => (0..=name.len()).any(|from| matches_by_trying(rest, &name[from..])),
            ([b'?', rest @ ..], [_, name @ ..]) => matches_by_trying(rest, name),
            ([first, rest @ ..], [byte, name @ ..]) => first == byte && matches_by_trying(rest, name),
            ([], []) => true,
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn it_matches_what_trying_everything_matches(pattern in "[ab*?]{0,9}", name in "[ab]{0,12}", times in 1..30_usize) {
            let glob = Glob::new(pattern.as_bytes()).expect("short");
            prop_assert_eq!(glob.matches(name.as_bytes()), matches_by_trying(pattern.as_bytes(), name.as_bytes()));
            // The same behind many bytes, so that bits go from word to word.
            let (before, pattern_before) = ("abcde".repeat(times), "[a-e]".repeat(5 * times));
            let long = Glob::new((pattern_before + &pattern).as_bytes()).expect("short enough");
            prop_assert_eq!(long.matches((before + &name).as_bytes()), glob.matches(name.as_bytes()));
        }
    }
}
