//! Masking: replacing the numbers and identifiers of a text by `0`.
//!
//! Log lines and error messages that say the same differ in counters, addresses and ids. What a machine
//! wrote to tell one occurrence from another becomes one `0`, as a whole. What people write keeps its
//! letters: `sha256` becomes `sha0`, and the same with `utf8`, `x86_64` and `k8s`.
//!
//! The text is read once, word by word; here a *word* is a maximal run of ASCII letters and digits. At
//! each word the first of these that matches is replaced:
//!
//! 1. A date that begins with the word and has a name of a month in it ([`date`]).
//! 2. An address that begins with the word ([`address`]): a UUID, a hardware address or fingerprint, an
//!    IPv6 address, a host name that holds an IPv4 address or has a port behind it.
//! 3. The word, or its end, if it is an identifier ([`identifier`]).
//! 4. Each number in the word. The last number of a word goes on behind the word:
//!
//! ```text
//! number    = [sign] digits { joint digits } [exponent]
//! sign      = "+" | "-" | "−"            at the start of the text, or after a space or one of ([{<=:,;|"'_
//! joint     = "." | "," | "-" | "٫" | "٬"
//!           | "'" | "_"                  before three digits, as between thousands; "_" only if no
//!                                        letter or "_" is before the number
//! exponent  = ("e" | "E") ["+" | "-"] digits         at the end of a word
//! digits    = one or more characters of Unicode's categories Nd and No
//! ```
//!
//! So dates, versions, IPv4 addresses and lists without spaces are one number, however many digits and
//! groups they have. A joint does not join what is an address or identifier by itself, as in
//! `7-550e8400e29b`.
//!
//! The matcher is written by hand, because its time must be linear in the length of any text. A word is
//! looked at once as a word and once more behind a joint. An address is looked for only at the start of
//! a word, and over a bounded length; only a host name has no bound, and it is looked at from its start
//! only.

mod address;
mod date;
mod identifier;

use super::words::is_number;

/// The text with every number and identifier replaced by `0`; `None` if there is none.
pub(super) fn mask(text: &str) -> Option<String> {
    // Everything that is masked has a digit in it, but for addresses such as aa:bb:cc:dd:ee:ff.
    let may_match = |byte: u8| byte.is_ascii_digit() || matches!(byte, b':' | b'-') || !byte.is_ascii();
    if !text.bytes().any(may_match) {
        return None;
    }
    let mut masker = Masker { text, copied: 0, masked: String::with_capacity(text.len()) };
    masker.mask_all();
    let Masker { copied, mut masked, .. } = masker;
    (copied > 0).then(|| {
        masked.push_str(&text[copied..]);
        masked
    })
}

struct Masker<'a> {
    text: &'a str,
    /// Everything before it is in `masked` already. At a boundary of characters, as all positions are.
    copied: usize,
    masked: String,
}

