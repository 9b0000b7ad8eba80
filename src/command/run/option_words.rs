//! Options where pairs of an index and an item are expected.
//!
//! EXPORT, MERGE and DELETE take no options, so `SIM.EXPORT s i a TIMESTAMP 1` asks for item 1 of an index TIMESTAMP. That
//! is hardly ever meant; the answer would be nil, as if `a` had nothing at that time. So the options that say which
//! observations or items are meant are refused; others, such as LIMIT, nobody expects here.

use crate::command::error::Error;
use crate::keyspace::scope::Scope;
use crate::server::call::Call;

/// The options of other commands that choose observations or items.
const OPTIONS: [&str; 4] = ["TIMESTAMP", "WINDOW", "COUNT", "MATCH"];

/// Checks that an index is not called like an option, unless the scope has it. `scope` is `None` if it is missing.
///
/// # Errors
/// It is an option. What a primary or an AOF sends is obeyed.
pub fn check(call: &Call, scope: Option<&Scope>, index: &[u8]) -> Result<(), Error> {
    let is_option = |word: &&&str| index.eq_ignore_ascii_case(word.as_bytes());
    let Some(word) = OPTIONS.iter().find(is_option) else { return Ok(()) };
    let is_known = scope.is_some_and(|scope| scope.indexes().any(|known| known == index));
    if is_known || call.is_trusted_source() { Ok(()) } else { Err(Error::OptionAsIndex(word)) }
}
