//! The normal form of a text, which does not depend on how the text was encoded or laid out.
//!
//! One text can be written in many ways: an accent as part of its letter or after it, a digit in full
//! width, a ligature, a soft hyphen inside a word, a line end of another system. The normal form takes
//! these differences away, in three steps:
//!
//! 1. Characters that Unicode calls *default ignorable* go: soft hyphen, joiners, zero-width space,
//!    variation selectors, byte order mark. They go first, because one between a letter and its accent
//!    would keep the two apart in step 2.
//! 2. Normalization Form KC (Unicode Standard Annex 15) composes accents and replaces compatibility
//!    characters. It makes no ignorable character of a visible one.
//! 3. Each run of white space becomes one space, and none stays at the ends. This is last, because
//!    step 2 makes a space of a no-break space. No character composes with a space, so the text
//!    stays in Form KC.
//!
//! So the normal form of a normal form is itself. Most texts are ASCII and normal already: one pass,
//! which the compiler turns into vector instructions, finds that out.

use std::borrow::Cow;

use icu_casemap::CaseMapper;
use icu_locale_core::LanguageIdentifier;
use icu_normalizer::{ComposingNormalizer, ComposingNormalizerBorrowed};
use icu_properties::props::DefaultIgnorableCodePoint;
use icu_properties::{CodePointSetData, CodePointSetDataBorrowed};

const FORM_KC: ComposingNormalizerBorrowed<'static> = ComposingNormalizer::new_nfkc();
const IGNORABLE: CodePointSetDataBorrowed<'static> = CodePointSetData::new::<DefaultIgnorableCodePoint>();

/// The text in normal form; borrowed if it is already.
pub(super) fn normal_form(text: &str) -> Cow<'_, str> {
    let text = Cow::Borrowed(text);
    if is_normal_ascii(text.as_bytes()) {
        return text;
    }
    let visible = apply(remove_ignorable, text);
    let composed = apply(compose, visible);
    apply(join_white_space, composed)
}

/// The text in lower case and normal form; borrowed if it is already. The text is in normal form.
///
/// The lower case of `İ` is two characters, the second one an accent. It may stand before an accent that
/// Form KC puts first, so the result is composed again.
pub(super) fn lowercase(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.is_ascii() {
        let has_upper = text.bytes().any(|byte| byte.is_ascii_uppercase());
        return if has_upper { Cow::Owned(text.to_ascii_lowercase()) } else { text };
    }
    apply(compose, apply(map_to_lower_case, text))
}

/// Applies a step, which returns `None` if it changes nothing.
pub(super) fn apply<'a>(step: fn(&str) -> Option<String>, text: Cow<'a, str>) -> Cow<'a, str> {
    step(&text).map_or(text, Cow::Owned)
}

/// True for ASCII text whose only white space is single spaces between words.
fn is_normal_ascii(text: &[u8]) -> bool {
    // No early exit: the compiler makes vector instructions of a loop without one.
    let followers = text.iter().skip(1).chain(b" ");
    let has_odd_byte = text.iter().zip(followers).fold(false, |odd, (&byte, &follower)| {
        let is_odd = !byte.is_ascii() | matches!(byte, b'\t'..=b'\r');
        odd | is_odd | ((byte == b' ') & (follower == b' ')) // the last byte counts as followed by a space
    });
    !has_odd_byte && text.first() != Some(&b' ')
}

fn remove_ignorable(text: &str) -> Option<String> {
    let is_ignorable = |c: char| !c.is_ascii() && IGNORABLE.contains(c);
    text.contains(is_ignorable).then(|| text.replace(is_ignorable, ""))
}

fn compose(text: &str) -> Option<String> {
    owned(FORM_KC.normalize(text))
}

fn map_to_lower_case(text: &str) -> Option<String> {
    owned(CaseMapper::new().lowercase_to_string(text, &LanguageIdentifier::UNKNOWN))
}

fn owned(text: Cow<'_, str>) -> Option<String> {
    match text {
        Cow::Borrowed(_) => None,
        Cow::Owned(changed) => Some(changed),
    }
}

