//! Telling replicas, the AOF and clients that watch a key about a command.
//!
//! The module replicates effects, which are the same on every server. A command is passed on as it came
//! only if it leaves nothing to the server that carries it out. Otherwise a command takes its place in
//! which each default, the moment and each bucket is written out.
//!
//! Two shortcuts would be wrong. A replica replicates, too: its own AOF and its replicas get only what
//! the module sends from there. And nothing is left out while no replica is connected: one that comes
//! back by a partial synchronisation reads what was sent while it was away.

use super::api;
use super::call::Call;
use super::string::ServerString;
use redis_module::raw::{self, RedisModuleString};
use smallvec::SmallVec;
use std::ffi::CStr;

/// An argument of a command to replicate.
pub enum ReplicatedArg<'a> {
    /// The argument at this position of the command that runs, without a copy.
    ///
    /// A position past the end adds nothing.
    Argument(usize),
    /// Other bytes.
    Bytes(&'a [u8]),
}

impl Call<'_> {
    /// Replicates the command as it came: for a command that gives everything that decides its effect.
    pub fn replicate_verbatim(&self) {
        // SAFETY: the context is the command's.
        unsafe { api!(RedisModule_ReplicateVerbatim(self.ctx())) };
    }

    /// Replicates a command other than the one that came. Several calls send several, in this order.
    pub fn replicate(&self, command: &CStr, arguments: &[ReplicatedArg]) {
        // Collect the server's strings. Arguments of this command are strings of the server already; bytes
        // become strings here, which `made` keeps alive until the server has taken all of them.
        let mut made: SmallVec<[ServerString; 16]> = SmallVec::new();
        let strings: SmallVec<[*mut RedisModuleString; 64]> = arguments
            .iter()
            .filter_map(|argument| match argument {
                ReplicatedArg::Argument(at) => self.argument_string(*at),
                ReplicatedArg::Bytes(bytes) => {
                    made.push(ServerString::new(bytes));
                    made.last().map(ServerString::as_ptr)
                }
            })
            .collect();
        // Send them. The server passes the command on to replicas and the AOF when this one ends.
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

    /// Tells clients that the command's key has changed: those that WATCH it or cache it, and those that
    /// subscribe to the event.
    pub fn notify_changed(&self, event: &CStr) {
        let Some(key) = self.argument_string(1) else { return };
        // Needed because scopes are changed through keys that are open to read: closing such a key signals
        // nothing.
        // SAFETY: the context is the command's, the key is one of its arguments, and the event is a C string.
        unsafe {
            // For WATCH and client-side caching.
            api!(RedisModule_SignalModifiedKey(self.ctx(), key));
            // For subscribers, if the server is set to notify of modules' events.
            api!(RedisModule_NotifyKeyspaceEvent(
                self.ctx(),
                raw::REDISMODULE_NOTIFY_MODULE,
                event.as_ptr(),
                key,
            ));
        }
    }
}
