//! The argument parser: a cursor over a command's arguments.
//!
//! Each method takes the next argument as one type, and its error names the argument. A command reads
//! its arguments from left to right, in the order of its syntax line, and opens no key before it has
//! read them all.
//!
//! The words that an argument may be are listed once, at the call that takes it: the parser looks the
//! argument up in the list, and builds the "A, B or C" of the error from the same list.

use crate::command::error::{Error, escaped_excerpt};
use crate::config;
use crate::index::Definition;
use crate::index::codec::MAX_NAME;
use crate::keyspace::name::{self, NameError};
use crate::server::call::Call;
use std::ops::RangeInclusive;

/// A cursor over the arguments of a command.
pub struct Args<'a> {
    call: &'a Call<'a>,
    /// The position of the next argument.
    next: usize,
}

/// Any bytes, names, and the end.
impl<'a> Args<'a> {
    /// A cursor at the first argument after the command's name.
    pub fn new(call: &'a Call) -> Args<'a> {
        Args { call, next: 1 }
    }

    /// The number of arguments that are left.
    pub fn left(&self) -> usize {
        self.call.argument_count() - self.next
    }

    /// The next argument, whatever it holds. `what` names it in errors, as in all methods below.
    pub fn bytes(&mut self, what: &'static str) -> Result<&'a [u8], Error> {
        if self.left() == 0 {
            return Err(Error::Missing(what));
        }
        self.next += 1;
        Ok(self.call.argument(self.next - 1))
    }

    /// Takes the next `count` arguments, and returns their positions. Not their bytes: a clause may have many
    /// arguments, and a range needs no memory for each.
    pub fn positions(&mut self, what: &'static str, count: usize) -> Result<std::ops::Range<usize>, Error> {
        if self.left() < count {
            return Err(Error::Missing(what));
        }
        self.next += count;
        Ok(self.next - count..self.next)
    }

    /// A name: neither empty nor longer than `simile.max-name`.
    pub fn name(&mut self, what: &'static str) -> Result<&'a [u8], Error> {
        let name = self.bytes(what)?;
        check_length(self.call, what, name)?;
        if name.is_empty() { Err(Error::expected(what, "a non-empty name")) } else { Ok(name) }
    }

    /// The name of one index. `*` is refused, because it stands for every index in MERGE and DELETE.
    pub fn index(&mut self) -> Result<&'a [u8], Error> {
        match self.name("index")? {
            b"*" => {
                Err(Error::expected("index", "a name: '*' means every index, and only in MERGE and DELETE"))
            }
            index => Ok(index),
        }
    }

    /// The name of an index, or `None` for `*`, which stands for every index.
    pub fn index_or_all(&mut self) -> Result<Option<&'a [u8]>, Error> {
        let index = self.name("index")?;
        Ok((index != b"*").then_some(index))
    }

    /// The name of a scope. The names of its chunks are derived from it, so its braces are checked, too.
    pub fn scope(&mut self) -> Result<&'a [u8], Error> {
        let scope = self.bytes("scope")?;
        check_length(self.call, "scope", scope)?;
        name::check(scope).map(|()| scope).map_err(NameError::into)
    }

    /// Checks that no argument is left.
    pub fn end(&mut self) -> Result<(), Error> {
        if self.left() == 0 {
            return Ok(());
        }
        let surplus = self.bytes("option")?;
        Err(Error::Unknown(escaped_excerpt(surplus), "no further argument".into()))
    }
}

/// Numbers. A missing number has the same error as a wrong one: it says what the number must be.
impl Args<'_> {
    /// An integer in a range.
    pub fn number(&mut self, what: &'static str, range: RangeInclusive<u64>) -> Result<u64, Error> {
        let number = self.bytes(what).ok().and_then(read_number).filter(|number| range.contains(number));
        number.ok_or_else(|| {
            Error::expected(what, format!("an integer between {} and {}", range.start(), range.end()))
        })
    }

    /// TIMESTAMP, in seconds since the epoch. The range here only keeps later sums from overflowing; a moment
    /// too far in the past or the future is found when the scope, and so its window, is known.
    pub fn timestamp(&mut self) -> Result<u64, Error> {
        self.number("TIMESTAMP", Definition::TIMESTAMP).map_err(|error| match error {
            Error::Expected(what, range) => Error::expected(what, format!("{range}, in seconds since 1970")),
            other => other,
        })
    }

    /// A finite number that `accepts` admits; `expected` describes these numbers for the error.
    pub fn float(
        &mut self,
        what: &'static str,
        expected: &'static str,
        accepts: fn(f64) -> bool,
    ) -> Result<f64, Error> {
        let text = self.bytes(what).ok().and_then(|text| std::str::from_utf8(text).ok());
        let number = text.and_then(|text| text.parse().ok());
        let number = number.filter(|number: &f64| number.is_finite() && accepts(*number));
        number.ok_or_else(|| Error::expected(what, expected))
    }

    /// MINSCORE: a score that an item must reach.
    pub fn min_score(&mut self) -> Result<f64, Error> {
        self.float("MINSCORE", "a number, 0 or more", |score| score >= 0.0)
    }
}

