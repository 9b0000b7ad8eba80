//! Masking: numbers and hexadecimal identifiers out of a text.
//!
//! Log lines and error messages differ in addresses, counters and ids, and are alike otherwise.
//! Masking replaces by `0` every leftmost match of these, tried in this order (ASCII, any case):
//!
//! 1. `0x[0-9a-f]+`
//! 2. 8 or more hexadecimal digits with at least one decimal digit among them, between word
//!    boundaries: `\b(?=[a-f]*[0-9])[0-9a-f]{8,}\b`, where `[0-9A-Za-z_]` are the word characters
//! 3. `[0-9]+`
//!
//! Written by hand, because a regular expression engine either lacks the look-ahead or backtracks:
//! here each byte is looked at a bounded number of times, whatever the text.

/// The text with every match replaced by `0`; `None` where there is no match.
pub(super) fn mask(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    if !bytes.iter().any(u8::is_ascii_digit) {
        return None; // every match has one in it, and one alone is a match
    }
    let mut masked = String::with_capacity(text.len());
    let (mut copied, mut at) = (0, 0);
    while at < bytes.len() {
        match match_at(bytes, at) {
            0 => at += 1,
            length => {
                masked.push_str(&text[copied..at]); // both ends lie beside ASCII
                masked.push('0');
                at += length;
                copied = at;
            }
        }
    }
    masked.push_str(&text[copied..]);
    Some(masked)
}

/// The length of the match that begins at `at`, 0 if there is none.
fn match_at(text: &[u8], at: usize) -> usize {
    let (before, rest) = text.split_at(at);
    match rest {
        [b'0', b'x' | b'X', digits @ ..] if run(digits, u8::is_ascii_hexdigit) > 0 => {
            2 + run(digits, u8::is_ascii_hexdigit)
        }
        // Only at the start of a word, so that each word is scanned once.
        [first, ..] if first.is_ascii_hexdigit() && !before.last().is_some_and(is_word) => {
            match hexadecimal_word(rest) {
                0 => run(rest, u8::is_ascii_digit),
                length => length,
            }
        }
        _ => run(rest, u8::is_ascii_digit),
    }
}

/// The length of the word that `text` begins with if that is a hexadecimal identifier, else 0.
///
/// A hexadecimal digit is a word character: so between word boundaries stands a whole word, or
/// nothing.
fn hexadecimal_word(text: &[u8]) -> usize {
    let length = run(text, u8::is_ascii_hexdigit);
    let (word, after) = text.split_at(length);
    let is_identifier =
        length >= 8 && !after.first().is_some_and(is_word) && word.iter().any(u8::is_ascii_digit);
    if is_identifier { length } else { 0 }
}

/// How many bytes of the class `text` begins with.
fn run(text: &[u8], class: fn(&u8) -> bool) -> usize {
    text.iter().take_while(|byte| class(byte)).count()
}

fn is_word(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || *byte == b'_'
}
