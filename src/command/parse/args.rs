//! The one argument parser: a cursor over a command's arguments, whose takes are typed and whose
//! errors name the argument.

use crate::command::error::{Error, escaped_excerpt};
use crate::config;
use crate::index::Definition;
use crate::index::codec::MAX_NAME;
use crate::keyspace::name::{self, NameError};
use crate::server::call::Call;
use std::ops::RangeInclusive;

/// The arguments of a command, from the one at hand on.
pub struct Args<'a> {
    call: &'a Call<'a>,
    at: usize,
}

impl<'a> Args<'a> {
    /// The arguments behind the command's name.
    pub fn new(call: &'a Call) -> Args<'a> {
        Args { call, at: 1 }
    }

    /// How many arguments are left.
    pub fn left(&self) -> usize {
        self.call.argument_count() - self.at
    }

    /// The next argument, whatever it holds.
    ///
    /// # Errors
    /// There is none.
    pub fn bytes(&mut self, what: &'static str) -> Result<&'a [u8], Error> {
        if self.left() == 0 {
            return Err(Error::Missing(what));
        }
        self.at += 1;
        Ok(self.call.argument(self.at - 1))
    }

    /// The next arguments as their positions, `count` of them.
    ///
    /// # Errors
    /// There are fewer.
    pub fn several(&mut self, what: &'static str, count: usize) -> Result<std::ops::Range<usize>, Error> {
        if self.left() < count {
            return Err(Error::Missing(what));
        }
        self.at += count;
        Ok(self.at - count..self.at)
    }

    /// A name: neither empty nor too long.
    ///
    /// # Errors
    /// It is missing, empty or too long.
    pub fn name(&mut self, what: &'static str) -> Result<&'a [u8], Error> {
        let name = self.bytes(what)?;
        check_length(self.call, what, name)?;
        if name.is_empty() { Err(Error::Expected(what, "a name, not empty".to_string())) } else { Ok(name) }
    }

    /// The name of an index, which is not `*`.
    ///
    /// # Errors
    /// As [`Self::name`], and `*`.
    pub fn index(&mut self) -> Result<&'a [u8], Error> {
        match self.name("index")? {
            b"*" => Err(Error::Expected(
                "index",
                "a name: '*' stands for every index in MERGE and DELETE".to_string(),
            )),
            index => Ok(index),
        }
    }

    /// The name of an index, or `None` for `*`, which stands for every one.
    ///
    /// # Errors
    /// As [`Self::name`].
    pub fn index_or_all(&mut self) -> Result<Option<&'a [u8]>, Error> {
        let index = self.name("index")?;
        Ok((index != b"*").then_some(index))
    }

    /// The name of a scope, and the tag of its chunks.
    ///
    /// # Errors
    /// It is missing, too long, or cannot be a scope's.
    pub fn scope(&mut self) -> Result<&'a [u8], Error> {
        let scope = self.bytes("scope")?;
        check_length(self.call, "scope", scope)?;
        name::check(scope).map(|()| scope).map_err(NameError::into)
    }

    /// An integer in a range.
    ///
    /// # Errors
    /// It is missing, no integer, or out of the range: all say what it should be.
    pub fn number(&mut self, what: &'static str, range: RangeInclusive<u64>) -> Result<u64, Error> {
        let number = self.bytes(what).ok().and_then(read_number).filter(|number| range.contains(number));
        number.ok_or_else(|| {
            Error::Expected(what, format!("an integer between {} and {}", range.start(), range.end()))
        })
    }

    /// A moment, in seconds since the epoch.
    ///
    /// # Errors
    /// It is missing, no integer, or so large that it cannot be in seconds.
    pub fn timestamp(&mut self) -> Result<u64, Error> {
        self.number("TIMESTAMP", Definition::TIMESTAMP).map_err(|error| match error {
            Error::Expected(what, expected) => Error::Expected(what, expected + ", in seconds since 1970"),
            other => other,
        })
    }

    /// A number that `is` accepts.
    ///
    /// # Errors
    /// It is missing, no number, or not accepted; `expected` says what would be.
    pub fn float(&mut self, what: &'static str, expected: &str, is: fn(f64) -> bool) -> Result<f64, Error> {
        let text = self.bytes(what).ok().and_then(|text| std::str::from_utf8(text).ok());
        let number =
            text.and_then(|text| text.parse().ok()).filter(|number: &f64| number.is_finite() && is(*number));
        number.ok_or_else(|| Error::Expected(what, expected.to_string()))
    }

    /// `yes` or `no`.
    ///
    /// # Errors
    /// It is missing, or neither.
    pub fn yes_no(&mut self, what: &'static str) -> Result<bool, Error> {
        match self.bytes(what) {
            Ok(word) if word.eq_ignore_ascii_case(b"yes") => Ok(true),
            Ok(word) if word.eq_ignore_ascii_case(b"no") => Ok(false),
            _ => Err(Error::Expected(what, "yes or no".to_string())),
        }
    }

    /// The next argument as a word in upper case, which `known` lists; `None` at the end.
    ///
    /// # Errors
    /// It is another word.
    pub fn keyword(
        &mut self,
        known: &[&'static str],
        expected: &'static str,
    ) -> Result<Option<&'static str>, Error> {
        if self.left() == 0 {
            return Ok(None);
        }
        let word = self.bytes("option")?;
        // Most write it as it stands here.
        let as_it_is = known.iter().find(|known| word == known.as_bytes());
        let found =
            as_it_is.or_else(|| known.iter().find(|known| word.eq_ignore_ascii_case(known.as_bytes())));
        found.map(|known| Some(*known)).ok_or_else(|| Error::Unknown(escaped_excerpt(word), expected))
    }

    /// Holds that nothing is left.
    ///
    /// # Errors
    /// Something is.
    pub fn end(&mut self, expected: &'static str) -> Result<(), Error> {
        self.keyword(&[], expected).map(|_| ())
    }
}

/// Notes an option's value.
///
/// # Errors
/// It has one already.
pub fn set_once<T>(option: &mut Option<T>, name: &'static str, value: T) -> Result<(), Error> {
    match option.replace(value) {
        None => Ok(()),
        Some(_) => Err(Error::Twice(name)),
    }
}

/// Holds that a name or a bucket is not too long.
///
/// # Errors
/// It is.
pub fn check_length(call: &Call, what: &'static str, name: &[u8]) -> Result<(), Error> {
    let limit = if call.is_trusted_source() { MAX_NAME as u64 } else { config::MAX_NAME_BYTES.size() };
    if name.len() as u64 > limit {
        return Err(Error::Expected(what, format!("at most {limit} bytes long (simile.max-name)")));
    }
    Ok(())
}

/// A decimal without sign, space or leading zero.
fn read_number(text: &[u8]) -> Option<u64> {
    let plain = text == b"0" || !text.is_empty() && !text.starts_with(b"0");
    let mut digits = text.iter().map(|byte| Some(u64::from(byte.wrapping_sub(b'0'))).filter(|d| *d < 10));
    let number = digits.try_fold(0u64, |number, digit| number.checked_mul(10)?.checked_add(digit?));
    number.filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::read_number;

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
