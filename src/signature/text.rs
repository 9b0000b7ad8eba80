//! The features of a text: normal form, lower case, masking, shingles.
//!
//! A *shingle* is a window of n neighbouring characters or words (Broder 1997; elsewhere an n-gram), and
//! each shingle of a text is a feature:
//!
//! ```text
//! "Disk  7 is FULL"  ──normal form, lower case──▶  "disk 7 is full"  ──mask──▶  "disk 0 is full"
//!
//! WORDS 2:  "disk 0"   "0 is"   "is full"
//! CHARS 5:  "disk "  "isk 0"  "sk 0 "  "k 0 i"  " 0 is"  ...
//! ```
//!
//! Shingles overlap, so they are never copied: [`Shingles`] moves two ends along one buffer. For words
//! that buffer is made first, with exactly one space between two words, so that a shingle of words is a
//! slice as well.

use std::borrow::Cow;

use super::mask::mask;
use super::normal_form::{apply, lowercase, normal_form};
use super::words::join_words;

/// The kind and size of the features of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shingle {
    /// Every run of this many characters (Unicode scalar values): 1..=64.
    Chars(u8),
    /// Every run of this many words, joined by one space: 1..=64. A word is a maximal run of letters,
    /// numbers and marks (Unicode) and `_`; in scripts that put no spaces between words, each
    /// character with its marks is one.
    Words(u8),
}

impl Shingle {
    /// The number of characters or words in a feature, at least 1.
    fn length(self) -> usize {
        match self {
            Self::Chars(n) | Self::Words(n) => usize::from(n).max(1),
        }
    }
}

/// The rules that make features of a text, in this order: normal form, lower case, masking, shingles.
///
/// The normal form is Unicode's Form KC without ignorable characters and with one space for each run of
/// white space. All tables are those of the Unicode version of the `icu` crates, whose version is exact.
/// A later version adds characters, and may change what becomes of these; it does not change the old ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextRules {
    /// The kind and size of a feature.
    pub shingle: Shingle,
    /// True to convert letters to lower case, by Unicode's rules for no particular language.
    pub lowercase: bool,
    /// True to replace each number and each identifier by `0`.
    pub mask: bool,
}

impl TextRules {
    /// The text in normal form, and in lower case and masked as far as the rules ask for it; borrowed if
    /// nothing of this changes it.
    pub fn normalise<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = normal_form(text);
        if self.lowercase {
            text = lowercase(text);
        }
        if self.mask {
            text = apply(mask, text);
        }
        text
    }

    /// Normalises a text and counts its features, without making them.
    pub fn prepare<'a>(&self, text: &'a str) -> Prepared<'a> {
        let normalised = self.normalise(text);
        match self.shingle {
            Shingle::Chars(_) => {
                let chars = normalised.chars().count();
                Prepared::new(normalised, chars, self.shingle)
            }
            Shingle::Words(_) => {
                let (joined, words) = join_words(&normalised);
                Prepared::new(Cow::Owned(joined), words, self.shingle)
            }
        }
    }
}

/// A text made ready to be cut into features.
///
/// It borrows the text if features are made of characters and neither lower case nor masking changes
/// anything. Words are joined into a new text.
#[derive(Clone, Debug)]
pub struct Prepared<'a> {
    /// The normalised text; if features are made of words, only the words with one space between two.
    text: Cow<'a, str>,
    shingle: Shingle,
    count: usize,
}

impl<'a> Prepared<'a> {
    /// `units` is the number of characters or words in `text`.
    fn new(text: Cow<'a, str>, units: usize, shingle: Shingle) -> Self {
        let count = match units {
            0 => 0,
            _ => units.saturating_sub(shingle.length()).saturating_add(1),
        };
        Self { text, shingle, count }
    }

    /// The number of features, repeated ones included.
    ///
    /// For `u` characters or words and shingles of `n`: `u - n + 1`, but 1 if there are fewer than
    /// `n`, and 0 if there are none.
    pub fn count(&self) -> usize {
        self.count
    }

    /// An upper bound on the bytes of all features together.
    pub fn max_bytes(&self) -> usize {
        // A byte is in at most `length` features, one for each place it may have there, and in at most all.
        self.text.len().saturating_mul(self.shingle.length().min(self.count))
    }

    /// The features, in the order of the text. If there are fewer than `n` characters or words, all of
    /// them are one feature.
    pub fn features(&self) -> Shingles<'_> {
        let mut shingles = Shingles {
            text: self.text.as_bytes(),
            shingle: self.shingle,
            start: 0,
            end: 0,
            remaining: self.count,
        };
        shingles.end = shingles.end_of_first();
        shingles
    }
}

