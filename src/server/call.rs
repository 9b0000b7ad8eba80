//! A command as the server calls it: its arguments, its reply, and what follows from it.
//!
//! Arguments are borrowed from the server and replies are written straight to the client. The
//! crate's wrappers copy both, which doubles the cost of a RECORD.

use super::{api, guard};
use redis_module::raw;
use redis_module::raw::{RedisModuleCtx, RedisModuleString};
use smallvec::SmallVec;
use std::borrow::Cow;
use std::cell::Cell;
use std::ffi::{CStr, CString, c_char, c_int, c_long};
use std::fmt::Display;
use std::sync::atomic::{AtomicU64, Ordering};

/// A command being carried out.
pub struct Call<'a> {
    ctx: *mut RedisModuleCtx,
    argv: &'a [*mut RedisModuleString],
    flags: Cell<Option<u32>>,
    now: Cell<Option<u64>>,
    /// What it may still cost.
    left: Cell<u64>,
    /// The last double that was replied as text.
    shown: Cell<FormattedDouble>,
}

/// A double as text, as it is kept: the results of a query often have the same score as the one before.
#[derive(Clone, Copy, Default)]
struct FormattedDouble {
    bits: u64,
    text: [u8; 24],
    length: usize,
}

impl FormattedDouble {
    /// The shortest decimal that reads back as the same double.
    fn new(double: f64) -> FormattedDouble {
        let mut buffer = zmij::Buffer::new();
        let decimal = buffer.format(double);
        let decimal = decimal.strip_suffix(".0").unwrap_or(decimal);
        let mut shown =
            FormattedDouble { bits: double.to_bits(), length: decimal.len(), ..FormattedDouble::default() };
        shown.text[..decimal.len()].copy_from_slice(decimal.as_bytes());
        shown
    }
}

/// An argument of a command to replicate.
pub enum ReplicatedArg<'a> {
    /// The argument at this position of the command itself.
    Own(usize),
    /// Other bytes.
    Bytes(&'a [u8]),
}

/// Commands carried out since the module was loaded.
static CARRIED_OUT: AtomicU64 = AtomicU64::new(0);

/// How many commands were carried out since the module was loaded, those that ended in an error, and
/// those that came from a primary or an AOF, included.
pub fn carried_out() -> u64 {
    CARRIED_OUT.load(Ordering::Relaxed)
}

/// Carries a command out: what a command's entry in the server's table does. It `may_cost` so much, in
/// whatever unit the command counts.
///
/// # Safety
/// For the server alone, with what it hands to a command.
pub unsafe fn run<E: Display>(
    ctx: *mut RedisModuleCtx,
    argv: *mut *mut RedisModuleString,
    argc: c_int,
    may_cost: u64,
    command: fn(&Call) -> Result<(), E>,
) -> c_int {
    // Commands run one at a time, so that nothing can come between the load and the store.
    CARRIED_OUT.store(carried_out() + 1, Ordering::Relaxed);
    // SAFETY: the server passes `argc` valid strings, which live until the command returns.
    let argv = unsafe { std::slice::from_raw_parts(argv, usize::try_from(argc).unwrap_or(0)) };
    let call = Call {
        ctx,
        argv,
        flags: Cell::default(),
        now: Cell::default(),
        left: Cell::new(may_cost),
        shown: Cell::default(),
    };
    let internal = Cow::Borrowed("ERR internal error; the server's log says where");
    let error = guard::or(Some(internal), || command(&call).err().map(|error| error.to_string().into()));
    if let Some(error) = error {
        call.reply_error(&error);
    }
    raw::REDISMODULE_OK as c_int
}

/// The bytes of a server's string.
///
/// # Safety
/// The string must be valid for `'a`.
pub unsafe fn bytes_of<'a>(string: *const RedisModuleString) -> &'a [u8] {
    let mut length = 0;
    let start = api!(RedisModule_StringPtrLen(string, &raw mut length));
    if start.is_null() {
        return &[];
    }
    // SAFETY: the server gave a start and a length that belong together.
    unsafe { std::slice::from_raw_parts(start.cast(), length) }
}

