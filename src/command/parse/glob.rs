//! Glob patterns, as the server's own commands have them: `*`, `?`, `[a-z]`, `[^a-z]`, and `\\` before
//! what is meant as it stands.

/// A pattern.
pub struct Glob(Vec<Token>);

#[derive(Debug, Clone, Copy)]
enum Token {
    /// Any bytes.
    Any,
    /// One byte of a set, a bit for each.
    One([u64; 4]),
}

impl Glob {
    /// The longest pattern. Matching takes as many steps as the pattern times the name is long, at
    /// most, and names may be long.
    pub const LONGEST: usize = 1_024;

    /// Reads a pattern; `None` where it is too long.
    pub fn new(pattern: &[u8]) -> Option<Glob> {
        if pattern.len() > Self::LONGEST {
            return None;
        }
        let (mut tokens, mut rest) = (Vec::new(), pattern);
        while let Some((first, after)) = rest.split_first() {
            let token;
            (token, rest) = match (first, after) {
                (b'*', _) => (Token::Any, after),
                (b'?', _) => (Token::One([u64::MAX; 4]), after),
                (b'[', _) => take_set(after),
                (b'\\', [escaped, after @ ..]) => (Token::One(set(*escaped, *escaped)), after),
                _ => (Token::One(set(*first, *first)), after),
            };
            tokens.push(token);
        }
        Some(Glob(tokens))
    }

    /// Whether a name fits.
    pub fn matches(&self, name: &[u8]) -> bool {
        let (mut token, mut at) = (0, 0);
        // Where to go on after the last `*`, when what follows it does not fit: one byte further.
        let mut retry = None;
        loop {
            match (self.0.get(token), name.get(at)) {
                (Some(Token::Any), _) => {
                    retry = Some((token + 1, at));
                    token += 1;
                    continue;
                }
                (Some(Token::One(set)), Some(byte)) if has(set, *byte) => {
                    (token, at) = (token + 1, at + 1);
                    continue;
                }
                (None, None) => return true,
                _ => {}
            }
            match retry {
                Some((after, from)) if from < name.len() => {
                    (token, at) = (after, from + 1);
                    retry = Some((after, from + 1));
                }
                _ => return false,
            }
        }
    }
}

/// The bytes from one to the other, in either order.
fn set(a: u8, b: u8) -> [u64; 4] {
    let mut set = [0; 4];
    for byte in a.min(b)..=a.max(b) {
        if let Some(word) = set.get_mut(usize::from(byte / 64)) {
            *word |= 1 << (byte % 64);
        }
    }
    set
}

fn has(set: &[u64; 4], byte: u8) -> bool {
    set.get(usize::from(byte / 64)).is_some_and(|word| word >> (byte % 64) & 1 == 1)
}

/// A set up to its `]`, or to the end of the pattern, and what follows.
fn take_set(pattern: &[u8]) -> (Token, &[u8]) {
    let (is_not, mut rest) = match pattern {
        [b'^', rest @ ..] => (true, rest),
        _ => (false, pattern),
    };
    let mut bytes = [0; 4];
    let mut add = |a, b| bytes.iter_mut().zip(set(a, b)).for_each(|(word, more)| *word |= more);
    loop {
        rest = match rest {
            [] => break,
            [b']', after @ ..] => {
                rest = after;
                break;
            }
            [b'\\', escaped, after @ ..] => {
                add(*escaped, *escaped);
                after
            }
            [first, b'-', last, after @ ..] => {
                add(*first, *last);
                after
            }
            [byte, after @ ..] => {
                add(*byte, *byte);
                after
            }
        };
    }
    (Token::One(if is_not { bytes.map(|word| !word) } else { bytes }), rest)
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
        assert!(Glob::new(&[b'*'; Glob::LONGEST + 1]).is_none());
    }

    #[test]
    fn many_stars_do_not_take_for_ever() {
        let glob = Glob::new("*a".repeat(400).as_bytes()).expect("short enough");
        assert!(!glob.matches(&vec![b'a'; 399]));
        assert!(!glob.matches("a".repeat(60_000).replace("aaa", "aab").as_bytes()));
    }
}
