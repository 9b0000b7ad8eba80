//! The names of chunks.
//!
//! A chunk's key is `<tag>:<uid>:<start>:<index>`, and must be in the cluster slot of its scope. The
//! server computes a key's slot from its *hash tag*, the bytes between the first `{` and the first `}`
//! after it; from the whole name if there is no such pair, or nothing in between. So the tag of a scope is
//! its name if that has a hash tag, and otherwise `{name}`. A name with braces but no hash tag, such as
//! `a}b`, is refused: in `{a}b}` the hash tag would be `a`, and the slot another one.
//!
//! | scope | tag | a chunk's key |
//! | --- | --- | --- |
//! | `issues` | `{issues}` | `{issues}:00000000000000ab:2592000:message` |
//! | `issues:{7}` | `issues:{7}` | `issues:{7}:00000000000000ab:2592000:message` |
//!
//! **A name can be read in one way only**, from its end: the index is what follows the last colon, since a
//! colon in it is written as `%3A` (and `%` as `%25`). The start and the uid are digits, and the rest is the
//! tag. Otherwise the index `x:y` of one scope and the index `y` of a scope whose name has the rest of it could
//! need the same key, and who may write to one scope could be in the way of the other.

use smallvec::SmallVec;
use std::borrow::Cow;

/// The reason that a scope cannot have a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// It is empty.
    #[error("must not be empty")]
    Empty,
    /// It has a brace, but no hash tag.
    #[error("must hold a hash tag, as in 'issues:{{7}}', or neither '{{' nor '}}'")]
    Tag,
}

/// The tag of the chunks of a scope of this name, if a scope can have it: see [`check`].
pub fn tag(scope: &[u8]) -> Result<Cow<'_, [u8]>, NameError> {
    check(scope)?;
    let is_tag = has_hash_tag(scope);
    Ok(if is_tag { Cow::Borrowed(scope) } else { Cow::Owned([b"{", scope, b"}"].concat()) })
}

/// Checks that a scope can have this name.
pub fn check(scope: &[u8]) -> Result<(), NameError> {
    if scope.is_empty() {
        Err(NameError::Empty)
    } else if scope.iter().any(|byte| matches!(byte, b'{' | b'}')) && !has_hash_tag(scope) {
        Err(NameError::Tag)
    } else {
        Ok(())
    }
}

/// The uid of a new scope of this name: 63 random bits, and one that depends on the name.
///
/// The names `a` and `{a}` have the same tag, `{a}`. The lowest bit tells them apart: it is set if the name
/// itself has a hash tag. That is for access control. A user who may access only `a` could RESTORE a
/// forged scope under `a` whose uid is that of the scope `{a}`, and so reach its chunks. But the lowest bit
/// of such a uid is that of `{a}`, and so [`was_made_as`] is false for `a`.
pub fn uid_for(random: u64, scope: &[u8]) -> u64 {
    random & !1 | u64::from(has_hash_tag(scope))
}

/// True if a scope of this tag and uid was made under this name.
pub fn was_made_as(tag: &[u8], uid: u64, scope: &[u8]) -> bool {
    is_tag_of(tag, scope) && uid == uid_for(uid, scope)
}

/// True if a tag is that of a scope of this name.
fn is_tag_of(tag: &[u8], scope: &[u8]) -> bool {
    if has_hash_tag(scope) {
        return tag == scope;
    }
    let inner = tag.strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}"));
    inner == Some(scope)
}

/// True if the server sees a hash tag in the name.
fn has_hash_tag(name: &[u8]) -> bool {
    hashed(name).len() < name.len()
}

/// The bytes of a name that its cluster slot is computed from: its hash tag, or all of it.
fn hashed(name: &[u8]) -> &[u8] {
    let open = name.iter().position(|byte| *byte == b'{');
    let inner = open.and_then(|open| name.get(open + 1..)).unwrap_or_default();
    match inner.iter().position(|byte| *byte == b'}') {
        Some(length) if length > 0 => &inner[..length],
        _ => name,
    }
}

/// True if two names are in the same cluster slot.
pub fn same_slot(a: &[u8], b: &[u8]) -> bool {
    hashed(a) == hashed(b) || slot(a) == slot(b)
}

/// The cluster slot of a name: CRC-16/XMODEM of its hashed part, modulo 16384.
fn slot(name: &[u8]) -> u16 {
    let crc = hashed(name).iter().fold(0u16, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| {
            (crc << 1) ^ if crc & 0x8000 == 0 { 0 } else { 0x1021 }
        })
    });
    crc % 16_384
}

/// The name of a chunk's key: up to 96 bytes, as in most cases, without an allocation.
pub type ChunkName = SmallVec<[u8; 96]>;

