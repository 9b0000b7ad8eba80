//! A command as the server calls it: its arguments, where it comes from, its clock and its budget.
//!
//! Arguments are borrowed from the server, and replies ([`super::reply`]) are written straight to the
//! client. The crate's wrappers copy both, which doubles the cost of a RECORD. Questions about a command
//! (flags, clock) go to the server once, when the answer is first needed.

use super::formatted_double::FormattedDouble;
use super::open_keys::OpenKeys;
use super::string::{ServerString, bytes_of};
use super::subcall::SubcallReply;
use super::{api, guard};
use redis_module::raw;
use redis_module::raw::{RedisModuleCtx, RedisModuleString};
use std::borrow::Cow;
use std::cell::Cell;
use std::ffi::c_int;
use std::fmt::Display;
use std::sync::atomic::{AtomicU64, Ordering};

pub use super::replicate::ReplicatedArg;

/// A command being carried out.
///
/// Only [`run`] makes one, from the context and the arguments that the server passes to a command: they are
/// valid for as long as the call. (And [`in_callback`], for work that the server calls the module for.) That is the meaning of "the context is the command's" in the comments of
/// this folder.
pub struct Call<'a> {
    ctx: *mut RedisModuleCtx,
    argv: &'a [*mut RedisModuleString],
    /// The flags of the context, once the server was asked.
    flags: Cell<Option<u32>>,
    /// Milliseconds since the epoch, once the clock was read.
    now: Cell<Option<u64>>,
    /// The part of the budget that is left, in the command's own unit.
    budget: Cell<u64>,
    /// The last double that was replied as text.
    pub(super) last_double: Cell<FormattedDouble>,
    /// The keys that it has open; empty in release builds.
    pub(super) open_keys: OpenKeys,
}

/// Commands carried out since the module was loaded.
static COMMAND_COUNT: AtomicU64 = AtomicU64::new(0);

/// The number of commands carried out since the module was loaded, with those that ended in an error
/// and those that came from a primary or an AOF.
pub fn command_count() -> u64 {
    COMMAND_COUNT.load(Ordering::Relaxed)
}

/// Carries a command out: the C function of every command calls this. `budget` is the most that the command
/// may cost, in the command's own unit.
///
/// # Safety
/// - The server calls it, in its main thread.
/// - The arguments are the context, the command's arguments and their number, as the server passes them.
pub unsafe fn run<E: Display>(
    ctx: *mut RedisModuleCtx,
    argv: *mut *mut RedisModuleString,
    argc: c_int,
    budget: u64,
    command: fn(&Call) -> Result<(), E>,
) -> c_int {
    // Commands run one at a time, so that nothing can come between the load and the store.
    COMMAND_COUNT.store(command_count() + 1, Ordering::Relaxed);
    // SAFETY: the server passes `argc` valid strings, which live until the command returns.
    let argv = unsafe { std::slice::from_raw_parts(argv, usize::try_from(argc).unwrap_or(0)) };
    let call = Call {
        ctx,
        argv,
        flags: Cell::default(),
        now: Cell::default(),
        budget: Cell::new(budget),
        last_double: Cell::default(),
        open_keys: OpenKeys::default(),
    };
    let internal = Cow::Borrowed("ERR internal error; the server's log says where");
    let error: Option<Cow<str>> =
        guard::catch_panic(Some(internal), || command(&call).err().map(|error| error.to_string().into()));
    if let Some(error) = error {
        call.reply_error(&error);
    }
    raw::REDISMODULE_OK as c_int
}

/// Does work in a callback of the server, which has no arguments and no limit.
///
/// # Safety
/// - The server calls it, in its main thread.
/// - The context is that of the callback.
pub unsafe fn in_callback(ctx: *mut RedisModuleCtx, work: impl FnOnce(&Call)) {
    work(&Call {
        ctx,
        argv: &[],
        flags: Cell::default(),
        now: Cell::default(),
        budget: Cell::new(u64::MAX),
        last_double: Cell::default(),
        open_keys: OpenKeys::default(),
    });
}

/// The arguments.
impl<'a> Call<'a> {
    /// The number of arguments, with the command's name.
    pub fn argument_count(&self) -> usize {
        self.argv.len()
    }

    /// An argument; the command's name is the first. Empty past the end.
    pub fn argument(&self, at: usize) -> &'a [u8] {
        // SAFETY: the arguments are valid as long as the command.
        self.argument_string(at).map_or(&[], |string| unsafe { bytes_of(string) })
    }

    /// The command's key, which is its first argument.
    pub fn key(&self) -> &'a [u8] {
        self.argument(1)
    }

    /// An argument as the server's string, which is valid as long as the call.
    pub(super) fn argument_string(&self, at: usize) -> Option<*mut RedisModuleString> {
        self.argv.get(at).copied()
    }

    /// The server's string of the command's key, if `name` was borrowed from it (the same address, not only
    /// the same bytes). Opening the key by this string saves making one.
    pub(super) fn borrowed_key_string(&self, name: &[u8]) -> Option<*mut RedisModuleString> {
        if std::ptr::eq(name, self.key()) { self.argument_string(1) } else { None }
    }
}

