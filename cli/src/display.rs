//! Names, counts and bars in the form in which the tool prints them.
//!
//! A name is any bytes: a line for a human escapes what is not printable text, JSON keeps every byte.

use indicatif::{BinaryBytes, HumanCount};
use serde_json::{Value as Json, json};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// A name on one line, with escapes such as `\xff` for what is not printable text.
pub fn name(bytes: &[u8]) -> String {
    let mut shown = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        shown.push_str(&printable(chunk.valid()));
        shown.push_str(&chunk.invalid().escape_ascii().to_string());
    }
    shown
}

/// A text on one line, with escapes for what would move the cursor, change colours, or turn the direction of
/// writing: an error may quote a name that someone else chose.
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            _ if c.is_ascii_control() => shown.extend((c as u8).escape_ascii().map(char::from)),
            _ if c.is_control() || is_formatting(c) => shown.extend(c.escape_unicode()),
            _ => shown.push(c),
        }
    }
    shown
}

/// True for a character that is not seen itself, and changes how others are shown: line separators, and the
/// marks of Unicode's bidirectional algorithm.
fn is_formatting(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A name in a table: at most `max_width` columns wide, with `...` at the end if it was cut.
pub fn short_name(bytes: &[u8], max_width: usize) -> String {
    let name = name(bytes);
    if name.width() <= max_width {
        return name;
    }
    let mut width = 3; // of the three dots
    let is_within = |c: &char| {
        width += c.width().unwrap_or(0);
        width <= max_width
    };
    name.chars().take_while(is_within).chain("...".chars()).collect()
}

/// A name in JSON: a string if it is UTF-8, otherwise `{"hex": "ff00"}`, so that no byte is lost.
pub fn json_name(bytes: &[u8]) -> Json {
    match std::str::from_utf8(bytes) {
        Ok(text) => json!(text),
        Err(_) => json!({ "hex": hex(bytes) }),
    }
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A number with a comma between thousands: `12,345`.
pub fn number(number: u64) -> String {
    HumanCount(number).to_string()
}

/// A size in memory: `2.06 KiB`.
pub fn size(bytes: u64) -> String {
    BinaryBytes(bytes).to_string()
}

/// A number of things, in the singular or the plural: `1 line`, `2,000 lines`.
pub fn quantity(n: u64, noun: &str) -> String {
    // An index is one of several indexes.
    let ending = match (n, noun.ends_with('x')) {
        (1, _) => "",
        (_, true) => "es",
        (_, false) => "s",
    };
    format!("{} {noun}{ending}", number(n))
}

/// A bar, `width` characters wide, that is filled in proportion to `fraction` (0 to 1).
pub fn bar(fraction: f64, width: usize) -> String {
    let filled = (fraction.clamp(0.0, 1.0) * width as f64).round() as usize;
    "#".repeat(filled) + &".".repeat(width - filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_have_commas_and_a_plural() {
        let shown = [(0, "line"), (1, "line"), (2_000, "line"), (1, "index"), (2, "index")];
        let shown = shown.map(|(n, noun)| quantity(n, noun));
        assert_eq!(shown, ["0 lines", "1 line", "2,000 lines", "1 index", "2 indexes"]);
    }

    #[test]
    fn any_bytes_can_be_displayed() {
        assert_eq!(
            (name(b"a/b\\"), name(b"\xff\0"), name(b"a\nb")),
            ("a/b\\".into(), "\\xff\\x00".into(), "a\\nb".into())
        );
        let tricky = "\x1b[31mred\u{85}\u{202e}txt.exe\u{2028}ü".as_bytes();
        assert_eq!(name(tricky), "\\x1b[31mred\\u{85}\\u{202e}txt.exe\\u{2028}ü");
        assert_eq!(name(&[tricky, b"\xff"].concat()), "\\x1b[31mred\\u{85}\\u{202e}txt.exe\\u{2028}ü\\xff");
        assert_eq!((json_name(b"a\n"), json_name(b"\xff")), (json!("a\n"), json!({ "hex": "ff" })));
        assert_eq!((bar(0.5, 4), bar(2.0, 2)), ("##..".into(), "##".into()));
    }

    #[test]
    fn a_name_is_cut_by_the_columns_that_it_takes() {
        let shown = ["abcdef", "abcdefg", "日本語", "日本語版", "e\u{301}e\u{301}e\u{301}e\u{301}"];
        let shown = shown.map(|name| short_name(name.as_bytes(), 6));
        assert_eq!(shown, ["abcdef", "abc...", "日本語", "日...", "e\u{301}e\u{301}e\u{301}e\u{301}"]);
    }
}
