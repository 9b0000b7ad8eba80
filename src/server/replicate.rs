//! Telling replicas, the AOF and those who watch a key about a command.
//!
//! The module replicates effects that are the same everywhere: a command as it came only if it says
//! everything by itself, and otherwise one in which each default, the moment and each bucket is
//! written out. It replicates on a replica, too, since a replica's own AOF and its replicas hold only what
//! the module says there; and it never leaves it out because nobody seems to listen, since a
//! replica that is away for a moment comes back by a partial synchronisation.

use super::api;
use super::call::Call;
use super::string::ServerString;
use redis_module::raw::{self, RedisModuleString};
use smallvec::SmallVec;
use std::ffi::CStr;

/// An argument of a command to replicate.
pub enum ReplicatedArg<'a> {
    /// The argument at this position of the command itself, which is not copied.
    Own(usize),
    /// Other bytes.
    Bytes(&'a [u8]),
}

impl Call<'_> {
    /// Replicates the command as it came.
    pub fn replicate_verbatim(&self) {
        // SAFETY: the context is the command's.
        unsafe { api!(RedisModule_ReplicateVerbatim(self.ctx())) };
    }

    /// Replicates a command that is not the one that came.
    pub fn replicate(&self, command: &CStr, arguments: &[ReplicatedArg]) {
        // The strings that are made here live until the server has copied all of them.
        let mut made: SmallVec<[ServerString; 16]> = SmallVec::new();
        let strings: SmallVec<[*mut RedisModuleString; 64]> = arguments
            .iter()
            .filter_map(|argument| match argument {
                ReplicatedArg::Own(at) => self.argument_string(*at),
                ReplicatedArg::Bytes(bytes) => {
                    made.push(ServerString::new(bytes));
                    made.last().map(ServerString::as_ptr)
                }
            })
            .collect();
        // SAFETY: the context is the command's. The arguments are what the format says: an array of valid
        // strings with its length (v); they are arguments of the command, or live in `made`.
        unsafe {
            api!(RedisModule_Replicate(
                self.ctx(),
                command.as_ptr(),
                c"v".as_ptr(),
                strings.as_ptr(),
                strings.len(),
            ));
        }
    }

    /// Tells those who watch or cache the command's key, and those who listen to its events, that it has
    /// changed.
    pub fn notify_changed(&self, event: &CStr) {
        let Some(key) = self.argument_string(1) else { return };
        // SAFETY: the context is the command's, the key is one of its arguments, and the event is a C string.
        unsafe {
            api!(RedisModule_SignalModifiedKey(self.ctx(), key));
            api!(RedisModule_NotifyKeyspaceEvent(
                self.ctx(),
                raw::REDISMODULE_NOTIFY_MODULE,
                event.as_ptr(),
                key,
            ));
        }
    }
}
