//! Registration of commands with the server.

use super::api;
use super::argument::{Argument, Level};
use redis_module::Context;
use redis_module::raw::{self, RedisModuleCmdFunc, RedisModuleCommandInfo, RedisModuleCommandKeySpec};
use std::ffi::{CStr, CString, c_int};
use std::ptr::null_mut;

/// A command, as it is registered with the server. Its only key is its first argument.
#[derive(Debug, Clone, Copy)]
pub struct Command {
    /// The name, in upper case.
    pub name: &'static CStr,
    /// The arguments that follow the name, as the reference writes them.
    pub syntax: &'static str,
    /// The function that the server calls.
    pub function: RedisModuleCmdFunc,
    /// The number of arguments, with the command's name; negative if that is only the least number.
    pub arity: c_int,
    /// The server's flags, such as `write deny-oom`.
    pub flags: &'static CStr,
    /// The categories of access control, for servers that let a module name them.
    pub categories: &'static CStr,
    /// The use of its key, if it has one.
    pub key: Option<KeyUse>,
    /// The sentence that COMMAND DOCS shows.
    pub summary: &'static CStr,
    /// Its cost.
    pub complexity: &'static CStr,
    /// The first release that has it.
    pub since: &'static CStr,
    /// Hints for clients and proxies, in the server's words, separated by blanks.
    pub tips: &'static CStr,
}

/// The use that a command makes of its key.
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

/// Makes the module's own category, on servers that let a module do so: Redis 7.4 and Valkey 8.
pub fn category(ctx: &Context) {
    // SAFETY: the table of functions is filled, and never changed.
    if let Some(add) = unsafe { raw::RedisModule_AddACLCategory } {
        // It fails if another module has made the category already, which does no harm.
        // SAFETY: the crate's context is that of loading the module, and the name is a C string.
        unsafe { add(ctx.ctx, CATEGORY.as_ptr()) };
    }
}

/// The categories of a command, separated by blanks.
fn categories(command: &Command) -> CString {
    // SAFETY: the table of functions is filled, and never changed.
    let module_category = unsafe { raw::RedisModule_AddACLCategory }.map(|_| CATEGORY.to_bytes());
    let all: Vec<&[u8]> = std::iter::once(command.categories.to_bytes()).chain(module_category).collect();
    CString::new(all.join(&b' ')).unwrap_or_default()
}

/// Registers a command with the tree of its arguments.
///
/// # Errors
/// The server refused it.
pub fn command(ctx: &Context, command: &Command, arguments: &[Argument]) -> Result<(), String> {
    let refused = |what: &str| format!("{} of {} was refused", what, command.name.to_string_lossy());
    let is_ok = |result: c_int| result == raw::REDISMODULE_OK as c_int;

    // The command itself. The first key, the last one and the step are 1, or 0 if it has no key.
    let key = c_int::from(command.key.is_some());
    let (name, function, flags) = (command.name.as_ptr(), command.function, command.flags.as_ptr());
    // SAFETY: the crate's context is that of loading the module. Name and flags are C strings, and the
    // function is one for commands.
    if !is_ok(unsafe { api!(RedisModule_CreateCommand(ctx.ctx, name, function, flags, key, key, key)) }) {
        return Err(refused("the name or a flag"));
    }
    // SAFETY: as before.
    let handle = unsafe { api!(RedisModule_GetCommand(ctx.ctx, name)) };

    // Its description: arity, key, documentation.
    let mut specs = key_specs(command.key);
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
    // SAFETY: the command that was just made. The description and all that it points at live until the end of
    // this function; the server copies it. The arrays end with an entry of zeros.
    if !is_ok(unsafe { api!(RedisModule_SetCommandInfo(handle, &raw const info)) }) {
        return Err(refused("the description"));
    }

    // Its categories, which a module can name in Redis 7.2 and Valkey 8.
    // SAFETY: the table of functions is filled, and never changed.
    if let Some(set) = unsafe { raw::RedisModule_SetCommandACLCategories }
        // SAFETY: the command that was just made, and a C string, which the server reads at once.
        && !is_ok(unsafe { set(handle, categories(command).as_ptr()) })
    {
        return Err(refused("a category"));
    }
    Ok(())
}

/// The key of a command in the server's form: the first argument, or nothing. The last entry is of zeros.
fn key_specs(key: Option<KeyUse>) -> [RedisModuleCommandKeySpec; 2] {
    // SAFETY: integers, unions of integers, and pointers that may be null: all zeros is a value, and it
    // is what the server's header asks for at the end.
    let mut specs: [RedisModuleCommandKeySpec; 2] = unsafe { std::mem::zeroed() };
    if let Some(key) = key {
        specs[0].flags = key.flags();
        specs[0].begin_search_type = raw::RedisModuleKeySpecBeginSearchType_REDISMODULE_KSPEC_BS_INDEX;
        specs[0].bs.index.pos = 1;
        specs[0].find_keys_type = raw::RedisModuleKeySpecFindKeysType_REDISMODULE_KSPEC_FK_RANGE;
        specs[0].fk.range.keystep = 1;
    }
    specs
}

/// The layout of the structures above, as the server's header has it.
static VERSION: raw::RedisModuleCommandInfoVersion = raw::RedisModuleCommandInfoVersion {
    version: 1,
    sizeof_historyentry: size_of::<raw::RedisModuleCommandHistoryEntry>(),
    sizeof_keyspec: size_of::<RedisModuleCommandKeySpec>(),
    sizeof_arg: size_of::<raw::RedisModuleCommandArg>(),
};
