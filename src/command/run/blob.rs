//! What IMPORT and the PROFILE clause share: a blob as an argument, and whether it suits a scope.

use super::cost;
use crate::command::error::Error;
use crate::command::parse::args::{Args, check_length};
use crate::index::{Blob, Definition};
use crate::server::call::Call;

/// Takes a blob, and reads it whole.
///
/// # Errors
/// It is missing, not a blob, damaged, or has a bucket that is too long.
pub fn take<'a>(call: &Call, args: &mut Args<'a>) -> Result<Blob<'a>, Error> {
    let bytes = args.bytes("blob")?;
    cost::blob(call, bytes.len())?;
    let blob = Blob::decode(bytes)?;
    check_length(call, "each bucket of blob", blob.longest_bucket())?;
    Ok(blob)
}

/// Holds that a blob was made under a scope's definition, but for the parameters that may differ.
///
/// # Errors
/// The first parameter that differs, with both values.
pub fn check_definition(blob: &Blob, scope: &Definition, may_differ: &[&str]) -> Result<(), Error> {
    match blob.definition.difference(scope, may_differ) {
        Some((parameter, blob, scope)) => Err(Error::OtherDefinition { parameter, blob, scope }),
        None => Ok(()),
    }
}
