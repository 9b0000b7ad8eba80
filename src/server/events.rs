//! What happens in the server outside the module's commands: keys that are deleted, snapshots, and work that is put
//! off to a timer.
//!
//! *A trap:* Valkey 8.1 and 9.0 run the callback for an event of a key on the client whose command caused the event. They
//! select the key's database for that, and leave it selected. The event of a COPY or MOVE, or of a key of another database
//! that is evicted meanwhile, then moves the client to that database: its next writes go there (mended in Valkey by its
//! pull request 4024). A module cannot know which database the client had. So on these versions it hears of no keys.

use super::call::{self, Call};
use super::string::bytes_of;
use super::{api, guard, log};
use redis_module::Context;
use redis_module::raw::{
    self, RedisModuleCtx, RedisModuleEvent, RedisModuleServerInfoData, RedisModuleString,
};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// The functions of the module that events call.
#[derive(Debug, Clone, Copy)]
pub struct Handlers {
    /// A key of any type was deleted by a client (true), or has expired, was evicted, or anything else has happened to
    /// it that a module hears of (false).
    pub key_event: fn(&Call, &[u8], bool),
    /// The timer that [`schedule`] has set.
    pub timer: fn(&Call),
}

static HANDLERS: OnceLock<Handlers> = OnceLock::new();

/// True while the server writes a snapshot in its main thread.
static IS_SAVING: AtomicBool = AtomicBool::new(false);

/// The first version of Valkey that leaves a client in the database of an event's key.
const VALKEY_LEAVES_DATABASE: [u64; 3] = [8, 1, 0];
/// The first version that was seen to select the client's own database again.
const VALKEY_RESTORES_DATABASE: [u64; 3] = [9, 1, 2];

/// True if the server may be asked for the events of keys.
fn can_hear_of_keys() -> bool {
    let version = valkey_version();
    version.is_none_or(|version| version < VALKEY_LEAVES_DATABASE || version >= VALKEY_RESTORES_DATABASE)
}

/// The version of the server; `None` if it is not a Valkey.
fn valkey_version() -> Option<[u64; 3]> {
    let version = with_server_info(c"server", |info| {
        // SAFETY: the information is valid, and so is the text in it, which is copied.
        unsafe {
            let version = api!(RedisModule_ServerInfoGetFieldC(info, c"valkey_version".as_ptr()));
            (!version.is_null()).then(|| CStr::from_ptr(version).to_string_lossy().into_owned())
        }
    })?;
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or_default());
    Some([(); 3].map(|()| numbers.next().unwrap_or_default()))
}

/// Reads a section of INFO, which takes some 20 microseconds.
fn with_server_info<T>(section: &CStr, read: impl FnOnce(*mut RedisModuleServerInfoData) -> T) -> T {
    // SAFETY: the functions take null for no context. The information is freed here and nowhere else.
    unsafe {
        let info = api!(RedisModule_GetServerInfo(std::ptr::null_mut(), section.as_ptr()));
        let result = read(info);
        api!(RedisModule_FreeServerInfo(std::ptr::null_mut(), info));
        result
    }
}

/// Has the server call the handlers.
///
/// # Errors
/// The server refused it.
pub fn subscribe(ctx: &Context, handlers: Handlers) -> Result<(), String> {
    HANDLERS.get_or_init(|| handlers);
    let hears_of_keys = can_hear_of_keys();
    if !hears_of_keys {
        let notice = "simile: this version of Valkey would leave clients in another database after an event of a key, so the module \
                      hears of none: DEL of a scope leaves its chunks to SIM.SWEEP or their expiry";
        log::warning(ctx, notice);
    }
    let types =
        raw::REDISMODULE_NOTIFY_GENERIC | raw::REDISMODULE_NOTIFY_EXPIRED | raw::REDISMODULE_NOTIFY_EVICTED;
    let persistence = RedisModuleEvent { id: raw::REDISMODULE_EVENT_PERSISTENCE, dataver: 1 };
    // SAFETY: the crate's context is that of loading the module, and the callbacks are of the kinds that the functions
    // take.
    let results = unsafe {
        [
            if hears_of_keys {
                api!(RedisModule_SubscribeToKeyspaceEvents(ctx.ctx, types, Some(on_key_event)))
            } else {
                raw::REDISMODULE_OK as c_int
            },
            api!(RedisModule_SubscribeToServerEvent(ctx.ctx, persistence, Some(on_persistence))),
        ]
    };
    if results.iter().all(|result| *result == raw::REDISMODULE_OK as c_int) {
        Ok(())
    } else {
        Err("the events of the server were refused".to_string())
    }
}

