//! The rights of whoever sent a command, on keys that the command does not name.
//!
//! The server itself checks the keys that a command names. A chunk's key follows from the scope's, and
//! the right to the scope covers it; where it does not follow, it is checked here.

use super::api;
use super::call::Call;
use super::key::Access;
use redis_module::raw;
use redis_module::raw::RedisModuleString;

/// Whether the sender of a command may do this with a key. Those that are obeyed may, and modules.
pub fn allow(call: &Call, key: &[u8], access: Access) -> bool {
    let name = match sender(call) {
        Sender::Trusted => return true,
        Sender::User(name) => name,
    };
    let user = api!(RedisModule_GetModuleUserFromUserName(name));
    call.free_string(name);
    if user.is_null() {
        return false; // deleted since
    }
    let needed = match access {
        Access::Read => raw::REDISMODULE_CMD_KEY_ACCESS,
        Access::Write => {
            raw::REDISMODULE_CMD_KEY_ACCESS
                | raw::REDISMODULE_CMD_KEY_INSERT
                | raw::REDISMODULE_CMD_KEY_UPDATE
                | raw::REDISMODULE_CMD_KEY_DELETE
        }
    };
    let key = call.string(key);
    let verdict = api!(RedisModule_ACLCheckKeyPermissions(user, key, needed as i32));
    call.free_string(key);
    api!(RedisModule_FreeModuleUser(user));
    verdict == raw::REDISMODULE_OK as i32
}

/// Who sent a command.
enum Sender {
    /// A primary, an AOF, or another module.
    Trusted,
    /// A user; the name is the caller's to free.
    User(*mut RedisModuleString),
}

/// The order matters: to ask for the current user where there is none kills some servers, and on a
/// replica there is none.
fn sender(call: &Call) -> Sender {
    if call.is_trusted_source() {
        return Sender::Trusted;
    }
    let client = api!(RedisModule_GetClientId(call.ctx()));
    // Null for the clients that scripts and modules call through.
    let mut name = api!(RedisModule_GetClientUserNameById(call.ctx(), client));
    if name.is_null() && call.is_in_script() {
        name = api!(RedisModule_GetCurrentUserName(call.ctx()));
    }
    if name.is_null() { Sender::Trusted } else { Sender::User(name) }
}
