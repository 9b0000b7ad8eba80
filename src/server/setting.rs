//! The module's settings: arguments of `loadmodule`, lines of redis.conf, CONFIG SET.
//!
//! A setting is one integer, kept in an atomic and written as its kind says. The server keeps the
//! limits of numbers; what holds between settings is checked once all of a CONFIG SET are in place.

use super::api;
use super::call::bytes_of;
use redis_module::raw;
use redis_module::raw::{RedisModuleCtx, RedisModuleString};
use std::ffi::{CString, c_char, c_int, c_longlong, c_void};
use std::ops::RangeInclusive;
use std::ptr::null_mut;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, AtomicPtr, Ordering};

/// A setting of the module.
#[derive(Debug)]
pub struct Setting {
    name: &'static str,
    kind: Kind,
    value: AtomicI64,
    /// The string that CONFIG GET was given last: the server reads it, and does not free it.
    shown: AtomicPtr<RedisModuleString>,
}

/// What must hold between settings.
pub type Check = fn() -> Result<(), String>;

static CHECK: OnceLock<Check> = OnceLock::new();

/// How a setting is written.
#[derive(Debug)]
enum Kind {
    Number(RangeInclusive<i64>),
    YesNo,
    Text(Text),
}

/// A setting that is written as a word or two.
#[derive(Debug)]
pub struct Text {
    /// The value of a text; `None` where it has none.
    pub read: fn(&str) -> Option<i64>,
    /// The text of a value.
    pub write: fn(i64) -> String,
    /// What is expected, for the error.
    pub expected: &'static str,
}

impl Setting {
    const fn new(name: &'static str, default: i64, kind: Kind) -> Setting {
        Setting { name, kind, value: AtomicI64::new(default), shown: AtomicPtr::new(null_mut()) }
    }

    /// A number within limits.
    pub const fn number(name: &'static str, default: i64, limits: RangeInclusive<i64>) -> Setting {
        Setting::new(name, default, Kind::Number(limits))
    }

    /// `yes` or `no`.
    pub const fn yes_no(name: &'static str, default: bool) -> Setting {
        Setting::new(name, default as i64, Kind::YesNo)
    }

    /// A word or two.
    pub const fn text(name: &'static str, default: i64, text: Text) -> Setting {
        Setting::new(name, default, Kind::Text(text))
    }

    /// The value as an integer.
    pub fn get(&self) -> i64 {
        self.value.load(Ordering::Relaxed)
    }

    /// The value of a count or a size.
    pub fn size(&self) -> u64 {
        self.get().unsigned_abs()
    }

    /// Whether it is `yes`.
    pub fn is_yes(&self) -> bool {
        self.get() != 0
    }

    fn read(&self, text: &str) -> Result<i64, String> {
        let (value, expected) = match &self.kind {
            Kind::Number(limits) => {
                let value = text.parse().ok().filter(|number| limits.contains(number));
                (value, format!("an integer between {} and {}", limits.start(), limits.end()))
            }
            Kind::YesNo => {
                let is = |word| text.eq_ignore_ascii_case(word);
                (if is("yes") { Some(1) } else { is("no").then_some(0) }, "yes or no".to_string())
            }
            Kind::Text(kind) => ((kind.read)(text), kind.expected.to_string()),
        };
        value.ok_or_else(|| format!("{} must be {expected}, not '{}'", self.name, text.escape_debug()))
    }

    fn set(&self, text: &str) -> Result<(), String> {
        self.value.store(self.read(text)?, Ordering::Relaxed);
        Ok(())
    }
}

/// Takes the arguments of `loadmodule`: names and values by turns. A value of two words may be two
/// arguments.
///
/// # Errors
/// The first argument that cannot be taken, and why.
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
        match (setting.set(value), &setting.kind, after.split_first()) {
            (Ok(()), ..) => {}
            (Err(_), Kind::Text(_), Some((second, after))) if !value.contains(' ') => {
                setting.set(&format!("{value} {second}"))?;
                rest = after;
            }
            (Err(error), ..) => return Err(error),
        }
    }
    Ok(())
}

/// Registers the settings as the server's configurations, `simile.NAME`, with their present values
/// as defaults, and takes what redis.conf says of them. Those in `fixed` cannot be changed later.
/// `check` is asked now and after each CONFIG SET, which is undone where it fails.
///
/// # Errors
/// The server refused a setting, or `check` did.
pub fn register(
    ctx: *mut RedisModuleCtx,
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
    if api!(RedisModule_LoadConfigs(ctx)) != raw::REDISMODULE_OK as c_int {
        return Err("a configuration of the module could not be loaded".to_string());
    }
    check()
}

