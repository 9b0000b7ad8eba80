//! Replicates the creation of a scope.
//!
//! Replicas and the AOF receive a SIM.CREATE with every parameter, because their settings may differ, and
//! with the uid and the tag, because these are parts of the chunks' names.

use crate::keyspace::name;
use crate::keyspace::scope::Scope;
use crate::server::call::{Call, ReplicatedArg};

/// Replicates a SIM.CREATE with all parameters.
pub fn replicate(call: &Call, name: &[u8], scope: &Scope) {
    let mut words: Vec<Vec<u8>> = vec![name.to_vec()];
    for (parameter, value) in scope.definition.parameters() {
        words.push(parameter.into());
        // The value of SHINGLE has two words, which are two arguments.
        words.extend(value.split(' ').map(Vec::from));
    }
    words.extend([b"UID".to_vec(), name::hex(scope.uid).to_vec(), b"TAG".to_vec(), scope.tag().to_vec()]);
    let words: Vec<ReplicatedArg> = words.iter().map(|word| ReplicatedArg::Bytes(word)).collect();
    call.replicate(c"SIM.CREATE", &words);
}
