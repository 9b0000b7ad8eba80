//! The module's settings: arguments of `loadmodule`, lines of redis.conf, CONFIG SET.
//!
//! A setting is one integer in an atomic, which a command reads without a lock; its [`Notation`] is the form
//! in which users write it. The server checks the limits of numbers. A condition on several settings is
//! checked after all of a CONFIG SET are in place, since it may change two at once.

use super::api;
use super::string::{ServerString, bytes_of};
use redis_module::Context;
use redis_module::raw::{self, RedisModuleCtx, RedisModuleString};
use std::ffi::{CString, c_char, c_int, c_longlong, c_void};
use std::ops::RangeInclusive;
use std::ptr::null_mut;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, AtomicPtr, Ordering};

/// A setting of the module.
#[derive(Debug)]
pub struct Setting {
    name: &'static str,
    notation: Notation,
    value: AtomicI64,
    /// The string that the last CONFIG GET received, or null. The server reads it but does not free it, so the
    /// next CONFIG GET does.
    last_text: AtomicPtr<RedisModuleString>,
}

/// A check of a condition on several settings.
pub type Check = fn() -> Result<(), String>;

static CHECK: OnceLock<Check> = OnceLock::new();

/// The notation of a setting.
#[derive(Debug)]
enum Notation {
    Number(RangeInclusive<i64>),
    YesNo,
    Text(Text),
}

/// A setting that is written as a word or two.
#[derive(Debug)]
pub struct Text {
    /// The value of a text; `None` if it has none.
    pub read: fn(&str) -> Option<i64>,
    /// The text of a value.
    pub write: fn(i64) -> String,
    /// A description of the texts that have a value, for the error.
    pub expected: &'static str,
}

impl Setting {
    const fn new(name: &'static str, default: i64, notation: Notation) -> Setting {
        Setting { name, notation, value: AtomicI64::new(default), last_text: AtomicPtr::new(null_mut()) }
    }

    /// A number within limits.
    pub const fn number(name: &'static str, default: i64, limits: RangeInclusive<i64>) -> Setting {
        Setting::new(name, default, Notation::Number(limits))
    }

    /// `yes` or `no`.
    pub const fn yes_no(name: &'static str, default: bool) -> Setting {
        Setting::new(name, default as i64, Notation::YesNo)
    }

    /// A word or two.
    pub const fn text(name: &'static str, default: i64, text: Text) -> Setting {
        Setting::new(name, default, Notation::Text(text))
    }

    /// The value as an integer.
    pub fn get(&self) -> i64 {
        self.value.load(Ordering::Relaxed)
    }

    /// The value of a count or a size.
    pub fn size(&self) -> u64 {
        self.get().unsigned_abs()
    }

    /// True if it is `yes`.
    pub fn is_yes(&self) -> bool {
        self.get() != 0
    }

    fn read(&self, text: &str) -> Result<i64, String> {
        let (value, expected) = match &self.notation {
            Notation::Number(limits) => {
                let value = text.parse().ok().filter(|number| limits.contains(number));
                (value, format!("an integer between {} and {}", limits.start(), limits.end()))
            }
            Notation::YesNo => {
                let is_word = |word| text.eq_ignore_ascii_case(word);
                (if is_word("yes") { Some(1) } else { is_word("no").then_some(0) }, "yes or no".to_string())
            }
            Notation::Text(text_form) => ((text_form.read)(text), text_form.expected.to_string()),
        };
        value.ok_or_else(|| format!("{} must be {expected}, not '{}'", self.name, text.escape_debug()))
    }

    fn set(&self, text: &str) -> Result<(), String> {
        self.value.store(self.read(text)?, Ordering::Relaxed);
        Ok(())
    }
}