impl<'a> Call<'a> {
    /// The context, for the rest of this floor.
    pub(super) fn ctx(&self) -> *mut RedisModuleCtx {
        self.ctx
    }

    /// How many arguments there are, the command's name included.
    pub fn argument_count(&self) -> usize {
        self.argv.len()
    }

    /// An argument; the command's name is the first. Empty past the end.
    pub fn argument(&self, at: usize) -> &'a [u8] {
        // SAFETY: the server's strings live as long as the command.
        self.argv.get(at).map_or(&[], |string| unsafe { bytes_of(*string) })
    }

    fn flags(&self) -> u32 {
        // Asked for once: some servers take 270 ns to answer.
        let flags = self.flags.get().unwrap_or_else(|| api!(RedisModule_GetContextFlags(self.ctx)) as u32);
        self.flags.set(Some(flags));
        flags
    }

    /// Whether the command comes from a primary or an AOF, and is to be obeyed.
    pub fn is_trusted_source(&self) -> bool {
        // A replica that loads a full synchronisation beside its old data goes on to serve clients.
        let is_file = (self.flags() & raw::REDISMODULE_CTX_FLAGS_LOADING != 0)
            && (self.flags() & raw::REDISMODULE_CTX_FLAGS_ASYNC_LOADING == 0);
        is_file || self.flags() & raw::REDISMODULE_CTX_FLAGS_REPLICATED != 0
    }

    /// Whether a script sent the command.
    pub(super) fn is_in_script(&self) -> bool {
        self.flags() & raw::REDISMODULE_CTX_FLAGS_LUA != 0
    }

    /// Whether the server is a node of a cluster.
    pub fn is_in_cluster(&self) -> bool {
        self.flags() & raw::REDISMODULE_CTX_FLAGS_CLUSTER != 0
    }

    /// The command's key, which is its first argument.
    pub fn key(&self) -> &'a [u8] {
        self.argument(1)
    }

    /// Whether this node of a cluster serves a key beside the command's own. It does not while the
    /// slot of both is on its way to another node and the key is not here.
    pub fn serves(&self, other: &[u8]) -> bool {
        let (own, other) = (self.string(self.key()), self.string(other));
        // E: an error is a reply, not a failure.
        let reply = api!(RedisModule_Call(self.ctx, c"EXISTS".as_ptr(), c"Ess".as_ptr(), own, other));
        let served = !reply.is_null()
            && api!(RedisModule_CallReplyType(reply)) != raw::REDISMODULE_REPLY_ERROR as c_int;
        if !reply.is_null() {
            api!(RedisModule_FreeCallReply(reply));
        }
        [own, other].into_iter().for_each(|string| self.free_string(string));
        served
    }

    fn is_resp3(&self) -> bool {
        self.flags() & raw::REDISMODULE_CTX_FLAGS_RESP3 != 0
    }

    /// The server's clock in milliseconds since the epoch, the same for the whole command.
    pub fn now(&self) -> u64 {
        let now = self.now.get().unwrap_or_else(|| api!(RedisModule_Milliseconds()).max(0) as u64);
        self.now.set(Some(now));
        now
    }

    /// Takes from what the command may cost; whether there is so much left. Those that are obeyed
    /// may cost what they will.
    pub fn spend(&self, cost: u64) -> bool {
        match self.left.get().checked_sub(cost) {
            Some(left) => {
                self.left.set(left);
                true
            }
            None => self.is_trusted_source(),
        }
    }

    /// What the command may still cost.
    pub fn left(&self) -> u64 {
        self.left.get()
    }

    /// A random number from the server.
    pub fn random(&self) -> u64 {
        let mut bytes = [0; 8];
        api!(RedisModule_GetRandomBytes(bytes.as_mut_ptr(), bytes.len()));
        u64::from_le_bytes(bytes)
    }

    // What follows from a change.

    /// Replicates the command as it came, to replicas and the AOF.
    pub fn replicate_verbatim(&self) {
        api!(RedisModule_ReplicateVerbatim(self.ctx));
    }

    /// Replicates a command with other arguments than it came with.
    pub fn replicate(&self, command: &CStr, arguments: &[ReplicatedArg]) {
        let mut made: SmallVec<[*mut RedisModuleString; 16]> = SmallVec::new();
        let strings: SmallVec<[*mut RedisModuleString; 64]> = arguments
            .iter()
            .filter_map(|argument| match argument {
                ReplicatedArg::Own(at) => self.argv.get(*at).copied(),
                ReplicatedArg::Bytes(bytes) => {
                    made.push(self.string(bytes));
                    made.last().copied()
                }
            })
            .collect();
        api!(RedisModule_Replicate(
            self.ctx,
            command.as_ptr(),
            c"v".as_ptr(),
            strings.as_ptr(),
            strings.len()
        ));
        made.into_iter().for_each(|string| self.free_string(string));
    }

    /// Tells those who watch or cache the command's key, and those who listen to its events, that it
    /// changed.
    pub fn notify_changed(&self, event: &CStr) {
        let Some(key) = self.argv.get(1).copied() else { return };
        api!(RedisModule_SignalModifiedKey(self.ctx, key));
        api!(RedisModule_NotifyKeyspaceEvent(self.ctx, raw::REDISMODULE_NOTIFY_MODULE, event.as_ptr(), key));
    }

    /// The command's own argument that these bytes were borrowed from, if it is its key.
    pub(super) fn own_key(&self, name: &[u8]) -> Option<*mut RedisModuleString> {
        std::ptr::eq(name, self.key()).then(|| self.argv.get(1).copied()).flatten()
    }

    pub(super) fn string(&self, bytes: &[u8]) -> *mut RedisModuleString {
        api!(RedisModule_CreateString(self.ctx, bytes.as_ptr().cast(), bytes.len()))
    }

    pub(super) fn free_string(&self, string: *mut RedisModuleString) {
        api!(RedisModule_FreeString(self.ctx, string));
    }

    // The reply. Each command writes exactly one, after everything else is done.

    /// `OK`.
    pub fn reply_ok(&self) {
        api!(RedisModule_ReplyWithSimpleString(self.ctx, c"OK".as_ptr()));
    }

    /// An integer.
    pub fn reply_integer(&self, integer: u64) {
        api!(RedisModule_ReplyWithLongLong(self.ctx, i64::try_from(integer).unwrap_or(i64::MAX)));
    }

    /// Bytes.
    pub fn reply_bytes(&self, bytes: &[u8]) {
        let start: *const c_char = bytes.as_ptr().cast();
        api!(RedisModule_ReplyWithStringBuffer(self.ctx, start, bytes.len()));
    }

    /// A double in RESP3; in RESP2 the shortest decimal that reads back as the same double.
    pub fn reply_double(&self, double: f64) {
        if self.is_resp3() {
            api!(RedisModule_ReplyWithDouble(self.ctx, double));
        } else {
            let last = self.shown.get();
            let is_same = last.length > 0 && last.bits == double.to_bits();
            let shown = if is_same { last } else { FormattedDouble::new(double) };
            self.reply_bytes(&shown.text[..shown.length]);
            self.shown.set(shown);
        }
    }

    /// Nothing.
    pub fn reply_null(&self) {
        api!(RedisModule_ReplyWithNull(self.ctx));
    }

    /// The head of an array of so many elements, which follow.
    pub fn reply_array(&self, elements: usize) {
        api!(RedisModule_ReplyWithArray(self.ctx, elements as c_long));
    }

    /// The head of a map of so many pairs, which follow; in RESP2 an array of twice as many.
    pub fn reply_map(&self, pairs: usize) {
        api!(RedisModule_ReplyWithMap(self.ctx, pairs as c_long));
    }

    /// An error, with its code first. Bytes that the protocol could not carry are escaped.
    fn reply_error(&self, error: &str) {
        let printable = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
        let text: String = error.chars().map(printable).collect();
        let text = CString::new(text).unwrap_or_default();
        api!(RedisModule_ReplyWithError(self.ctx, text.as_ptr()));
    }
}