/// The features of a [`Prepared`]: byte slices of it that overlap.
///
/// A window `start..end` slides over the text: each step moves both ends by one character or word.
///
/// ```text
/// WORDS 2     disk 0 is full        start = 0, end = 6
///             [----]
///                  [--]             start = 5, end = 9
/// ```
#[derive(Clone, Debug)]
pub struct Shingles<'a> {
    text: &'a [u8],
    shingle: Shingle,
    /// The next feature is `text[start..end]`.
    start: usize,
    end: usize,
    /// Features that are still to come.
    remaining: usize,
}

impl Shingles<'_> {
    /// The end of the first feature: after `n` units, or of the whole text if it has fewer.
    fn end_of_first(&self) -> usize {
        let mut end = self.end_of_unit(0);
        for _ in 1..self.shingle.length() {
            if end == self.text.len() {
                break;
            }
            end = self.end_of_unit(end + self.gap());
        }
        end
    }

    /// The end of the character or word that begins at `start`.
    fn end_of_unit(&self, start: usize) -> usize {
        let rest = self.text.get(start..).unwrap_or_default();
        let continues = |byte: &&u8| match self.shingle {
            Shingle::Chars(_) => (**byte as i8) < -0x40, // 0b10......: UTF-8's continuation bytes
            Shingle::Words(_) => **byte != b' ',
        };
        match rest {
            [] => start,
            [_, others @ ..] => start + 1 + others.iter().take_while(continues).count(),
        }
    }

    /// The number of bytes between two units.
    fn gap(&self) -> usize {
        match self.shingle {
            Shingle::Chars(_) => 0,
            Shingle::Words(_) => 1,
        }
    }
}

impl<'a> Iterator for Shingles<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        self.remaining = self.remaining.checked_sub(1)?;
        let shingle = self.text.get(self.start..self.end);
        // Only if another feature follows: after the last one there is no unit to move to.
        if self.remaining > 0 {
            self.start = self.end_of_unit(self.start) + self.gap();
            self.end = self.end_of_unit(self.end + self.gap());
        }
        shingle
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.remaining, Some(self.remaining))
    }
}