/// The name of a chunk's key.
pub fn chunk_name(tag: &[u8], index: &[u8], start: u64, uid: u64) -> ChunkName {
    // 3 colons, 16 digits of the uid, up to 20 of the start: 39.
    let mut key = ChunkName::with_capacity(tag.len() + index.len() + 40);
    key.extend_from_slice(tag);
    key.push(b':');
    key.extend_from_slice(&hex(uid));
    key.push(b':');
    key.extend_from_slice(itoa::Buffer::new().format(start).as_bytes());
    key.push(b':');
    if index.iter().any(|byte| matches!(byte, b':' | b'%')) {
        index.iter().for_each(|byte| match byte {
            b':' => key.extend_from_slice(b"%3A"),
            b'%' => key.extend_from_slice(b"%25"),
            byte => key.push(*byte),
        });
    } else {
        key.extend_from_slice(index);
    }
    key
}

/// A uid as it is written everywhere: 16 hexadecimal digits in lower case.
pub fn hex(uid: u64) -> [u8; 16] {
    std::array::from_fn(|at| b"0123456789abcdef"[(uid >> (60 - 4 * at) & 15) as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_and_its_chunks_share_a_hash_tag() {
        let tags = [
            (&b"issues"[..], Ok(&b"{issues}"[..])),
            (b"issues:{7}", Ok(b"issues:{7}")),
            (b"t{3}x}", Ok(b"t{3}x}")),
            (b"{}{a}", Err(NameError::Tag)), // the first braces decide, and these are empty
            (b"a}b{c}", Ok(b"a}b{c}")),
            (b"a}b", Err(NameError::Tag)),
            (b"a{b", Err(NameError::Tag)),
            (b"{}x", Err(NameError::Tag)),
            (b"", Err(NameError::Empty)),
            (b"\xff\0", Ok(b"{\xff\0}")),
        ];
        for (scope, expected) in tags {
            let other = expected.is_ok_and(|tag| is_tag_of(tag, b"other"));
            assert!(!other && expected.is_ok_and(|tag| is_tag_of(tag, scope)) == expected.is_ok());
            assert_eq!(tag(scope).as_deref(), expected.as_ref().map(|tag| *tag), "{}", scope.escape_ascii());
        }
    }

    #[test]
    fn a_uid_tells_apart_the_names_of_one_tag() {
        let (plain, tagged) = (uid_for(0xabcd, b"a"), uid_for(0xabcd, b"{a}"));
        assert_eq!((plain, tagged), (0xabcc, 0xabcd));
        for (uid, name, other) in [(plain, &b"a"[..], &b"{a}"[..]), (tagged, b"{a}", b"a")] {
            assert!(was_made_as(b"{a}", uid, name) && !was_made_as(b"{a}", uid, other));
            assert!(!was_made_as(b"{b}", uid, name));
        }
    }

    #[test]
    fn slots_are_those_of_the_server() {
        // As CLUSTER KEYSLOT says.
        assert_eq!((slot(b"foo"), slot(b"issues:{7}"), slot(b"123456789")), (12_182, slot(b"7"), 12_739));
        assert!(same_slot(b"issues", b"{issues}:00000000000000ab:0:message"));
        assert!(!same_slot(b"issues", b"events"));
    }

    #[test]
    fn a_uid_is_written_in_16_digits() {
        for uid in [0, 0xab, 0x0123_4567_89ab_cdef, u64::MAX] {
            assert_eq!(hex(uid), *format!("{uid:016x}").as_bytes());
        }
    }

    #[test]
    fn a_chunk_is_named_after_its_scope_uid_start_and_index() {
        let named = |index: &[u8]| chunk_name(b"{issues}", index, 2_592_000, 0xab).to_vec();
        assert_eq!(named(b"message"), b"{issues}:00000000000000ab:2592000:message");
        assert_eq!(named(b":50%:"), b"{issues}:00000000000000ab:2592000:%3A50%25%3A");
    }

    #[test]
    fn no_two_chunks_have_the_same_name() {
        // Tags and indexes with colons, and with what looks like another part of a name.
        let parts = ["a", ":", "%", "3A", ":0", ":0:a", ":1111111111111111", ":0000000000000000"];
        let pairs = parts.iter().flat_map(|one| parts.iter().map(move |other| format!("{one}{other}")));
        let words: Vec<String> = pairs.chain(parts.map(str::to_string)).collect();
        let mut names = std::collections::HashMap::new();
        for (tag, index) in words.iter().flat_map(|tag| words.iter().map(move |index| (tag, index))) {
            for (uid, start) in [(0, 0), (0, 1_111_111_111_111_111), (0x1111_1111_1111_1111, 0)] {
                let name = chunk_name(format!("{{t}}{tag}").as_bytes(), index.as_bytes(), start, uid);
                let other = names.insert(name, (tag, index, uid, start));
                assert_eq!(other, None, "{tag} {index} {uid} {start}");
            }
        }
    }
}
