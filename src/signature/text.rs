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
