//! Glob patterns, as the server's own commands have them: `*`, `?`, `[a-z]`, `[^a-z]`, and a backslash
//! before a byte that stands for itself.
//!
//! Matching is the greedy algorithm with backtracking to the last star (Kirk Krauss, "Matching
//! Wildcards: An Algorithm", 2008). Go through pattern and name side by side. At a `*`, remember both
//! positions and go on as if it stood for nothing; at a mismatch, go back there and let the star stand
//! for one byte more. Only the last star is ever retried: whatever an earlier one could give up, the
//! last one can take instead. So the work is at most the length of the pattern times that of the name;
//! the plain recursion, which retries every star, is exponential in their number.

/// A pattern.
pub struct Glob(Vec<Token>);

#[derive(Debug, Clone, Copy)]
enum Token {
    /// `*`: any number of bytes.
    Star,
    /// One byte of a set.
    Byte(ByteSet),
}

/// A set of bytes, one bit for each.
#[derive(Debug, Clone, Copy)]
struct ByteSet([u64; 4]);

impl Glob {
    /// The most bytes of a pattern, which bounds the work of matching: names may be long.
    pub const MAX_BYTES: usize = 1_024;

    /// Reads a pattern; `None` if it is too long. Every other sequence of bytes is a pattern.
    pub fn new(pattern: &[u8]) -> Option<Glob> {
        if pattern.len() > Self::MAX_BYTES {
            return None;
        }
        let mut tokens = Vec::new();
        let mut rest = pattern;
        while let Some((first, after)) = rest.split_first() {
            let token;
            (token, rest) = match (first, after) {
                (b'*', _) => (Token::Star, after),
                (b'?', _) => (Token::Byte(ByteSet::ALL), after),
                (b'[', _) => read_set(after),
                (b'\\', [escaped, after @ ..]) => (Token::Byte(ByteSet::range(*escaped, *escaped)), after),
                // A backslash at the very end stands for itself, too.
                _ => (Token::Byte(ByteSet::range(*first, *first)), after),
            };
            tokens.push(token);
        }
        Some(Glob(tokens))
    }

    /// True if the whole name matches.
    pub fn matches(&self, name: &[u8]) -> bool {
        let mut token = 0;
        let mut position = 0;
        // After the last star: the token that follows it, and the first byte that it does not stand for
        // yet.
        let mut retry = None;
        loop {
            match (self.0.get(token), name.get(position)) {
                (Some(Token::Star), _) => {
                    token += 1;
                    retry = Some((token, position));
                    continue;
                }
                (Some(Token::Byte(set)), Some(byte)) if set.contains(*byte) => {
                    token += 1;
                    position += 1;
                    continue;
                }
                (None, None) => return true,
                // A mismatch, or one of both is at its end before the other.
                _ => {}
            }
            match retry {
                Some((after_star, from)) if from < name.len() => {
                    token = after_star;
                    position = from + 1;
                    retry = Some((token, position));
                }
                // No star so far, or it stands for the rest of the name already.
                _ => return false,
            }
        }
    }
}

impl ByteSet {
    const NONE: ByteSet = ByteSet([0; 4]);
    const ALL: ByteSet = ByteSet([u64::MAX; 4]);

    /// The bytes from one to the other, whichever of both is the smaller.
    fn range(a: u8, b: u8) -> ByteSet {
        let mut set = ByteSet::NONE;
        for byte in a.min(b)..=a.max(b) {
            if let Some(word) = set.0.get_mut(usize::from(byte / 64)) {
                *word |= 1 << (byte % 64);
            }
        }
        set
    }

    fn add(&mut self, other: ByteSet) {
        self.0.iter_mut().zip(other.0).for_each(|(word, added)| *word |= added);
    }

    fn complement(self) -> ByteSet {
        ByteSet(self.0.map(|word| !word))
    }

    fn contains(&self, byte: u8) -> bool {
        self.0.get(usize::from(byte / 64)).is_some_and(|word| word >> (byte % 64) & 1 == 1)
    }
}

/// Reads a set after its `[`, up to the `]` or, as in the server, to the end of the pattern. Returns it
/// with the rest of the pattern.
fn read_set(pattern: &[u8]) -> (Token, &[u8]) {
    let (is_negated, mut rest) = match pattern {
        [b'^', rest @ ..] => (true, rest),
        _ => (false, pattern),
    };
    let mut set = ByteSet::NONE;
    loop {
        let (added, after) = match rest {
            [] => break,
            [b']', after @ ..] => {
                rest = after;
                break;
            }
            [b'\\', escaped, after @ ..] => (ByteSet::range(*escaped, *escaped), after),
            [first, b'-', last, after @ ..] => (ByteSet::range(*first, *last), after),
            [byte, after @ ..] => (ByteSet::range(*byte, *byte), after),
        };
        set.add(added);
        rest = after;
    }
    (Token::Byte(if is_negated { set.complement() } else { set }), rest)
}

#[cfg(test)]
mod tests {
    use super::Glob;

    #[test]
    fn patterns_match_as_the_servers_do() {
        let cases: [(&str, &str, bool); 28] = [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("**", "anything", true),
            ("a*", "a", true),
            ("a*", "ba", false),
            ("*a", "banana", true),
            ("*nan*", "banana", true),
            ("b*n?", "banana", true),
            ("b*n", "banana", false),
            ("?", "", false),
            ("??", "ab", true),
            ("[abc]", "b", true),
            ("[^abc]", "b", false),
            ("[^abc]", "d", true),
            ("[a-c]x", "cx", true),
            ("[c-a]x", "bx", true),
            ("[a\\-c]", "-", true),
            ("[a\\-c]", "b", false),
            ("[]", "]", false),
            ("[ab", "b", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("a\\", "a\\", true),
            ("A", "a", false),
            ("*[0-9][0-9]", "item 17", true),
            ("*[0-9][0-9]", "item 1", false),
            ("a*b*c", "aXbXbXc", true),
        ];
        for (pattern, name, expected) in cases {
            let glob = Glob::new(pattern.as_bytes());
            assert_eq!(glob.is_some_and(|glob| glob.matches(name.as_bytes())), expected, "{pattern} {name}");
        }
        assert!(Glob::new(&[b'*'; Glob::MAX_BYTES + 1]).is_none());
    }

    #[test]
    fn many_stars_do_not_take_forever() {
        let glob = Glob::new("*a".repeat(400).as_bytes()).expect("short enough");
        assert!(!glob.matches(&vec![b'a'; 399]));
        assert!(!glob.matches("a".repeat(60_000).replace("aaa", "aab").as_bytes()));
    }
}