/// # Safety
/// Called by the server, in its main thread, with a valid context, a C string and a valid string.
unsafe extern "C" fn on_key_event(
    ctx: *mut RedisModuleCtx,
    kind: c_int,
    event: *const c_char,
    key: *mut RedisModuleString,
) -> c_int {
    // SAFETY: a C string, and a string that is valid until the callback returns.
    let (event, key) = unsafe { (CStr::from_ptr(event), bytes_of(key)) };
    let is_deletion = kind == raw::REDISMODULE_NOTIFY_GENERIC && event == c"del";
    // SAFETY: the server calls this in its main thread, with a valid context.
    unsafe { run(ctx, |handlers, call| (handlers.key_event)(call, key, is_deletion)) };
    raw::REDISMODULE_OK as c_int
}

/// # Safety
/// Called by the server, in its main thread.
unsafe extern "C" fn on_persistence(_: *mut RedisModuleCtx, _: RedisModuleEvent, event: u64, _: *mut c_void) {
    let begins = [
        raw::REDISMODULE_SUBEVENT_PERSISTENCE_SYNC_RDB_START,
        raw::REDISMODULE_SUBEVENT_PERSISTENCE_SYNC_AOF_START,
    ];
    IS_SAVING.store(begins.contains(&event), Ordering::Relaxed);
}

/// # Safety
/// Called by the server, in its main thread, with a valid context.
unsafe extern "C" fn on_timer(ctx: *mut RedisModuleCtx, _: *mut c_void) {
    // SAFETY: the server calls this in its main thread, with a valid context.
    unsafe { run(ctx, |handlers, call| (handlers.timer)(call)) };
}

/// Calls a handler.
///
/// # Safety
/// As [`call::in_callback`].
unsafe fn run(ctx: *mut RedisModuleCtx, work: impl FnOnce(&Handlers, &Call)) {
    if let Some(handlers) = HANDLERS.get() {
        // SAFETY: the caller's promise.
        guard::catch_panic((), || unsafe { call::in_callback(ctx, |call| work(handlers, call)) });
    }
}

/// Has the timer's handler called once, after some milliseconds.
pub fn schedule(call: &Call, milliseconds: i64) {
    // SAFETY: the context is the call's, and the callback is one for timers, which takes no data.
    unsafe { api!(RedisModule_CreateTimer(call.ctx(), milliseconds, Some(on_timer), std::ptr::null_mut())) };
}

/// True if a value is being saved into a snapshot: not by DUMP or MIGRATE, which save one by itself.
pub fn is_in_snapshot() -> bool {
    // SAFETY: the function takes null for no context.
    let flags = unsafe { api!(RedisModule_GetContextFlags(std::ptr::null_mut())) } as u32;
    flags & raw::REDISMODULE_CTX_FLAGS_IS_CHILD != 0 || IS_SAVING.load(Ordering::Relaxed)
}

/// The number of commands that the server has carried out, of clients, scripts and modules. It stays the same while
/// one runs. See [`with_server_info`].
pub fn finished_commands() -> u64 {
    with_server_info(c"stats", |info| {
        let field = c"total_commands_processed".as_ptr();
        // SAFETY: the information is valid, and null is allowed in place of a place for an error.
        unsafe { api!(RedisModule_ServerInfoGetFieldUnsigned(info, field, std::ptr::null_mut())) }
    })
}

/// True while nothing may be replicated that no client has asked for: during a failover, or if clients are paused.
pub fn must_not_replicate() -> bool {
    // SAFETY: the function takes nothing.
    unsafe { api!(RedisModule_AvoidReplicaTraffic()) != 0 }
}
