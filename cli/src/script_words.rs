//! The words of a record, as `record_batch.lua` takes them.

use crate::Result;
use crate::scope::Scope;
use crate::source::{Clause, Observation};
use redis::{Value, cmd};

/// Lua passes at most 8,000 arguments on to a command.
const MAX_SCRIPT_WORDS: usize = 7_000;

/// The arguments of SIM.RECORD or SIM.ASSIGN after the scope: the item, these options, the time and the clauses, the
/// observation's own and then these.
///
/// Thousands of features are more than a script can pass on: they are sent as their signature, which the server makes
/// first. If it refuses to, its error is the only word.
pub fn script_words(
    scope: &mut Scope,
    part: usize,
    observation: &Observation,
    options: Vec<Vec<u8>>,
    additional: Vec<Vec<Vec<u8>>>,
) -> Result<Vec<Vec<u8>>> {
    let mut clauses: Vec<_> = observation.clauses.iter().map(Clause::to_words).collect();
    let has_many_words = clauses.iter().map(Vec::len).sum::<usize>() > MAX_SCRIPT_WORDS;
    for (clause, words) in observation.clauses.iter().zip(&mut clauses).filter(|_| has_many_words) {
        let Clause::Features { index, features } = clause else { continue };
        let mut sign = cmd("SIM.SIGNATURE");
        sign.arg(&scope.parts[part]).arg("FEATURES").arg(features.len()).arg(features);
        let reply = scope.server.pipeline(&[sign.arg("WITHSKETCH").clone()])?.pop();
        if let Some(Value::ServerError(error)) = &reply
            && error.code() == "ERR"
        {
            return Ok(vec![scope.server.describe_error(&error.clone().into()).into_bytes()]);
        }
        let (buckets, sketch): (Vec<Vec<u8>>, Vec<u8>) =
            scope.server.parse_reply(reply.unwrap_or(Value::Nil))?;
        let count = buckets.len().to_string();
        *words = [b"SIGNATURE", index.as_bytes(), count.as_bytes()].map(Vec::from).into();
        words.extend(buckets);
        if !sketch.is_empty() {
            words.extend([b"SKETCH".to_vec(), index.clone().into_bytes(), sketch]);
        }
    }
    let mut words = observation.to_words(clauses.into_iter().chain(additional));
    words.splice(1..1, options);
    Ok(words)
}
