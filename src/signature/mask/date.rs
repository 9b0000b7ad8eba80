//! Dates with an English name of the month, as people and `ctime` write them.
//!
//! ```text
//! date  = [weekday [","] " "] (month " " day | day separator month) {separator (year | time)}
//! year  = four digits
//! time  = one or two digits ":" two digits [":" two digits [("." | ",") digits]]
//! ```
//!
//! There is at most one year and one time. A month and a day without weekday, year and time are not a
//! date, because `may 3` may be part of a sentence.

use std::ops::RangeInclusive;

use super::{is_word_byte, prefix_length};

const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// The length of the date that `text` begins with, if it does. A word begins there.
pub(super) fn length(text: &[u8]) -> Option<usize> {
    let after_weekday = after_name(text, &WEEKDAYS).and_then(|rest| after_any(rest, &[", ", " "]));
    let date = after_weekday.unwrap_or(text);
    let mut rest = after_month_and_day(date).or_else(|| after_day_and_month(date))?;

    let (mut has_year, mut has_time) = (false, false);
    while let Some(next) = after_any(rest, &[", ", " ", "-", "/", ":"]) {
        if let Some(after) = after_time(next).filter(|_| !has_time) {
            (rest, has_time) = (after, true);
        } else if let Some(after) = after_number(next, 4..=4).filter(|_| !has_year) {
            (rest, has_year) = (after, true);
        } else {
            break;
        }
    }
    let is_complete = after_weekday.is_some() || has_year || has_time;
    (is_complete && !rest.first().is_some_and(is_word_byte)).then_some(text.len() - rest.len())
}

fn after_month_and_day(text: &[u8]) -> Option<&[u8]> {
    let rest = after_any(after_name(text, &MONTHS)?, &[" "])?;
    after_number(rest, 1..=2)
}

fn after_day_and_month(text: &[u8]) -> Option<&[u8]> {
    let rest = after_any(after_number(text, 1..=2)?, &[" ", "-", "/"])?;
    after_name(rest, &MONTHS)
}

fn after_time(text: &[u8]) -> Option<&[u8]> {
    let after_two_digits = |text| after_any(text, &[":"]).and_then(|rest| after_number(rest, 2..=2));
    let minutes = after_two_digits(after_number(text, 1..=2)?)?;
    let Some(seconds) = after_two_digits(minutes) else { return Some(minutes) };
    let fraction = after_any(seconds, &[".", ","]).and_then(|rest| after_number(rest, 1..=9));
    Some(fraction.unwrap_or(seconds))
}

/// What is behind one of these names, in full or its first three letters, in upper or lower case.
fn after_name<'a>(text: &'a [u8], names: &[&str]) -> Option<&'a [u8]> {
    let (word, rest) = text.split_at(prefix_length(text, u8::is_ascii_alphabetic));
    let begin = word.get(..3)?;
    let is_name = |name: &&str| {
        let name = name.as_bytes();
        begin.eq_ignore_ascii_case(&name[..3]) && (word.len() == 3 || word.eq_ignore_ascii_case(name))
    };
    names.iter().any(is_name).then_some(rest)
}

/// What is behind a number of this many digits.
fn after_number(text: &[u8], digits: RangeInclusive<usize>) -> Option<&[u8]> {
    let length = prefix_length(text, u8::is_ascii_digit);
    digits.contains(&length).then(|| &text[length..])
}

fn after_any<'a>(text: &'a [u8], separators: &[&str]) -> Option<&'a [u8]> {
    separators.iter().find_map(|separator| text.strip_prefix(separator.as_bytes()))
}
