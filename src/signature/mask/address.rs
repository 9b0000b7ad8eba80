//! Addresses of several groups: of objects, hardware and the network.
//!
//! An IPv4 address is not among them: it is digits joined by points, and masked as a number.

use std::net::Ipv6Addr;

use super::{is_word_byte, prefix_length};

/// The length of the address at `start`, which is the start of a word or a colon.
pub(super) fn length(text: &str, start: usize) -> Option<usize> {
    let (before, rest) = text.as_bytes().split_at(start);
    let before = before.last();
    // Every address goes on behind its first word, and nearly no word is followed by one of these.
    let word = prefix_length(rest, u8::is_ascii_alphanumeric);
    if !matches!(rest.get(word), Some(b':' | b'.' | b'-')) {
        return None;
    }
    uuid_length(rest)
        .or_else(|| hardware_length(before, rest))
        .or_else(|| ipv6_length(before, &text[start..]))
        .or_else(|| host_length(before, rest))
}

fn uuid_length(text: &[u8]) -> Option<usize> {
    let length = groups_length(text, b'-', &[8, 4, 4, 4, 12])?;
    (!text.get(length).is_some_and(u8::is_ascii_alphanumeric)).then_some(length)
}

/// Hardware addresses are six or eight pairs of hexadecimal digits, or three groups of four;
/// fingerprints are 16, 20 or 32 pairs.
fn hardware_length(before: Option<&u8>, text: &[u8]) -> Option<usize> {
    const PAIRS: [usize; 32] = [2; 32];
    let length_of = |separator: u8, sizes: &[usize]| {
        let length = groups_length(text, separator, sizes)?;
        let goes_on = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == separator;
        (before != Some(&separator) && !text.get(length).is_some_and(goes_on)).then_some(length)
    };
    match text.get(2) {
        Some(&separator @ (b':' | b'-')) => {
            [32, 20, 16, 8, 6].iter().find_map(|&pairs| length_of(separator, &PAIRS[..pairs]))
        }
        // Without a digit it may be words.
        _ => length_of(b'.', &[4, 4, 4]).filter(|&length| text[..length].iter().any(u8::is_ascii_digit)),
    }
}

/// The length of the groups of hexadecimal digits that `text` begins with.
fn groups_length(text: &[u8], separator: u8, sizes: &[usize]) -> Option<usize> {
    let mut end = 0;
    for (group, size) in sizes.iter().enumerate() {
        if group > 0 {
            (text.get(end) == Some(&separator)).then_some(())?;
            end += 1;
        }
        text.get(end..end + size)?.iter().all(u8::is_ascii_hexdigit).then_some(())?;
        end += size;
    }
    Some(end)
}

/// An IPv6 address has a digit, so that `a::b` and `::` are none: they are code.
fn ipv6_length(before: Option<&u8>, text: &str) -> Option<usize> {
    const LONGEST: usize = "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255".len();
    // Most words have no colon behind them.
    let bytes = text.as_bytes();
    if !bytes.iter().take(5).any(|byte| *byte == b':')
        || before.is_some_and(|byte| is_word_byte(byte) || *byte == b':')
    {
        return None;
    }
    let is_part: fn(&u8) -> bool = |byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
    let length = prefix_length(&bytes[..bytes.len().min(LONGEST + 1)], is_part);
    // A point or colon behind it is of the sentence.
    let address = text[..length].trim_end_matches('.');
    let address = match address.strip_suffix(':') {
        Some(shorter) if !shorter.ends_with(':') => shorter,
        _ => address,
    };
    let goes_on = bytes.get(address.len()).is_some_and(is_word_byte);
    let has_digit = address.bytes().any(|byte| byte.is_ascii_digit());
    (has_digit && !goes_on && address.parse::<Ipv6Addr>().is_ok()).then_some(address.len())
}