impl Masker<'_> {
    fn mask_all(&mut self) {
        let mut position = 0;
        while let Some(&byte) = self.text.as_bytes().get(position) {
            position = match byte {
                b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => self.mask_word(position),
                b':' => self.mask_address(position).unwrap_or(position + 1), // an IPv6 address may begin so
                byte if byte.is_ascii() => position + 1,
                _ => match digits_length(&self.text[position..]) {
                    0 => position + self.text[position..].chars().next().map_or(1, char::len_utf8),
                    length => self.mask_number(position, position + length),
                },
            };
        }
    }

    /// Replaces `start..end` by `0`, and returns `end`.
    fn replace(&mut self, start: usize, end: usize) -> usize {
        self.masked.push_str(&self.text[self.copied..start]);
        self.masked.push('0');
        self.copied = end;
        end
    }

    /// Masks the word at `start`, or what begins with it, and returns the end of what has been read.
    fn mask_word(&mut self, start: usize) -> usize {
        if let Some(length) = date::length(&self.text.as_bytes()[start..]) {
            return self.replace(start, start + length);
        }
        if let Some(end) = self.mask_address(start) {
            return end;
        }
        let word = word_at(self.text, start);
        let end = start + word.len();
        let identifier = identifier::position(word.as_bytes()).map(|position| start + position);
        let mut position = start;
        while position < identifier.unwrap_or(end) {
            position = self.mask_run(position);
        }
        match identifier {
            Some(identifier) => self.replace(identifier, end),
            None => position,
        }
    }

    /// Masks the address at `start`, if there is one, and returns its end.
    fn mask_address(&mut self, start: usize) -> Option<usize> {
        let length = address::length(self.text, start)?;
        Some(self.replace(start, start + length))
    }

    /// Masks the number that begins with the digits at `start`, or skips the letters there.
    fn mask_run(&mut self, start: usize) -> usize {
        let rest = &self.text.as_bytes()[start..];
        match prefix_length(rest, u8::is_ascii_digit) {
            0 => start + prefix_length(rest, u8::is_ascii_alphabetic),
            length => self.mask_number(start, start + length),
        }
    }

    /// Masks the number whose first digits are `start..end`, and returns its end.
    fn mask_number(&mut self, start: usize, mut end: usize) -> usize {
        let before = &self.text[self.copied..start];
        let is_bare = !before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        end += digits_length(&self.text[end..]); // digits of another script
        while let Some(joined) = self.joined_length(end, is_bare) {
            end += joined;
        }
        end += exponent_length(&self.text.as_bytes()[end..]);
        self.replace(start - sign_length(before, self.copied == 0), end)
    }

    /// The length of a joint at `joint` and the digits behind it, if a number goes on there.
    fn joined_length(&self, joint: usize, is_bare: bool) -> Option<usize> {
        let mut rest = self.text[joint..].chars();
        let joint = rest.next()?;
        let rest = rest.as_str();
        let digits = digits_length(rest);
        let is_joint = match joint {
            '.' | ',' | '-' | '\u{66b}' | '\u{66c}' => digits > 0,
            '\'' => digits == 3,
            '_' => digits == 3 && is_bare,
            _ => false,
        };
        if !is_joint {
            return None;
        }
        let position = self.text.len() - rest.len();
        let is_identifier = identifier::position(word_at(self.text, position).as_bytes()).is_some();
        let is_address = address::length(self.text, position).is_some();
        (!is_identifier && !is_address).then_some(joint.len_utf8() + digits)
    }
}

/// The length of the sign at the end of `before`, the text between the last match and a number.
fn sign_length(before: &str, is_start_of_text: bool) -> usize {
    let mut before = before.chars();
    match before.next_back() {
        Some(sign @ ('+' | '-' | '\u{2212}')) => {
            let is_sign = match before.next_back() {
                Some(previous) => " ([{<=:,;|\"'_".contains(previous),
                None => is_start_of_text,
            };
            if is_sign { sign.len_utf8() } else { 0 }
        }
        _ => 0,
    }
}

/// The length of the exponent that `text` begins with, if a word ends behind it.
fn exponent_length(text: &[u8]) -> usize {
    let [b'e' | b'E', rest @ ..] = text else { return 0 };
    let sign = usize::from(matches!(rest, [b'+' | b'-', ..]));
    let digits = prefix_length(&rest[sign..], u8::is_ascii_digit);
    let length = 1 + sign + digits;
    if digits > 0 && !text.get(length).is_some_and(is_word_byte) { length } else { 0 }
}

/// The word that begins at `start`.
fn word_at(text: &str, start: usize) -> &str {
    let length = prefix_length(&text.as_bytes()[start..], u8::is_ascii_alphanumeric);
    &text[start..start + length]
}

/// The number of bytes of the digits that `text` begins with.
fn digits_length(text: &str) -> usize {
    text.find(|c| !is_number(c)).unwrap_or(text.len())
}

/// The number of bytes of the class that `text` begins with.
fn prefix_length(text: &[u8], class: fn(&u8) -> bool) -> usize {
    text.iter().take_while(|byte| class(byte)).count()
}

