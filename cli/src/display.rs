//! Names, counts and bars in the form in which the tool prints them.
//!
//! A name is any bytes: a line for a human escapes what is not printable text, JSON keeps every byte.

use serde_json::{Value as Json, json};

/// A name on one line: as it is if it is printable text, otherwise with escapes such as `\xff`.
pub fn name(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.chars().any(char::is_control) => text.to_string(),
        _ => bytes.escape_ascii().to_string(),
    }
}

/// A name in a table: at most `max_chars` characters, with `...` at the end if it was cut.
pub fn short_name(bytes: &[u8], max_chars: usize) -> String {
    let name = name(bytes);
    match name.char_indices().nth(max_chars) {
        Some(_) => name.chars().take(max_chars.saturating_sub(3)).chain("...".chars()).collect(),
        None => name,
    }
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
    let digits = number.to_string();
    // The first group has one or two digits, or is empty if all groups have three.
    let (first_group, rest) = digits.split_at(digits.len() % 3);
    let mut with_commas = first_group.to_string();
    for (position, group) in rest.as_bytes().chunks(3).enumerate() {
        if position > 0 || !first_group.is_empty() {
            with_commas.push(',');
        }
        with_commas.extend(group.iter().map(|digit| char::from(*digit)));
    }
    with_commas
}

/// A number of things, in the singular or the plural: `1 line`, `2,000 lines`.
pub fn quantity(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", number(n), if n == 1 { "" } else { "s" })
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
    fn thousands_are_separated_by_commas() {
        let shown = [0, 7, 999, 1_000, 12_345, 999_999, 1_000_000].map(number);
        assert_eq!(shown, ["0", "7", "999", "1,000", "12,345", "999,999", "1,000,000"]);
        assert_eq!((quantity(1, "line"), quantity(2_000, "line")), ("1 line".into(), "2,000 lines".into()));
    }

    #[test]
    fn any_bytes_can_be_displayed() {
        assert_eq!(
            (name(b"a/b"), name(b"\xff\0"), name(b"a\nb")),
            ("a/b".into(), "\\xff\\x00".into(), "a\\nb".into())
        );
        assert_eq!((json_name(b"a\n"), json_name(b"\xff")), (json!("a\n"), json!({ "hex": "ff" })));
        assert_eq!((short_name(b"abcdef", 6), short_name(b"abcdefg", 6)), ("abcdef".into(), "abc...".into()));
        assert_eq!((bar(0.5, 4), bar(2.0, 2)), ("##..".into(), "##".into()));
    }
}