/// The source of the command.
impl Call<'_> {
    /// The context, for the rest of this floor. It is valid as long as the call.
    pub(super) fn ctx(&self) -> *mut RedisModuleCtx {
        self.ctx
    }

    fn has_flag(&self, flag: u32) -> bool {
        // Asked for once: some servers take 270 ns to answer.
        // SAFETY: the context is the command's.
        let ask = || unsafe { api!(RedisModule_GetContextFlags(self.ctx)) } as u32;
        let flags = self.flags.get().unwrap_or_else(ask);
        self.flags.set(Some(flags));
        flags & flag != 0
    }

    /// True if the command comes from a primary or an AOF. Such a command was checked when a client sent it,
    /// so the limits for clients do not apply, and it decides the same here as it did there.
    pub fn is_trusted_source(&self) -> bool {
        // While a replica loads a full synchronisation beside its old data (async loading), it still serves
        // clients, so that flag says nothing about where a command comes from.
        let is_file = self.has_flag(raw::REDISMODULE_CTX_FLAGS_LOADING)
            && !self.has_flag(raw::REDISMODULE_CTX_FLAGS_ASYNC_LOADING);
        is_file || self.has_flag(raw::REDISMODULE_CTX_FLAGS_REPLICATED)
    }

    /// True if a script sent the command.
    pub(super) fn is_in_script(&self) -> bool {
        self.has_flag(raw::REDISMODULE_CTX_FLAGS_LUA)
    }

    /// True if the server is a node of a cluster.
    pub fn is_in_cluster(&self) -> bool {
        self.has_flag(raw::REDISMODULE_CTX_FLAGS_CLUSTER)
    }

    /// True if the server is nobody's replica, and does not load its data.
    pub fn is_on_primary(&self) -> bool {
        self.has_flag(raw::REDISMODULE_CTX_FLAGS_MASTER) && !self.has_flag(raw::REDISMODULE_CTX_FLAGS_LOADING)
    }

    /// True if the client speaks RESP3.
    pub(super) fn is_resp3(&self) -> bool {
        self.has_flag(raw::REDISMODULE_CTX_FLAGS_RESP3)
    }
}

/// Questions to the server.
impl Call<'_> {
    /// Asks the server if this node of a cluster serves a key of the same slot as the command's own key. It
    /// does not if the slot is being moved and the key is not on this node.
    ///
    /// This costs about a microsecond, so it is only for a key that is missing and should not be.
    pub fn serves(&self, other: &[u8]) -> bool {
        // Both keys in one EXISTS. Asked for the missing key only, a node that imports the slot would just
        // answer 0; a command of several keys it answers with TRYAGAIN.
        let (own, other) = (ServerString::new(self.key()), ServerString::new(other));
        // SAFETY: the context is the command's. The arguments are what the format says: two strings
        // (s), which live until the end of this function. E asks for an error as a reply, not as a
        // failure. Nobody else frees the reply.
        let reply = unsafe {
            SubcallReply::from_raw(api!(RedisModule_Call(
                self.ctx,
                c"EXISTS".as_ptr(),
                c"Ess".as_ptr(),
                own.as_ptr(),
                other.as_ptr(),
            )))
        };
        reply.is_some_and(|reply| !reply.value().is_error())
    }

    /// The number of the database.
    pub fn database(&self) -> i32 {
        // SAFETY: the context is the command's.
        unsafe { api!(RedisModule_GetSelectedDb(self.ctx)) }
    }

    /// Changes to another database.
    pub fn select(&self, database: i32) {
        // SAFETY: the context is the command's.
        unsafe { api!(RedisModule_SelectDb(self.ctx, database)) };
    }

    /// The server's clock in milliseconds since the epoch, read once and the same for the whole command.
    pub fn now_ms(&self) -> u64 {
        // SAFETY: the function takes nothing.
        let read = || unsafe { api!(RedisModule_Milliseconds()) }.max(0) as u64;
        let now = self.now.get().unwrap_or_else(read);
        self.now.set(Some(now));
        now
    }

    /// The same clock in seconds since the epoch, the unit of timestamps.
    pub fn now_seconds(&self) -> u64 {
        self.now_ms() / 1_000
    }

    /// A random number from the server.
    pub fn random(&self) -> u64 {
        let mut bytes = [0; 8];
        // SAFETY: start and length are those of an array to write to.
        unsafe { api!(RedisModule_GetRandomBytes(bytes.as_mut_ptr(), bytes.len())) };
        u64::from_le_bytes(bytes)
    }
}

/// The budget.
impl Call<'_> {
    /// Deducts `cost` from the command's budget. Returns false if there is not that much left. Commands
    /// from a primary or an AOF are never limited.
    pub fn spend(&self, cost: u64) -> bool {
        match self.budget.get().checked_sub(cost) {
            Some(left) => {
                self.budget.set(left);
                true
            }
            None => self.is_trusted_source(),
        }
    }

    /// The cost that is left to the command.
    pub fn budget_left(&self) -> u64 {
        self.budget.get()
    }
}
