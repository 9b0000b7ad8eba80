//! Masking: taking numbers and hexadecimal identifiers out of a text.
//!
//! Log lines and error messages that say the same differ in addresses, counters and ids. Masking
//! replaces every leftmost match of these by `0`, tried in this order (ASCII, any case):
//!
//! 1. `0x[0-9a-f]+`
//! 2. 8 or more hexadecimal digits with at least one decimal digit among them, between word
//!    boundaries: `\b(?=[a-f]*[0-9])[0-9a-f]{8,}\b`, where `[0-9A-Za-z_]` are the word characters
//! 3. `[0-9]+`
//!
//! The matcher is written by hand, because a regular expression engine either lacks the look-ahead or
//! backtracks. Here each byte is looked at a bounded number of times, whatever the text: a run of
//! hexadecimal digits is only scanned as an identifier (2) from the start of its word, and what the
//! scan finds to be a match is skipped.

/// The text with every match replaced by `0`; `None` if there is no match.
pub(super) fn mask(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    if !bytes.iter().any(u8::is_ascii_digit) {
        return None; // every match has a digit in it, and a single digit is a match
    }
    let mut masked = String::with_capacity(text.len());
    // Everything before `copied` is in `masked` already; everything before `position` has been matched.
    let (mut copied, mut position) = (0, 0);
    while position < bytes.len() {
        match match_length(bytes, position) {
            0 => position += 1,
            length => {
                // Both ends are beside an ASCII character, so this never cuts a character in two.
                masked.push_str(&text[copied..position]);
                masked.push('0');
                position += length;
                copied = position;
            }
        }
    }
    masked.push_str(&text[copied..]);
    Some(masked)
}

/// The length of the match that begins at `position`, 0 if there is none.
fn match_length(text: &[u8], position: usize) -> usize {
    let (before, rest) = text.split_at(position);
    match rest {
        [b'0', b'x' | b'X', digits @ ..] if prefix_length(digits, u8::is_ascii_hexdigit) > 0 => {
            2 + prefix_length(digits, u8::is_ascii_hexdigit)
        }
        // Only at the start of a word, so that each word is scanned once.
        [first, ..] if first.is_ascii_hexdigit() && !before.last().is_some_and(is_word) => {
            match hexadecimal_word(rest) {
                0 => prefix_length(rest, u8::is_ascii_digit),
                length => length,
            }
        }
        _ => prefix_length(rest, u8::is_ascii_digit),
    }
}

/// The length of the word that `text` begins with if that is a hexadecimal identifier, else 0.
///
/// Hexadecimal digits are word characters, so there is no boundary inside a run of them: either the
/// whole word matches or nothing does, and trying shorter lengths is pointless.
fn hexadecimal_word(text: &[u8]) -> usize {
    let length = prefix_length(text, u8::is_ascii_hexdigit);
    let (word, after) = text.split_at(length);
    let is_identifier =
        length >= 8 && !after.first().is_some_and(is_word) && word.iter().any(u8::is_ascii_digit);
    if is_identifier { length } else { 0 }
}

/// The number of bytes of the class that `text` begins with.
fn prefix_length(text: &[u8], class: fn(&u8) -> bool) -> usize {
    text.iter().take_while(|byte| class(byte)).count()
}