/// Words. They are matched in upper and lower case.
impl Args<'_> {
    /// The value of an option that is one of a few words, each listed with its meaning.
    pub fn word<T: Copy>(&mut self, what: &'static str, words: &[(&'static str, T)]) -> Result<T, Error> {
        let given = self.bytes(what).unwrap_or_default();
        let meaning = words.iter().find(|(word, _)| given.eq_ignore_ascii_case(word.as_bytes()));
        let expected = || Error::expected(what, any_of(words.iter().map(|(word, _)| *word)));
        meaning.map(|(_, meaning)| *meaning).ok_or_else(expected)
    }

    /// `yes` or `no`.
    pub fn yes_no(&mut self, what: &'static str) -> Result<bool, Error> {
        self.word(what, &[("yes", true), ("no", false)])
    }

    /// Takes the next argument if it is one of these words, and otherwise leaves it.
    pub fn keyword_if(&mut self, known: &[&'static str]) -> Option<&'static str> {
        let word = if self.left() > 0 { self.call.argument(self.next) } else { return None };
        // Most clients write keywords in upper case, as the list has them: comparing bytes is the fast
        // path.
        let exact = known.iter().find(|known| word == known.as_bytes());
        let found = exact.or_else(|| known.iter().find(|known| word.eq_ignore_ascii_case(known.as_bytes())));
        self.next += usize::from(found.is_some());
        found.copied()
    }

    /// The next argument, which must be one of these words; `None` at the end of the arguments.
    pub fn keyword(&mut self, known: &[&'static str]) -> Result<Option<&'static str>, Error> {
        self.keyword_of(&[known])
    }

    /// As [`Self::keyword`], with the words of several lists. The error names them in this order.
    pub fn keyword_of(&mut self, known: &[&[&'static str]]) -> Result<Option<&'static str>, Error> {
        if self.left() == 0 {
            return Ok(None);
        }
        if let Some(keyword) = known.iter().find_map(|list| self.keyword_if(list)) {
            return Ok(Some(keyword));
        }
        let word = self.bytes("option")?;
        Err(Error::Unknown(escaped_excerpt(word), any_of(known.iter().copied().flatten().copied())))
    }
}

/// Words as an error lists them: "A", "A or B", "A, B or C".
pub fn any_of(words: impl IntoIterator<Item = &'static str>) -> String {
    let mut words: Vec<&str> = words.into_iter().collect();
    let last = words.pop().unwrap_or_default();
    if words.is_empty() { last.to_string() } else { format!("{} or {last}", words.join(", ")) }
}

/// Sets the value of an option, which may be given once.
pub fn set_once<T>(option: &mut Option<T>, name: &'static str, value: T) -> Result<(), Error> {
    match option.replace(value) {
        None => Ok(()),
        Some(_) => Err(Error::GivenTwice(name)),
    }
}

/// Checks that a name or a bucket is not longer than `simile.max-name`. From a primary or an AOF, only
/// the limit of the encoding counts: a name that one server accepted, another must accept.
pub fn check_length(call: &Call, what: &'static str, name: &[u8]) -> Result<(), Error> {
    let limit = if call.is_trusted_source() { MAX_NAME as u64 } else { config::MAX_NAME_BYTES.size() };
    if name.len() as u64 > limit {
        return Err(Error::expected(what, format!("at most {limit} bytes long (simile.max-name)")));
    }
    Ok(())
}

/// Reads a decimal integer. It may have no sign, space or leading zero, so that each number is written
/// in one way, as the server's own commands have it; `str::parse` would allow `+1` and `01`.
fn read_number(text: &[u8]) -> Option<u64> {
    let is_plain = text == b"0" || !text.is_empty() && !text.starts_with(b"0");
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| u64::from(byte - b'0'));
    let mut digits = text.iter().map(digit);
    let number = digits.try_fold(0u64, |number, digit| number.checked_mul(10)?.checked_add(digit?));
    number.filter(|_| is_plain)
}

#[cfg(test)]
mod tests {
    use super::{any_of, read_number};

    #[test]
    fn words_are_listed_as_one_says_them() {
        assert_eq!(any_of(["COUNT"]), "COUNT");
        assert_eq!(any_of(["MATCH", "COUNT"]), "MATCH or COUNT");
        assert_eq!(any_of(["TIMESTAMP", "FEATURES", "TEXT"]), "TIMESTAMP, FEATURES or TEXT");
    }

    #[test]
    fn numbers_are_written_in_one_way() {
        let numbers = [("0", Some(0)), ("17", Some(17)), ("18446744073709551615", Some(u64::MAX))];
        let others =
            ["", "-1", "+1", " 1", "1 ", "01", "1.0", "1e3", "0x10", "18446744073709551616", "\u{661}"];
        for (text, number) in numbers.into_iter().chain(others.into_iter().map(|other| (other, None))) {
            assert_eq!(read_number(text.as_bytes()), number, "{text}");
        }
    }
}
