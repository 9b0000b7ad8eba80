//! Registration of commands with the server.

use super::api;
use super::argument::{Argument, Level};
use redis_module::raw;
use redis_module::raw::{
    RedisModuleCmdFunc, RedisModuleCommandInfo, RedisModuleCommandKeySpec, RedisModuleCtx,
};
use std::ffi::{CStr, CString, c_int};
use std::ptr::null_mut;

/// What the server is told of a command. Its only key is its first argument.
#[derive(Debug, Clone, Copy)]
pub struct Command {
    /// The name, in upper case.
    pub name: &'static CStr,
    /// What follows the name.
    pub syntax: &'static str,
    /// What carries it out.
    pub function: RedisModuleCmdFunc,
    /// How many arguments it has, its name included; negative: at least so many.
    pub arity: c_int,
    /// The server's flags, such as `write deny-oom`.
    pub flags: &'static CStr,
    /// The categories of access control, where the server lets a module say them.
    pub categories: &'static CStr,
    /// Whether it has a key, and what it does to it.
    pub key: Option<KeyUse>,
    /// What it does, in a sentence.
    pub summary: &'static CStr,
    /// Its cost.
    pub complexity: &'static CStr,
    /// The first release that has it.
    pub since: &'static CStr,
    /// What clients and proxies should know, in the server's words, parted by blanks.
    pub tips: &'static CStr,
}

/// What a command does to its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyUse {
    /// It returns data.
    Read,
    /// It adds or changes data.
    Write,
    /// It removes data.
    Remove,
}

impl KeyUse {
    fn flags(self) -> u64 {
        let flags = match self {
            KeyUse::Read => raw::REDISMODULE_CMD_KEY_RO | raw::REDISMODULE_CMD_KEY_ACCESS,
            KeyUse::Write => {
                raw::REDISMODULE_CMD_KEY_RW
                    | raw::REDISMODULE_CMD_KEY_ACCESS
                    | raw::REDISMODULE_CMD_KEY_UPDATE
            }
            KeyUse::Remove => raw::REDISMODULE_CMD_KEY_RW | raw::REDISMODULE_CMD_KEY_DELETE,
        };
        flags.into()
    }
}

/// The category of access control that holds all of the module's commands.
const CATEGORY: &CStr = c"similarity";

/// Makes the module's own category, where the server lets a module: Redis 7.4 and Valkey 8.
pub fn category(ctx: *mut RedisModuleCtx) {
    // SAFETY: the table of functions is filled, and never changed.
    if let Some(add) = unsafe { raw::RedisModule_AddACLCategory } {
        // SAFETY: a C string. That another module has made it already is no harm.
        unsafe { add(ctx, CATEGORY.as_ptr()) };
    }
}

/// The categories of a command, parted by blanks.
fn categories(command: &Command) -> CString {
    // SAFETY: the table of functions is filled, and never changed.
    let own = unsafe { raw::RedisModule_AddACLCategory }.map(|_| CATEGORY.to_bytes());
    let all: Vec<&[u8]> = std::iter::once(command.categories.to_bytes()).chain(own).collect();
    CString::new(all.join(&b' ')).unwrap_or_default()
}

/// Registers a command with the tree of its arguments.
///
/// # Errors
/// The server refused it.
pub fn command(ctx: *mut RedisModuleCtx, command: &Command, arguments: &[Argument]) -> Result<(), String> {
    let key = c_int::from(command.key.is_some());
    let (name, function, flags) = (command.name.as_ptr(), command.function, command.flags.as_ptr());
    let made = api!(RedisModule_CreateCommand(ctx, name, function, flags, key, key, key));
    let refused = |what: &str| format!("{} of {} was refused", what, command.name.to_string_lossy());
    if made != raw::REDISMODULE_OK as c_int {
        return Err(refused("the name or a flag"));
    }
    let handle = api!(RedisModule_GetCommand(ctx, name));
    // SAFETY: all zeros is what the server's header asks for in a key specification.
    let mut specs: [RedisModuleCommandKeySpec; 2] = unsafe { std::mem::zeroed() };
    if let Some(key) = command.key {
        specs[0].flags = key.flags();
        specs[0].begin_search_type = raw::RedisModuleKeySpecBeginSearchType_REDISMODULE_KSPEC_BS_INDEX;
        specs[0].bs.index.pos = 1;
        specs[0].find_keys_type = raw::RedisModuleKeySpecFindKeysType_REDISMODULE_KSPEC_FK_RANGE;
        specs[0].fk.range.keystep = 1;
    }
    let mut arguments = Level::new(arguments).map_err(|_| refused("an argument"))?;
    let info = RedisModuleCommandInfo {
        version: &raw const VERSION,
        summary: command.summary.as_ptr(),
        complexity: command.complexity.as_ptr(),
        since: command.since.as_ptr(),
        history: null_mut(),
        tips: command.tips.as_ptr(),
        arity: command.arity,
        key_specs: if command.key.is_some() { specs.as_mut_ptr() } else { null_mut() },
        args: arguments.as_mut_ptr(),
    };
    if api!(RedisModule_SetCommandInfo(handle, &raw const info)) != raw::REDISMODULE_OK as c_int {
        return Err(refused("the description"));
    }
    // Redis 7.2 and Valkey 8 let a module name categories.
    // SAFETY: the table of functions is filled, and never changed.
    if let Some(set) = unsafe { raw::RedisModule_SetCommandACLCategories }
        // SAFETY: a command that was just made, and a C string.
        && unsafe { set(handle, categories(command).as_ptr()) } != raw::REDISMODULE_OK as c_int
    {
        return Err(refused("a category"));
    }
    Ok(())
}

/// The layout of the structures above, as the server's header has it.
static VERSION: raw::RedisModuleCommandInfoVersion = raw::RedisModuleCommandInfoVersion {
    version: 1,
    sizeof_historyentry: size_of::<raw::RedisModuleCommandHistoryEntry>(),
    sizeof_keyspec: size_of::<RedisModuleCommandKeySpec>(),
    sizeof_arg: size_of::<raw::RedisModuleCommandArg>(),
};
