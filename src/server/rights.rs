//! The rights of a command's sender to keys that the command does not name.
//!
//! The server itself checks the keys that a command names: of a Simile command, that is the scope's.
//! Chunks are named after their scope, so the right to the scope covers them. A scope that was renamed
//! still has the chunks of its old name, and the right to those is checked here.

use super::api;
use super::call::Call;
use super::key::Access;
use super::string::ServerString;
use redis_module::raw;

/// True if the sender of a command may access a key in this way. A primary, an AOF and a module that calls
/// the command may access every key.
pub fn may_use(call: &Call, key: &[u8], access: Access) -> bool {
    let needed = match access {
        Access::Read => raw::REDISMODULE_CMD_KEY_ACCESS,
        Access::Write => {
            raw::REDISMODULE_CMD_KEY_ACCESS
                | raw::REDISMODULE_CMD_KEY_INSERT
                | raw::REDISMODULE_CMD_KEY_UPDATE
                | raw::REDISMODULE_CMD_KEY_DELETE
        }
    };
    has_permissions(call, key, needed)
}

/// True if the sender of a command may delete a key.
pub fn may_delete(call: &Call, key: &[u8]) -> bool {
    has_permissions(call, key, raw::REDISMODULE_CMD_KEY_DELETE)
}

/// True if the sender of a command has all of these permissions to a key.
fn has_permissions(call: &Call, key: &[u8], needed: u32) -> bool {
    let name = match sender(call) {
        Sender::Trusted => return true,
        Sender::User(name) => name,
    };
    // SAFETY: a valid string.
    let user = unsafe { api!(RedisModule_GetModuleUserFromUserName(name.as_ptr())) };
    if user.is_null() {
        return false; // deleted since
    }
    let key = ServerString::new(key);
    // SAFETY: a valid user, a valid string, and flags as the function takes them.
    let verdict = unsafe { api!(RedisModule_ACLCheckKeyPermissions(user, key.as_ptr(), needed as i32)) };
    // SAFETY: a valid user, which the server made for the module; it is freed here and nowhere else.
    unsafe { api!(RedisModule_FreeModuleUser(user)) };
    verdict == raw::REDISMODULE_OK as i32
}

/// The sender of a command.
enum Sender {
    /// A primary, an AOF, or another module.
    Trusted,
    /// A user of this name.
    User(ServerString),
}

/// Finds out who sent a command.
///
/// The order of the questions matters: asking for the current user when there is none kills some servers, and
/// on a replica there is none. So it is asked for last, and only in a script, which always has one.
fn sender(call: &Call) -> Sender {
    if call.is_trusted_source() {
        return Sender::Trusted;
    }
    // SAFETY: the context is the command's. The name is the module's to free, and null for the clients that
    // scripts and modules call through.
    let of_client = unsafe {
        let client = api!(RedisModule_GetClientId(call.ctx()));
        ServerString::from_raw(api!(RedisModule_GetClientUserNameById(call.ctx(), client)))
    };
    let current = || {
        // SAFETY: the context is that of a command which a script sent. The name is the module's to free.
        unsafe { ServerString::from_raw(api!(RedisModule_GetCurrentUserName(call.ctx()))) }
    };
    let name = of_client.or_else(|| if call.is_in_script() { current() } else { None });
    name.map_or(Sender::Trusted, Sender::User)
}