/// A host name that a machine gave or that changes with the peer: one that holds an IPv4 address, or has
/// a port behind it. The port is a number by itself.
fn host_length(before: Option<&u8>, text: &[u8]) -> Option<usize> {
    let is_part: fn(&u8) -> bool = |byte| byte.is_ascii_alphanumeric() || is_joint(byte);
    // Only from its start, so that each name is looked at once.
    if before.is_some_and(is_part) || !text.first().is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    let length = prefix_length(text, is_part);
    let joints = text[..length].iter().rev().take_while(|byte| is_joint(byte)).count();
    let name = &text[..length - joints]; // the point at the end is of the sentence
    let is_host = holds_ipv4(name) || (is_host_name(name) && begins_with_port(&text[name.len()..]));
    is_host.then_some(name.len())
}

/// True for a name that holds an IPv4 address, as providers give them to their customers:
/// `dsl-024.101.95.61.example.net`. At least two labels are behind the label of the address, and the
/// last is letters, so that `tool-1.2.3.4.jar` is none.
fn holds_ipv4(name: &[u8]) -> bool {
    let Some(end) = ipv4_end(name) else { return false };
    let mut labels = name[end..].split(|byte| *byte == b'.');
    labels.next(); // the rest of the label of the address
    let (last, others) = (labels.next_back(), labels);
    others.count() > 0 && last.is_some_and(is_last_label)
}

/// True for two or more labels that may be the name of a host, and not of a class, method or file of
/// source code, which has a number of a line behind it. No label of a host has both upper and lower case.
fn is_host_name(name: &[u8]) -> bool {
    const SOURCES: [&str; 24] = [
        "c", "cc", "cpp", "cs", "cxx", "ex", "go", "hpp", "java", "jl", "js", "jsx", "kt", "lua", "mjs",
        "php", "pl", "py", "rb", "rs", "scala", "swift", "ts", "tsx",
    ];
    let is_label = |label: &[u8]| {
        let is_mixed = label.iter().any(u8::is_ascii_uppercase) && label.iter().any(u8::is_ascii_lowercase);
        label.first().is_some_and(u8::is_ascii_alphanumeric) && !is_mixed
    };
    let mut labels = name.split(|byte| *byte == b'.');
    let is_last = |label: &[u8]| is_last_label(label) && !SOURCES.iter().any(|name| name.as_bytes() == label);
    labels.next_back().is_some_and(|label| is_label(label) && is_last(label))
        && labels.clone().count() > 0
        && labels.all(is_label)
}

fn is_last_label(label: &[u8]) -> bool {
    label.len() >= 2 && label.iter().all(u8::is_ascii_alphabetic)
}

/// True for a colon and a number of two to five digits that ends there.
fn begins_with_port(text: &[u8]) -> bool {
    let [b':', rest @ ..] = text else { return false };
    let digits = prefix_length(rest, u8::is_ascii_digit);
    let goes_on = |byte: &u8| is_word_byte(byte) || *byte == b':';
    (2..=5).contains(&digits) && !rest.get(digits).is_some_and(goes_on)
}

fn is_joint(byte: &u8) -> bool {
    matches!(byte, b'.' | b'-')
}

/// The end of the first four numbers below 256 in a name that are joined by the same joint, and joined
/// to no fifth.
fn ipv4_end(name: &[u8]) -> Option<usize> {
    // `numbers` end at `end` and are joined by `joint`.
    let (mut numbers, mut end, mut joint) = (0, 0, b' ');
    let mut position = 0;
    while position < name.len() {
        let digits = prefix_length(&name[position..], u8::is_ascii_digit);
        if digits == 0 {
            position += 1;
            continue;
        }
        let before = position.checked_sub(1).map_or(b' ', |before| name[before]);
        let is_joined = numbers > 0 && is_joint(&before) && end + 1 == position;
        if numbers == 4 && !(is_joined && before == joint) {
            return Some(end);
        }
        numbers = match (is_below_256(&name[position..position + digits]), is_joined) {
            (false, _) => 0,
            (true, false) => 1,
            (true, true) if numbers == 1 || before == joint => numbers + 1,
            (true, true) => 2, // of another joint
        };
        joint = before;
        position += digits;
        end = position;
    }
    (numbers == 4).then_some(end)
}

/// True for decimal digits of a number below 256.
fn is_below_256(digits: &[u8]) -> bool {
    let value = digits.iter().try_fold(0_u8, |value, digit| value.checked_mul(10)?.checked_add(digit - b'0'));
    value.is_some()
}