fn is_word(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || *byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn masked(text: &str) -> String {
        mask(text).unwrap_or_else(|| text.to_owned())
    }

    /// From Python: `re.sub(r'0x[0-9a-f]+|\b(?=[a-f]*[0-9])[0-9a-f]{8,}\b|[0-9]+', '0', text,
    /// flags=re.I | re.A)`.
    #[test]
    fn known_answers() {
        for (text, expected) in [
            ("", ""),
            ("plain", "plain"),
            ("a1", "a0"),
            ("007", "0"),
            ("0x1f", "0"),
            ("0X1F", "0"),
            ("0x", "0x"),
            ("0xg", "0xg"),
            ("00xab", "0xab"),
            ("120xab", "0xab"),
            ("10x1f", "0x0f"),
            ("a0x1f", "a0"),
            ("0x0x0x", "0x0x"),
            ("0x1 0x2", "0 0"),
            ("0xdeadbeefg1", "0g0"),
            ("deadbeef", "deadbeef"),
            ("deadbee", "deadbee"),
            ("deadbee1", "0"),
            ("DEADBEE1", "0"),
            ("ffffffff0", "0"),
            ("1234567", "0"),
            ("12345678", "0"),
            ("x12345678", "x0"),
            ("x1234567a", "x0a"),
            ("12345678x", "0x"),
            ("deadbee1_", "deadbee0_"),
            ("_deadbee1", "_deadbee0"),
            ("\u{e9}deadbee1\u{e9}", "\u{e9}0\u{e9}"),
            ("deadbeef\u{e9}1", "deadbeef\u{e9}0"),
            ("\u{663}0\u{663}", "\u{663}0\u{663}"),
            ("g0b1c2d3e4", "g0b0c0d0e0"),
            ("f00dfeed f00dfee1", "0 0"),
            ("deadbee1-cafe-4bad-8bad-0123456789ab", "0-cafe-0bad-0bad-0"),
            ("e3b0c44298fc1c149afbf4c8996fb924", "0"),
            ("at 0x7ffee3b0 (pid 4711)", "at 0 (pid 0)"),
            ("v1.2.3 1.5e10 1_000", "v0.0.0 0.0e0 0_0"),
        ] {
            assert_eq!(masked(text), expected, "{text}");
        }
    }

    #[test]
    fn a_text_without_a_match_is_not_copied() {
        assert_eq!(mask("deadbeef, no digit"), None);
    }

    /// Looking at the rest of the text from every byte would take minutes for these texts.
    #[test]
    fn a_mebibyte_of_anything_is_masked_at_once() {
        for unit in ["a", "0", "0x", "_a", "aaaaaaa ", "x0", "fe1g", "\u{e9}a"] {
            let text = unit.repeat((1 << 20) / unit.len()) + "g1";
            assert!(masked(&text).ends_with("g0"));
        }
    }

    /// Tries every alternative at every position with every length, the longest first.
    fn reference(text: &str) -> String {
        let text: Vec<char> = text.chars().collect();
        let mut masked = String::new();
        let mut at = 0;
        while at < text.len() {
            let ends = (at + 1..=text.len()).rev();
            let mut tries = (0..3).flat_map(|alternative| ends.clone().map(move |end| (alternative, end)));
            match tries.find(|&(alternative, end)| is_match(alternative, &text, at, end)) {
                Some((_, end)) => {
                    masked.push('0');
                    at = end;
                }
                None => {
                    masked.push(text[at]);
                    at += 1;
                }
            }
        }
        masked
    }

    fn is_match(alternative: u8, text: &[char], start: usize, end: usize) -> bool {
        let is_hex = |c: &char| c.is_ascii_hexdigit();
        let is_word = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
        let word_at = |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(is_word);
        let is_boundary = |at: usize| word_at(at.checked_sub(1)) != word_at(Some(at));
        match (alternative, &text[start..end]) {
            (0, ['0', 'x' | 'X', digits @ ..]) => !digits.is_empty() && digits.iter().all(is_hex),
            (1, word) => {
                word.len() >= 8
                    && word.iter().all(is_hex)
                    && word.iter().any(char::is_ascii_digit)
                    && is_boundary(start)
                    && is_boundary(end)
            }
            (2, digits) => digits.iter().all(char::is_ascii_digit),
            _ => false,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]
        #[test]
        fn masking_is_as_defined(text in "([0-9a-fA-F]{1,9}|0[xX]|[gx_ \u{e9}\u{663}.-]){0,8}") {
            prop_assert_eq!(masked(&text), reference(&text));
        }

        #[test]
        fn masking_takes_any_text(text: String) {
            prop_assert_eq!(masked(&text), reference(&text));
        }
    }
}
