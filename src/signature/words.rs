//! The words of a text, in any script.
//!
//! A word is a maximal run of letters, numbers and marks (Unicode Alphabetic, N and M) and `_`. A mark
//! belongs to the letter before it, so a word of Devanagari or Arabic with its vowel signs is one word.
//!
//! Some scripts put no spaces between words: Chinese, Japanese, Thai, Lao, Khmer, Burmese and others. To
//! find their words takes a dictionary. Here each character with its marks is a word of its own, and a
//! shingle of n words is the well-known n-gram of characters. Which scripts these are is told by a
//! property that every layout program relies on: the line-break class (Unicode Standard Annex 14). In
//! these scripts a line may break between any two letters (ID, with the small kana of CJ and the
//! repetition marks of NS, and the syllables of AK and AS), or where a dictionary says so (SA).

use icu_properties::props::{Alphabetic, GeneralCategory, GeneralCategoryGroup, LineBreak};
use icu_properties::{
    CodePointMapData, CodePointMapDataBorrowed, CodePointSetData, CodePointSetDataBorrowed,
};

const ALPHABETIC: CodePointSetDataBorrowed<'static> = CodePointSetData::new::<Alphabetic>();
const CATEGORY: CodePointMapDataBorrowed<'static, GeneralCategory> = CodePointMapData::new();
const LINE_BREAK: CodePointMapDataBorrowed<'static, LineBreak> = CodePointMapData::new();

/// The part that a character plays in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// Continues the word before it, or starts one.
    Letter,
    /// Continues the word before it, whatever its script.
    Mark,
    /// Is a word of its own, with the marks after it.
    Whole,
    Separator,
}

impl Role {
    fn of(c: char) -> Role {
        if c.is_ascii() {
            return if c.is_ascii_alphanumeric() || c == '_' { Role::Letter } else { Role::Separator };
        }
        let category = CATEGORY.get(c);
        if GeneralCategoryGroup::Mark.contains(category) {
            Role::Mark
        } else if ALPHABETIC.contains(c) {
            match LINE_BREAK.get(c) {
                LineBreak::Ideographic
                | LineBreak::ConditionalJapaneseStarter
                | LineBreak::Nonstarter
                | LineBreak::Aksara
                | LineBreak::AksaraStart
                | LineBreak::ComplexContext => Role::Whole,
                _ => Role::Letter,
            }
        } else if GeneralCategoryGroup::Number.contains(category) {
            Role::Letter
        } else {
            Role::Separator
        }
    }
}

/// True for a digit or another number of any script that is not a letter: Unicode Nd and No.
pub(super) fn is_number(c: char) -> bool {
    match c.is_ascii() {
        true => c.is_ascii_digit(),
        false => {
            matches!(CATEGORY.get(c), GeneralCategory::DecimalNumber | GeneralCategory::OtherNumber)
        }
    }
}

/// The words of a text, joined by one space, and their number.
pub(super) fn join_words(text: &str) -> (String, usize) {
    let mut joined = String::with_capacity(text.len());
    let mut words = 0;
    let mut add = |word: &str| {
        if words > 0 {
            joined.push(' ');
        }
        joined.push_str(word);
        words += 1;
    };
    // The word that is being read begins at `start` and is of the kind `word`: Letter or Whole; no word
    // is being read if it is Separator.
    let (mut start, mut word) = (0, Role::Separator);
    for (position, c) in text.char_indices() {
        let role = Role::of(c);
        let continues = match role {
            Role::Letter => word == Role::Letter,
            Role::Mark => word != Role::Separator,
            Role::Whole => false,
            Role::Separator => word == Role::Separator,
        };
        if continues {
            continue;
        }
        if word != Role::Separator {
            add(&text[start..position]);
        }
        start = position;
        word = if role == Role::Mark { Role::Letter } else { role };
    }
    if word != Role::Separator {
        add(&text[start..]);
    }
    (joined, words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_many_scripts() {
        for (text, expected) in [
            ("plain words, c_1!", "plain words c_1"),     // Latin
            ("naïve cafés", "naïve cafés"),               // Latin with accents
            ("n\u{303}x\u{303}", "n\u{303}x\u{303}"),     // and with marks
            ("Привет, мир-2", "Привет мир 2"),            // Cyrillic
            ("Καλημέρα κόσμε", "Καλημέρα κόσμε"),         // Greek
            ("שָׁלוֹם עולם", "שָׁלוֹם עולם"),                   // Hebrew with points
            ("مَرْحَبًا بالعالم ٢٣", "مَرْحَبًا بالعالم ٢٣"),     // Arabic with vowel signs and digits
            ("दिल्ली में", "दिल्ली में"),                       // Devanagari
            ("வணக்கம் உலகம்", "வணக்கம் உலகம்"),                 // Tamil
            ("안녕하세요 세계", "안녕하세요 세계"),       // Korean
            ("ሰላም፡ዓለም", "ሰላም ዓለም"),                       // Ethiopic, which has a mark between words
            ("数据库abc失败3", "数 据 库 abc 失 败 3"),   // Chinese
            ("データがない。々", "デ ー タ が な い 々"), // Japanese
            ("か\u{3099}x", "か\u{3099} x"),              // a kana with a mark that is not composed
            ("ผู้ใช้ 12", "ผู้ ใ ช้ 12"),                       // Thai
            ("ສະບາຍ", "ສ ະ\u{20}ບ າ ຍ"),                  // Lao
            ("ភាសា", "ភា សា"),                            // Khmer
            ("မြန်မာ", "မြ န် မာ"),                         // Burmese
            ("_x 𝟙 x\u{2080}", "_x 𝟙 x\u{2080}"),         // numbers of other kinds
            ("\u{301}a ❤ -- 👍", "\u{301}a"),             // a mark without a letter, and symbols
            ("", ""),
        ] {
            let words = expected.split(' ').filter(|word| !word.is_empty()).count();
            assert_eq!(join_words(text), (expected.to_owned(), words), "{text}");
        }
    }

    #[test]
    fn numbers_are_of_all_scripts() {
        assert!(['0', '9', '٣', '५', '๗', '፩'].into_iter().all(is_number));
        assert!(!['a', 'é', '三', '〇', '-', '\u{301}'].into_iter().any(is_number));
    }
}
