//! Words that a machine wrote: a mix of letters and digits as no word of a person has it.
//!
//! People put one number into a word, or two: `utf8`, `log4j`, `k8s`, `v1beta1`. A machine draws each
//! character by itself, and letters and digits alternate. So the measure is the number of *runs*: `log4j`
//! has three, `log`, `4` and `j`; of eight random hexadecimal digits, nine in ten have four or more.

use super::prefix_length;

/// The position in a word from which on it is an identifier, if it is one. A word is ASCII letters and
/// digits.
///
/// An identifier is the whole word if it
/// - is `0x` and hexadecimal digits, or
/// - is 8 or more hexadecimal digits, at least one of them decimal and one a letter; or 7, in three or
///   more runs, or
/// - begins with a digit and has four or more runs (`20240131T101500Z`, `1h30m`), or
/// - has five or more runs, of less than three characters on average (`x2x7p`, `dQw4w9WgXcQ`).
///
/// It is the longest end of the word that is hexadecimal digits, if of these 8 or more, from the first
/// decimal one on, are of both kinds (`user8f3a21c0`).
pub(super) fn position(word: &[u8]) -> Option<usize> {
    let digits = word.iter().filter(|byte| byte.is_ascii_digit()).count();
    if digits == 0 || digits == word.len() {
        return None;
    }
    if let [b'0', b'x' | b'X', rest @ ..] = word
        && !rest.is_empty()
        && rest.iter().all(u8::is_ascii_hexdigit)
    {
        return Some(0);
    }
    let is_change = |pair: &&[u8]| pair[0].is_ascii_digit() != pair[1].is_ascii_digit();
    let runs = 1 + word.windows(2).filter(is_change).count();

    // The hexadecimal end comes before the mix: in `user8f3a21c0` the first letters are a person's.
    let hexadecimal = word.iter().rev().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let (name, end) = word.split_at(word.len() - hexadecimal);
    let is_whole = name.is_empty() && (end.len() >= 8 || (end.len() == 7 && runs >= 3));
    let from_first_digit = &end[prefix_length(end, u8::is_ascii_alphabetic)..];
    let is_end = from_first_digit.len() >= 8 && from_first_digit.iter().any(u8::is_ascii_alphabetic);
    if is_whole || is_end {
        return Some(name.len());
    }
    let is_mixed = if word[0].is_ascii_digit() { runs >= 4 } else { runs >= 5 && word.len() < 3 * runs };
    is_mixed.then_some(0)
}
