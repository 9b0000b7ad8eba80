//! Blobs of SIM.EXPORT as arguments: IMPORT and the PROFILE clause read them, and check that they fit
//! the scope.

use super::cost;
use crate::command::error::Error;
use crate::command::parse::args::{Args, check_length};
use crate::index::{Blob, Definition};
use crate::server::call::Call;

/// Takes a blob, and decodes all of it. `times` is how many times the command goes through its buckets.
pub fn take<'a>(call: &Call, args: &mut Args<'a>, times: usize) -> Result<Blob<'a>, Error> {
    let bytes = args.bytes("blob")?;
    cost::charge_blob(call, times * bytes.len())?;
    let blob = Blob::decode(bytes)?;
    check_length(call, "each bucket of blob", blob.longest_bucket())?;
    Ok(blob)
}

/// The parameters that do not change a bucket, nor the place of a chunk in time.
const INDEPENDENT: [&str; 3] = ["RETENTION", "SKETCH", "SCORE"];

/// Checks that a blob comes from a scope with the same definition: under another one, its buckets would
/// mean something else. [`INDEPENDENT`] parameters, and those in `may_differ`, are not compared. The error names
/// the first parameter that differs, with both values.
///
/// A sketch of another length than the scope's is left out where the blob is used.
pub fn check_definition(blob: &Blob, scope: &Definition, may_differ: &[&str]) -> Result<(), Error> {
    match blob.definition.difference(scope, &[&INDEPENDENT, may_differ].concat()) {
        Some((parameter, blob, scope)) => Err(Error::OtherDefinition { parameter, blob, scope }),
        None => Ok(()),
    }
}
