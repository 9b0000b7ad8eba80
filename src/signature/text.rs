//! How a text becomes features: lower case, masking, shingles.

use std::borrow::Cow;

use super::mask::mask;

/// What the features of a text are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shingle {
    /// Every run of this many characters (Unicode scalar values): 1..=64.
    Chars(u8),
    /// Every run of this many words, joined by one space: 1..=64. A word is a maximal run of
    /// alphanumerics (Unicode) and `_`.
    Words(u8),
}

impl Shingle {
    /// Characters or words in a feature, at least 1.
    fn length(self) -> usize {
        match self {
            Self::Chars(n) | Self::Words(n) => usize::from(n).max(1),
        }
    }
}

/// How a text becomes features, in this order: lower case, masking, shingles. Nothing else is
/// normalised: no white space, no Unicode normalisation form.
///
/// Letters and their lower case are those of the Unicode version of the Rust that built the module.
/// A later one adds characters, and may change what becomes of these; it leaves the old ones alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextRules {
    /// What a feature is.
    pub shingle: Shingle,
    /// Whether letters are taken in lower case, by Unicode's unconditional and final-sigma rules.
    pub lowercase: bool,
    /// Whether numbers and hexadecimal identifiers are replaced by `0`: every leftmost match of
    /// `0x[0-9a-f]+`, of 8 or more hexadecimal digits with a decimal digit among them between word
    /// boundaries, or of `[0-9]+` (ASCII, any case).
    pub mask: bool,
}

impl TextRules {
    /// The text in lower case and masked, as far as these are asked for; borrowed where neither can
    /// change anything.
    pub fn normalise<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let lower = self.lowercase.then(|| lowercase(text)).flatten();
        let masked = self.mask.then(|| mask(lower.as_deref().unwrap_or(text))).flatten();
        match masked.or(lower) {
            Some(changed) => Cow::Owned(changed),
            None => Cow::Borrowed(text),
        }
    }

    /// Normalises a text and finds how many features it has, without making them.
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

/// The text in lower case; `None` where it is already.
fn lowercase(text: &str) -> Option<String> {
    let is_lower = |c: char| match c {
        c if c.is_ascii() => !c.is_ascii_uppercase(),
        c => c.to_lowercase().eq([c]),
    };
    (!text.chars().all(is_lower)).then(|| text.to_lowercase())
}

/// The words of a text, joined by one space, and their number.
fn join_words(text: &str) -> (String, usize) {
    let mut joined = String::with_capacity(text.len());
    let mut words = 0;
    let is_between = |c: char| !c.is_alphanumeric() && c != '_';
    for word in text.split(is_between).filter(|word| !word.is_empty()) {
        if words > 0 {
            joined.push(' ');
        }
        joined.push_str(word);
        words += 1;
    }
    (joined, words)
}

/// A text made ready to be cut into features.
///
/// It borrows the text where lower case and masking leave it alone and characters are counted;
/// words are joined into a text of their own.
#[derive(Clone, Debug)]
pub struct Prepared<'a> {
    /// For words: the words alone, one space between two.
    text: Cow<'a, str>,
    shingle: Shingle,
    count: usize,
}

impl<'a> Prepared<'a> {
    fn new(text: Cow<'a, str>, units: usize, shingle: Shingle) -> Self {
        let count = match units {
            0 => 0,
            _ => units.saturating_sub(shingle.length()).saturating_add(1),
        };
        Self { text, shingle, count }
    }

    /// The number of features, those that come more than once counted each time.
    ///
    /// For `u` characters or words and shingles of `n`: `u - n + 1`, but 1 where there are fewer
    /// than `n`, and 0 where there are none.
    pub fn count(&self) -> usize {
        self.count
    }

    /// At most so many bytes are in all features together.
    pub fn most_bytes(&self) -> usize {
        // A byte is in no more features than a feature has units, nor than there are features.
        self.text.len().saturating_mul(self.shingle.length().min(self.count))
    }

    /// The features, in the order of the text. Where there are fewer than `n` characters or words,
    /// one feature of all of them.
    pub fn features(&self) -> Shingles<'_> {
        let mut shingles =
            Shingles { text: self.text.as_bytes(), unit: self.shingle, start: 0, end: 0, left: self.count };
        shingles.end = shingles.end_of_first();
        shingles
    }
}

/// The features of a [`Prepared`] text: byte slices of it that overlap.
#[derive(Clone, Debug)]
pub struct Shingles<'a> {
    text: &'a [u8],
    unit: Shingle,
    /// The next feature is `text[start..end]`.
    start: usize,
    end: usize,
    left: usize,
}

impl Shingles<'_> {
    /// Where the first feature ends: after `n` units, or with the text if there are no more.
    fn end_of_first(&self) -> usize {
        let mut end = self.end_of_unit(0);
        for _ in 1..self.unit.length() {
            if end == self.text.len() {
                break;
            }
            end = self.end_of_unit(end + self.gap());
        }
        end
    }

    /// Where the character or word ends that begins at `start`.
    fn end_of_unit(&self, start: usize) -> usize {
        let rest = self.text.get(start..).unwrap_or_default();
        let goes_on = |byte: &&u8| match self.unit {
            Shingle::Chars(_) => (**byte as i8) < -0x40, // 0b10......: UTF-8's continuation bytes
            Shingle::Words(_) => **byte != b' ',
        };
        match rest {
            [] => start,
            [_, others @ ..] => start + 1 + others.iter().take_while(goes_on).count(),
        }
    }

    /// The bytes between two units.
    fn gap(&self) -> usize {
        match self.unit {
            Shingle::Chars(_) => 0,
            Shingle::Words(_) => 1,
        }
    }
}

impl<'a> Iterator for Shingles<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        self.left = self.left.checked_sub(1)?;
        let shingle = self.text.get(self.start..self.end);
        if self.left > 0 {
            self.start = self.end_of_unit(self.start) + self.gap();
            self.end = self.end_of_unit(self.end + self.gap());
        }
        shingle
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Shingles<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
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
        assert_eq!(features(Shingle::Chars(1), "e\u{301}"), ["e", "\u{301}"]);
        assert_eq!(features(Shingle::Chars(2), "a\0b"), ["a\0", "\0b"]);
    }

    #[test]
    fn words() {
        assert_eq!(features(Shingle::Words(2), " a,b -- c_1!"), ["a b", "b c_1"]);
        assert_eq!(features(Shingle::Words(1), "naïve cafés"), ["naïve", "cafés"]);
        assert_eq!(features(Shingle::Words(1), "你好，x²"), ["你好", "x²"]);
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
            let chars: Vec<char> = text.chars().collect();
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
        fn lower_case_is_the_standard_library_s(text: String) {
            let rules = TextRules { lowercase: true, ..PLAIN };
            prop_assert_eq!(rules.normalise(&text), text.to_lowercase());
        }
    }
}