impl ExactSizeIterator for Shingles<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::{Hash, Scheme};
    use proptest::prelude::*;

    const PLAIN: TextRules = TextRules { shingle: Shingle::Chars(3), lowercase: false, mask: false };

    fn features(shingle: Shingle, text: &str) -> Vec<String> {
        let prepared = TextRules { shingle, ..PLAIN }.prepare(text);
        let features = prepared.features();
        assert_eq!(features.len(), prepared.count());
        features.map(|feature| String::from_utf8(feature.to_vec()).unwrap()).collect()
    }

    #[test]
    fn characters() {
        assert_eq!(features(Shingle::Chars(3), "abcde"), ["abc", "bcd", "cde"]);
        assert_eq!(features(Shingle::Chars(2), "éa😀"), ["éa", "a😀"]);
        assert_eq!(features(Shingle::Chars(1), "a a"), ["a", " ", "a"]);
        assert_eq!(features(Shingle::Chars(1), "x\u{301}"), ["x", "\u{301}"]);
        assert_eq!(features(Shingle::Chars(2), "a\0b"), ["a\0", "\0b"]);
    }

    #[test]
    fn words() {
        assert_eq!(features(Shingle::Words(2), " a,b -- c_1!"), ["a b", "b c_1"]);
        assert_eq!(features(Shingle::Words(1), "naïve cafés"), ["naïve", "cafés"]);
        assert_eq!(features(Shingle::Words(1), "你好，x²"), ["你", "好", "x2"]);
        assert_eq!(features(Shingle::Words(2), "你好x"), ["你 好", "好 x"]);
        assert_eq!(features(Shingle::Words(3), "to be or not"), ["to be or", "be or not"]);
    }

    #[test]
    fn fewer_than_a_shingle() {
        assert_eq!(features(Shingle::Chars(5), "abcd"), ["abcd"]);
        assert_eq!(features(Shingle::Chars(5), "abcde"), ["abcde"]);
        assert_eq!(features(Shingle::Words(64), " one, two "), ["one two"]);
        assert!(features(Shingle::Chars(5), "").is_empty());
        assert!(features(Shingle::Words(1), " -!- ").is_empty());
    }

    #[test]
    fn normalising() {
        let lowercase = TextRules { lowercase: true, ..PLAIN };
        let mask = TextRules { mask: true, ..PLAIN };
        let both = TextRules { lowercase: true, mask: true, ..PLAIN };
        for (rules, text, expected) in [
            (PLAIN, "Err 0X1F", "Err 0X1F"),
            (lowercase, "Err 0X1F ÄΟΣ", "err 0x1f äος"),
            (lowercase, "İ", "i\u{307}"),
            (PLAIN, " cafe\u{301}\r\n\u{feff}№\u{a0}１ ", "café No 1"),
            (mask, "Err 0X1F", "Err 0"),
            (both, "Err 0X1F", "err 0"),
            (both, "Err", "err"),
            (both, "err 17", "err 0"),
        ] {
            assert_eq!(rules.normalise(text), expected);
            assert_eq!(rules.prepare(text).text, expected);
        }
    }

    #[test]
    fn what_does_not_change_is_not_copied() {
        let both = TextRules { lowercase: true, mask: true, ..PLAIN };
        for (rules, text) in [(PLAIN, "Err 17"), (both, "plain é 你")] {
            assert!(matches!(rules.normalise(text), Cow::Borrowed(_)));
            assert!(matches!(rules.prepare(text).text, Cow::Borrowed(_)));
        }
    }

    proptest! {
        #[test]
        fn characters_are_windows(text: String, n in 1..8_u8) {
            let chars: Vec<char> = PLAIN.normalise(&text).chars().collect();
            let length = usize::from(n).min(chars.len()).max(1);
            let expected: Vec<String> = chars.windows(length).map(String::from_iter).collect();
            prop_assert_eq!(features(Shingle::Chars(n), &text), expected);
        }

        #[test]
        fn words_are_windows(text in "([a-cé_0]{1,3}|[ ,。-]){0,20}", n in 1..5_u8) {
            let words: Vec<&str> =
                text.split([' ', ',', '。', '-']).filter(|word| !word.is_empty()).collect();
            let length = usize::from(n).min(words.len()).max(1);
            let expected: Vec<String> = words.windows(length).map(|run| run.join(" ")).collect();
            prop_assert_eq!(features(Shingle::Words(n), &text), expected);
        }

        #[test]
        fn a_text_is_normalised_once(text: String, lowercase: bool) {
            let rules = TextRules { lowercase, ..PLAIN };
            let normalised = rules.normalise(&text);
            prop_assert_eq!(rules.normalise(&normalised), normalised.as_ref());
        }
    }

    const MASKED: TextRules = TextRules { mask: true, ..PLAIN };

    #[test]
    fn texts_that_differ_in_what_a_machine_wrote_have_the_same_features() {
        for (rules, one, other) in [
            (
                MASKED,
                "order 7f1b6c1e-0c5d-4a52-9d2f-3f0f6f1f9a10 could not be paid",
                "order 0b7e2d6a-91c4-4f0e-8a3b-c2d4e6f80912 could not be paid",
            ),
            (MASKED, "user_8f3a21c0 logged in", "user_77120e4b logged in"),
            (MASKED, "core::fn::h2b7f0c94e1d3a658", "core::fn::h81d0c3f2a5b64e97"),
            (PLAIN, "caf\u{e9}", "cafe\u{301}"),
            (PLAIN, "two lines\nof text", "two lines\r\nof text"),
            (PLAIN, "two lines\nof text", "two lines of text"),
        ] {
            for shingle in [Shingle::Chars(1), Shingle::Chars(5), Shingle::Words(1), Shingle::Words(2)] {
                let rules = TextRules { shingle, ..rules };
                let (one, other) = (rules.prepare(one), rules.prepare(other));
                assert!(one.features().eq(other.features()), "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn texts_that_differ_in_words_have_different_features() {
        let rules = TextRules { shingle: Shingle::Words(1), ..MASKED };
        for (one, other) in [("दिल्ली", "दिल ली"), ("cat 1", "dog 1")] {
            assert!(rules.prepare(one).features().ne(rules.prepare(other).features()), "{one} {other}");
        }
    }

    /// One character in twelve is replaced, which leaves at least 11 of 13 different features in common.
    #[test]
    fn a_clause_without_spaces_is_found_by_its_characters() {
        let scheme = Scheme { hash: Hash::Fss, seed: 0, bands: 64, rows: 1, sketch: 0 };
        let rules = TextRules { shingle: Shingle::Words(1), ..MASKED };
        let sign = |text: &str| scheme.sign(rules.prepare(text).features()).expect("a feature");
        for clause in ["数据库连接失败请稍后重试", "この機能は現在利用できます", "データベースエラー発生中"]
        {
            for position in 0..12 {
                let replaced: String =
                    clause.chars().enumerate().map(|(i, c)| if i == position { '龍' } else { c }).collect();
                let (one, other) = (sign(clause), sign(&replaced));
                let common = one.buckets().zip(other.buckets()).filter(|(one, other)| one == other).count();
                assert!(common * 10 >= 64 * 6, "{clause} {replaced}: {common} of 64");
            }
        }
    }
}