/// Makes one space of each run of white space, and removes those at the ends.
fn join_white_space(text: &str) -> Option<String> {
    let mut is_after_space = true; // a space at the start is one too much
    let is_joined = text.chars().all(|c| {
        let is_space = c.is_whitespace();
        let is_allowed = !is_space || (c == ' ' && !is_after_space);
        is_after_space = is_space;
        is_allowed
    });
    if is_joined && (text.is_empty() || !is_after_space) {
        return None;
    }
    let mut joined = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !joined.is_empty() {
            joined.push(' ');
        }
        joined.push_str(word);
    }
    Some(joined)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lower(text: &str) -> String {
        lowercase(normal_form(text)).into_owned()
    }

    #[test]
    fn texts_that_look_the_same_have_one_normal_form() {
        for (text, normal) in [
            ("", ""),
            (" \t\r\n ", ""),
            (" one\r\ntwo\u{a0}\u{3000}three\u{2028}\u{85}", "one two three"),
            ("one\ttwo", "one two"),
            ("one  two", "one two"),
            ("cafe\u{301}", "caf\u{e9}"),
            ("e\u{200d}\u{301}", "\u{e9}"), // a joiner between a letter and its accent
            ("co\u{ad}operate", "cooperate"),
            ("\u{feff}zero\u{200b}width", "zerowidth"),
            ("\u{fb01}le \u{ff11}\u{ff12}\u{ff21}", "file 12A"),
            ("x\u{b2}", "x2"),
            ("\u{ff76}\u{ff9e}", "\u{30ac}"), // a Japanese syllable in half width
            ("\u{1112}\u{1161}\u{11ab}", "\u{d55c}"), // a Korean one in parts
            ("\u{2764}\u{fe0f}", "\u{2764}"), // an emoji with a variation selector
            ("a\0\u{1b}b", "a\0\u{1b}b"),
        ] {
            assert_eq!(normal_form(text), normal, "{text:?}");
        }
    }

    #[test]
    fn a_normal_text_is_not_copied() {
        for text in ["", "a", "plain ASCII, one line", "\u{e9}t\u{e9} \u{4f60}", "a\0b"] {
            assert!(matches!(normal_form(text), Cow::Borrowed(_)), "{text:?}");
            assert!(matches!(lowercase(normal_form(&lower(text))), Cow::Borrowed(_)), "{text:?}");
        }
    }

    #[test]
    fn lower_case_is_unicode_s() {
        for (text, expected) in [
            ("ABC", "abc"),
            ("\u{c4}\u{39f}\u{3a3}", "\u{e4}\u{3bf}\u{3c2}"), // a sigma at the end of a word
            ("\u{130}", "i\u{307}"),
            ("\u{130}\u{327}", "i\u{327}\u{307}"), // two accents, in the order of Form KC
            ("\u{212a}", "k"),                     // the sign of Kelvin
        ] {
            assert_eq!(lower(text), expected, "{text:?}");
        }
    }

    /// Any code point may be next to any other, so each is tried with neighbours that react.
    #[test]
    fn the_normal_form_of_every_character_is_final() {
        for c in '\0'..=char::MAX {
            for text in [format!("{c}"), format!("a{c}\u{301}"), format!(" {c}\u{327} \u{1161}")] {
                let normal = normal_form(&text).into_owned();
                assert_eq!(normal_form(&normal), normal, "{text:?}");
                assert!(!normal.contains(|c: char| IGNORABLE.contains(c)), "{text:?}");
                let lower = lowercase(Cow::Borrowed(&normal)).into_owned();
                assert_eq!(normal_form(&lower), lower, "{text:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn the_normal_form_is_final(text: String) {
            let normal = normal_form(&text).into_owned();
            prop_assert_eq!(normal_form(&normal), normal.as_str());
            let lower = lowercase(Cow::Borrowed(&normal)).into_owned();
            prop_assert_eq!(normal_form(&lower), lower.as_str());
            prop_assert_eq!(lowercase(Cow::Borrowed(&lower)), lower.as_str());
        }

        #[test]
        fn ascii_is_judged_by_its_white_space(text in "[ -~\t\r\n ]{0,12}") {
            let joined = text.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
            prop_assert_eq!(normal_form(&text), joined.as_str());
            prop_assert_eq!(matches!(normal_form(&text), Cow::Borrowed(_)), joined == text);
        }
    }
}