fn register_one(ctx: *mut RedisModuleCtx, setting: &'static Setting, flags: u32) -> bool {
    // The server keeps the pointer as long as the module, whose settings are static.
    let (data, value) = (std::ptr::from_ref(setting).cast_mut().cast::<c_void>(), setting.get());
    let name = CString::new(setting.name).unwrap_or_default();
    let name = name.as_ptr();
    let done = match &setting.kind {
        Kind::Number(limits) => {
            let (least, most) = (*limits.start(), *limits.end());
            let (get, set) = (Some(get_integer as _), Some(set_integer as _));
            api!(RedisModule_RegisterNumericConfig(
                ctx,
                name,
                value,
                flags,
                least,
                most,
                get,
                set,
                Some(apply),
                data
            ))
        }
        Kind::YesNo => {
            let (get, set) = (Some(get_yes_no as _), Some(set_yes_no as _));
            api!(RedisModule_RegisterBoolConfig(
                ctx,
                name,
                value as c_int,
                flags,
                get,
                set,
                Some(apply),
                data
            ))
        }
        Kind::Text(text) => {
            let default = CString::new((text.write)(value)).unwrap_or_default();
            let (get, set) = (Some(get_text as _), Some(set_text as _));
            api!(RedisModule_RegisterStringConfig(
                ctx,
                name,
                default.as_ptr(),
                flags,
                get,
                set,
                Some(apply),
                data
            ))
        }
    };
    done == raw::REDISMODULE_OK as c_int
}

unsafe extern "C" fn apply(
    _: *mut RedisModuleCtx,
    _: *mut c_void,
    error: *mut *mut RedisModuleString,
) -> c_int {
    answer(CHECK.get().map_or(Ok(()), |check| check()), error)
}

/// Tells the server how a change went.
fn answer(result: Result<(), String>, error: *mut *mut RedisModuleString) -> c_int {
    let Err(text) = result else { return raw::REDISMODULE_OK as c_int };
    if !error.is_null() {
        // SAFETY: the server passes a place for the text, or null.
        unsafe { *error = new_string(&text) };
    }
    raw::REDISMODULE_ERR as c_int
}

/// # Safety
/// `data` is what [`register_one`] passed.
unsafe fn setting_of<'a>(data: *mut c_void) -> &'a Setting {
    // SAFETY: a static setting, by the caller's promise.
    unsafe { &*data.cast::<Setting>() }
}

unsafe extern "C" fn get_integer(_: *const c_char, data: *mut c_void) -> c_longlong {
    unsafe { setting_of(data) }.get()
}

unsafe extern "C" fn set_integer(
    _: *const c_char,
    value: c_longlong,
    data: *mut c_void,
    _: *mut *mut RedisModuleString,
) -> c_int {
    unsafe { setting_of(data) }.value.store(value, Ordering::Relaxed);
    raw::REDISMODULE_OK as c_int
}

unsafe extern "C" fn get_yes_no(_: *const c_char, data: *mut c_void) -> c_int {
    c_int::from(unsafe { setting_of(data) }.is_yes())
}

unsafe extern "C" fn set_yes_no(
    name: *const c_char,
    value: c_int,
    data: *mut c_void,
    error: *mut *mut RedisModuleString,
) -> c_int {
    unsafe { set_integer(name, value.into(), data, error) }
}

unsafe extern "C" fn get_text(_: *const c_char, data: *mut c_void) -> *mut RedisModuleString {
    let setting = unsafe { setting_of(data) };
    let text = match &setting.kind {
        Kind::Text(kind) => (kind.write)(setting.get()),
        Kind::Number(_) | Kind::YesNo => String::new(),
    };
    let string = new_string(&text);
    let before = setting.shown.swap(string, Ordering::Relaxed);
    if !before.is_null() {
        api!(RedisModule_FreeString(null_mut(), before));
    }
    string
}

unsafe extern "C" fn set_text(
    _: *const c_char,
    value: *mut RedisModuleString,
    data: *mut c_void,
    error: *mut *mut RedisModuleString,
) -> c_int {
    let setting = unsafe { setting_of(data) };
    let text = String::from_utf8_lossy(unsafe { bytes_of(value) });
    answer(setting.set(&text), error)
}

fn new_string(text: &str) -> *mut RedisModuleString {
    api!(RedisModule_CreateString(null_mut(), text.as_ptr().cast::<c_char>(), text.len()))
}
