//! How names, numbers and bars are printed.

use serde_json::{Value as Json, json};

/// Any bytes on one line: as they are where they are printable text, else with escapes.
pub fn name(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.chars().any(char::is_control) => text.to_string(),
        _ => bytes.escape_ascii().to_string(),
    }
}

/// A name in a table: not more than so many characters.
pub fn short(bytes: &[u8], most: usize) -> String {
    let name = name(bytes);
    match name.char_indices().nth(most) {
        Some(_) => name.chars().take(most.saturating_sub(3)).chain("...".chars()).collect(),
        None => name,
    }
}

/// Any bytes in JSON: a string where they are UTF-8, else `{"hex": "ff00"}`, so that nothing is lost.
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

/// A number with a comma between thousands.
pub fn number(number: u64) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let mut shown = digits[..first].to_string();
    for (n, group) in digits.as_bytes()[first..].chunks(3).enumerate() {
        if n > 0 || first > 0 {
            shown.push(',');
        }
        shown.extend(group.iter().map(|digit| char::from(*digit)));
    }
    shown
}

/// `1 line`, `2 lines`.
pub fn count(n: u64, what: &str) -> String {
    format!("{} {what}{}", number(n), if n == 1 { "" } else { "s" })
}

/// A bar for a number between 0 and 1.
pub fn bar(share: f64, width: usize) -> String {
    let filled = (share.clamp(0.0, 1.0) * width as f64).round() as usize;
    "#".repeat(filled) + &".".repeat(width - filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_parted() {
        let shown = [0, 7, 999, 1_000, 12_345, 999_999, 1_000_000].map(number);
        assert_eq!(shown, ["0", "7", "999", "1,000", "12,345", "999,999", "1,000,000"]);
        assert_eq!((count(1, "line"), count(2_000, "line")), ("1 line".into(), "2,000 lines".into()));
    }

    #[test]
    fn any_bytes_can_be_shown() {
        assert_eq!(
            (name(b"a/b"), name(b"\xff\0"), name(b"a\nb")),
            ("a/b".into(), "\\xff\\x00".into(), "a\\nb".into())
        );
        assert_eq!((json_name(b"a\n"), json_name(b"\xff")), (json!("a\n"), json!({ "hex": "ff" })));
        assert_eq!((short(b"abcdef", 6), short(b"abcdefg", 6)), ("abcdef".into(), "abc...".into()));
        assert_eq!((bar(0.5, 4), bar(2.0, 2)), ("##..".into(), "##".into()));
    }
}