fn is_word_byte(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || *byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn masked(text: &str) -> String {
        mask(text).unwrap_or_else(|| text.to_owned())
    }

    /// The rows of the table below `head` in the reference of texts, which is code in both columns.
    fn rows<'a>(page: &'a str, head: &str) -> Vec<(&'a str, &'a str)> {
        let (_, table) = page.split_once(head).expect("the table");
        let rows = table.trim_start().lines().skip(1).take_while(|line| line.starts_with('|'));
        let columns = rows.map(|row| row.trim_matches(['|', ' ']).split_once(" | ").expect("two columns"));
        columns.map(|(one, other)| (one.trim_matches('`'), other.trim_matches('`'))).collect()
    }

    #[test]
    fn the_examples_of_the_reference() {
        let rows = rows(include_str!("../../../docs/text.md"), "| text | masked |");
        assert!(rows.len() >= 25, "only {} rows were found", rows.len());
        for (text, expected) in rows {
            let normal = super::super::normal_form::normal_form(text);
            assert_eq!(masked(&normal), expected, "{text}");
        }
    }

    #[test]
    fn numbers() {
        for (text, expected) in [
            ("", ""),
            ("plain", "plain"),
            ("a1", "a0"),
            ("007", "0"),
            ("1 2", "0 0"),
            ("1..2 1.", "0..0 0."),
            ("1.a", "0.a"),
            ("1,2,3", "0"),
            ("1'00 1_00 a_1_000", "0'0 0_0 a_0_0"),
            ("1e5 1e 1e+ 1e5x", "0 0e 0e+ 0"),
            ("--1 -1- 5-", "--0 0- 0-"),
            ("a -1 b- 1 (\u{2212}1)", "a 0 b- 0 (0)"),
            ("\u{663}0\u{663}", "0"),
            ("é1é", "é0é"),
            ("1.\u{663}", "0"),
            ("〇三", "〇三"),
            ("1920x1080", "0x0"),
        ] {
            assert_eq!(masked(text), expected, "{text}");
        }
    }

    #[test]
    fn identifiers() {
        for (text, expected) in [
            ("0x", "0x"),
            ("0xg", "0xg"),
            ("0x1g", "0"),
            ("deadbeef", "deadbeef"),
            ("deadbee1", "0"),
            ("DEADBEE1", "0"),
            ("deadbe1", "deadbe0"), // seven digits in two runs
            ("dead1be", "0"),
            ("12345678", "0"),
            ("x12345678", "x0"),
            ("x1234567a", "x0"),
            ("12345678x", "0x"),
            ("node20231201", "node0"),
            ("deadbee1_", "0_"),
            ("édeadbee1é", "é0é"),
            ("g0b1c", "0"),
            ("g0b1", "g0b0"),
            ("Base64Utf8Codec", "Base0Utf0Codec"),
            ("7-550e8400e29b", "0-0"),
            ("7.55008400-e29b-41d4-a716-446655440000", "0.0"),
        ] {
            assert_eq!(masked(text), expected, "{text}");
        }
    }

    #[test]
    fn addresses() {
        for (text, expected) in [
            ("550e8400-e29b-41d4-a716-446655440000x", "0-e0b-0d0-a0x"), // too long for a UUID
            ("{550E8400-E29B-41D4-A716-446655440000}", "{0}"),
            ("aa:bb:cc:dd:ee:ff", "0"),
            ("aa-bb-cc-dd-ee-ff.", "0."),
            ("dead.beef.cafe dead.beef.caf3", "dead.beef.cafe 0"),
            ("aa:bb:cc:dd:ee:ff:00", "aa:bb:cc:dd:ee:ff:0"), // seven pairs
            ("10:20:30", "0:0:0"),
            ("a::b 1::", "a::b 0"),
            ("::", "::"),
            ("::1: fe80::1%eth0 2001:db8::ff00:42:8329.", "0: 0%eth0 0."),
            ("::ffff:10.0.0.1", "0"),
            ("x::1 1:2::3::4", "x::0 0:0::0::0"),
            ("1.2.3.4", "0"),
            ("host129.206.196.21.example.com.", "0."),
            ("62-192-102-94.dsl.example.net:80", "0:0"),
            ("45-82-252.162.81.adsl.example.net", "0.adsl.example.net"), // no four with the same joint
            ("1.2.3.4.5.example.com", "0.example.com"),
            ("256.2.3.4.a.example", "0.a.example"),
            ("tool-1.2.3.4.jar tool-1.2.3.4", "tool-0.jar tool-0"),
        ] {
            assert_eq!(masked(text), expected, "{text}");
        }
    }

    #[test]
    fn hosts_with_ports() {
        for (text, expected) in [
            ("a.example.com:443.", "0:0."),
            ("3.client.example.com:80", "0:0"),
            ("HOST7.example.com:8080/x", "0:0/x"),
            ("localhost:8080", "localhost:0"),
            ("a.com:1 a.com:123456 a.com:80x a.com:80:1", "a.com:0 a.com:0 a.com:0x a.com:0:0"),
            ("a.b:80 a..com:80 a.-b.com:80", "a.b:0 a..com:0 a.-b.com:0"),
            ("my.app.Main:17 my.app.run:17", "my.app.Main:0 0:0"),
            ("app.min.js:10", "app.min.js:0"),
        ] {
            assert_eq!(masked(text), expected, "{text}");
        }
    }

    #[test]
    fn dates() {
        for (text, expected) in [
            ("Sun Nov 6 08:49:37 1994", "0"),
            ("sun, 06 nov 1994 08:49:37 GMT", "0 GMT"),
            ("06-Nov-94 8:49", "0-Nov-0 0:0"), // of a year, two digits may be a day
            ("Nov 6 08:49:37,123 x", "0 x"),
            ("Nov 6 08:49", "0"),
            ("Nov 6, 1994: 7 of 8", "0: 0 of 0"),
            ("Sun Nov 6", "0"),
            ("Nov 6", "Nov 0"),
            ("Nov 6 users", "Nov 0 users"),
            ("Novel 6 1994", "Novel 0 0"),
            ("Nov 6 1994x", "Nov 0 0x"),
            ("Sunday 7", "Sunday 0"),
            ("Nov 111 1994", "Nov 0 0"),
            ("6 November 1994", "0"),
            ("Nov 6 1994 1995 08:00", "0 0 0:0"),
        ] {
            assert_eq!(masked(text), expected, "{text}");
        }
    }

    #[test]
    fn a_text_without_a_match_is_not_copied() {
        for text in ["deadbeef, no digit", "a: b::c é"] {
            assert_eq!(mask(text), None);
        }
    }

    /// Looking at the rest of the text from every word would take minutes for these texts.
    #[test]
    fn a_mebibyte_of_anything_is_masked_at_once() {
        for unit in [
            "a",
            "0",
            "a1",
            "0x",
            "_a",
            "aaaaaaa ",
            "x0",
            "fe1g",
            "éa",
            "1-",
            "1.",
            "a.",
            "a-1.",
            "1:",
            "aa:",
            "a::1",
            "1'000",
            "-",
            "1e",
            "550e8400-",
            "1.2.3.4.",
            "1.2.3.4.a.b-",
            "\u{663}",
            "٣.",
            "e\u{301}",
            "jan 1 ",
            "1 jan ",
            "fri jan 1 10:00 2000 ",
            "a.bc:80:",
            "a.bc",
        ] {
            let text = unit.repeat((1 << 20) / unit.len()) + " g1";
            assert!(masked(&text).ends_with(" g0"), "{unit}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        /// No digit but `0` is left, no letter is made, and nothing is masked but what is beside a digit
        /// or in an address of hexadecimal digits.
        #[test]
        fn only_zeros_are_left_of_numbers(
            text in "([0-9a-fA-F]{1,9}|0[xX]|[gx_ \u{e9}\u{663}.:'-]|[0-9]{1,3}[.-]){0,12}",
        ) {
            let masked = masked(&text);
            prop_assert!(masked.chars().all(|c| c == '0' || !is_number(c)), "{}", masked);
            let mut rest = text.chars();
            let is_kept = masked.chars().filter(|c| *c != '0').all(|kept| rest.any(|c| c == kept));
            prop_assert!(is_kept, "{}", masked);
        }

        #[test]
        fn masking_takes_any_text(text: String) {
            prop_assert!(masked(&text).chars().all(|c| c == '0' || !is_number(c)));
        }
    }
}