/// Takes the arguments of `loadmodule`: names and values in turn. A value of two words may be two
/// arguments.
///
/// # Errors
/// Names the first argument that cannot be taken, and says why.
pub fn take_arguments(settings: &[&Setting], arguments: &[String]) -> Result<(), String> {
    let mut rest = arguments;
    while let Some((name, values)) = rest.split_first() {
        let known = settings.iter().find(|setting| setting.name.eq_ignore_ascii_case(name));
        let setting = known.ok_or_else(|| {
            let names: Vec<&str> = settings.iter().map(|setting| setting.name).collect();
            format!(
                "unknown module argument '{}'; the module knows {}",
                name.escape_debug(),
                names.join(", ")
            )
        })?;
        let (value, after) =
            values.split_first().ok_or_else(|| format!("module argument {name} needs a value"))?;
        rest = after;
        // A text is taken as one word if that is a value, and otherwise together with the next argument.
        match (setting.set(value), &setting.notation, after.split_first()) {
            (Ok(()), ..) => {}
            (Err(_), Notation::Text(_), Some((second, after))) if !value.contains(' ') => {
                setting.set(&format!("{value} {second}"))?;
                rest = after;
            }
            (Err(error), ..) => return Err(error),
        }
    }
    Ok(())
}

/// Registers the settings as the server's configurations, `simile.NAME`, with their present values
/// as defaults, and loads what redis.conf says about them. Those in `fixed` cannot be changed later.
/// `check` runs now and after each CONFIG SET, which is undone if it fails.
///
/// # Errors
/// The server refused a setting, or `check` did.
pub fn register(
    ctx: &Context,
    settings: &[&'static Setting],
    fixed: &[&'static Setting],
    check: Check,
) -> Result<(), String> {
    CHECK.get_or_init(|| check);
    for setting in settings {
        let is_fixed = fixed.iter().any(|other| std::ptr::eq(*other, *setting));
        let flags =
            if is_fixed { raw::REDISMODULE_CONFIG_IMMUTABLE } else { raw::REDISMODULE_CONFIG_DEFAULT };
        if !register_one(ctx, setting, flags) {
            return Err(format!("configuration {} could not be registered", setting.name));
        }
    }
    // SAFETY: the crate's context is that of loading the module.
    if unsafe { api!(RedisModule_LoadConfigs(ctx.ctx)) } != raw::REDISMODULE_OK as c_int {
        return Err("a configuration of the module could not be loaded".to_string());
    }
    check()
}

fn register_one(ctx: &Context, setting: &'static Setting, flags: u32) -> bool {
    let value = setting.get();
    let name = CString::new(setting.name).unwrap_or_default();
    let (ctx, name) = (ctx.ctx, name.as_ptr());
    // The server keeps this pointer and hands it to the callbacks below: the setting is static.
    let data = std::ptr::from_ref(setting).cast_mut().cast::<c_void>();
    // SAFETY, of all three: the crate's context is that of loading the module; names and texts are C strings,
    // which the server copies; the callbacks are of the kind, and made for `data`.
    let result = match &setting.notation {
        Notation::Number(limits) => {
            let (least, most) = (*limits.start(), *limits.end());
            let (get, set, apply) = (Some(get_integer as _), Some(set_integer as _), Some(apply as _));
            // SAFETY: see above.
            unsafe {
                api!(RedisModule_RegisterNumericConfig(
                    ctx, name, value, flags, least, most, get, set, apply, data,
                ))
            }
        }
        Notation::YesNo => {
            let (get, set, apply) = (Some(get_yes_no as _), Some(set_yes_no as _), Some(apply as _));
            let value = value as c_int;
            // SAFETY: see above.
            unsafe { api!(RedisModule_RegisterBoolConfig(ctx, name, value, flags, get, set, apply, data)) }
        }
        Notation::Text(text) => {
            let (get, set, apply) = (Some(get_text as _), Some(set_text as _), Some(apply as _));
            let default = CString::new((text.write)(value)).unwrap_or_default();
            let value = default.as_ptr();
            // SAFETY: see above.
            unsafe { api!(RedisModule_RegisterStringConfig(ctx, name, value, flags, get, set, apply, data)) }
        }
    };
    result == raw::REDISMODULE_OK as c_int
}

// The callbacks. The server calls them in its main thread: `data` is what `register_one` passed, `error` is
// null or a place for the text of an error, and a string that it passes is valid until the callback returns.

/// Checks a CONFIG SET whose settings are all in place.
unsafe extern "C" fn apply(
    _: *mut RedisModuleCtx,
    _: *mut c_void,
    error: *mut *mut RedisModuleString,
) -> c_int {
    let result = CHECK.get().map_or(Ok(()), |check| check());
    // SAFETY: the server passes null or a place for the text.
    unsafe { report(result, error) }
}

/// Tells the server the result of a change.
///
/// # Safety
/// `error` is null, or a place for a string, which the server frees.
unsafe fn report(result: Result<(), String>, error: *mut *mut RedisModuleString) -> c_int {
    let Err(text) = result else { return raw::REDISMODULE_OK as c_int };
    if !error.is_null() {
        // SAFETY: a place for a string, by the caller's promise.
        unsafe { *error = ServerString::new(text.as_bytes()).into_raw() };
    }
    raw::REDISMODULE_ERR as c_int
}

/// The setting that a callback is called for.
///
/// # Safety
/// `data` is what [`register_one`] passed.
unsafe fn setting_of(data: *mut c_void) -> &'static Setting {
    // SAFETY: a static setting, by the caller's promise.
    unsafe { &*data.cast::<Setting>() }
}

unsafe extern "C" fn get_integer(_: *const c_char, data: *mut c_void) -> c_longlong {
    // SAFETY: `data` is what was registered.
    unsafe { setting_of(data) }.get()
}

unsafe extern "C" fn set_integer(
    _: *const c_char,
    value: c_longlong,
    data: *mut c_void,
    _: *mut *mut RedisModuleString,
) -> c_int {
    // SAFETY: `data` is what was registered.
    unsafe { setting_of(data) }.value.store(value, Ordering::Relaxed);
    raw::REDISMODULE_OK as c_int
}

unsafe extern "C" fn get_yes_no(_: *const c_char, data: *mut c_void) -> c_int {
    // SAFETY: `data` is what was registered.
    c_int::from(unsafe { setting_of(data) }.is_yes())
}

unsafe extern "C" fn set_yes_no(
    name: *const c_char,
    value: c_int,
    data: *mut c_void,
    error: *mut *mut RedisModuleString,
) -> c_int {
    // SAFETY: the same arguments for the same setting.
    unsafe { set_integer(name, value.into(), data, error) }
}

unsafe extern "C" fn get_text(_: *const c_char, data: *mut c_void) -> *mut RedisModuleString {
    // SAFETY: `data` is what was registered.
    let setting = unsafe { setting_of(data) };
    let text = match &setting.notation {
        Notation::Text(text_form) => (text_form.write)(setting.get()),
        Notation::Number(_) | Notation::YesNo => String::new(),
    };
    let string = ServerString::new(text.as_bytes()).into_raw();
    let before = setting.last_text.swap(string, Ordering::Relaxed);
    // SAFETY: the string that the last call of this function made. The server has read it, and does not
    // free it.
    drop(unsafe { ServerString::from_raw(before) });
    string
}

unsafe extern "C" fn set_text(
    _: *const c_char,
    value: *mut RedisModuleString,
    data: *mut c_void,
    error: *mut *mut RedisModuleString,
) -> c_int {
    // SAFETY: `data` is what was registered, and the value is valid until this returns.
    let (setting, value) = unsafe { (setting_of(data), bytes_of(value)) };
    let result = setting.set(&String::from_utf8_lossy(value));
    // SAFETY: the server passes null or a place for the text.
    unsafe { report(result, error) }
}
