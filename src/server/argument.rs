//! The arguments of a command as COMMAND DOCS shows them: a tree, in a form of the module's own and in the
//! server's.

use redis_module::raw::{self, RedisModuleCommandArg, RedisModuleCommandArgType};
use std::ffi::{CString, NulError, c_int};
use std::ptr::{null, null_mut};

/// An argument, or a group of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    /// Its name.
    pub name: String,
    /// The word that comes before it.
    pub token: Option<String>,
    /// Its type, or its members.
    pub kind: Kind,
    /// True if it may be left out.
    pub is_optional: bool,
    /// True if more than one may follow each other, without a token before each.
    pub is_multiple: bool,
}

/// The type of an argument, or the members of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// The name of the command's key.
    Key,
    /// Any bytes.
    String,
    /// An integer.
    Integer,
    /// A number.
    Double,
    /// A glob.
    Pattern,
    /// Seconds since 1970.
    UnixTime,
    /// Only the token itself.
    Token,
    /// One of these.
    OneOf(Vec<Argument>),
    /// All of these, one after the other.
    Block(Vec<Argument>),
}

impl Kind {
    fn number(&self) -> RedisModuleCommandArgType {
        match self {
            Kind::Key => raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_KEY,
            Kind::String => raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_STRING,
            Kind::Integer => raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_INTEGER,
            Kind::Double => raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_DOUBLE,
            Kind::Pattern => raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_PATTERN,
            Kind::UnixTime => raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_UNIX_TIME,
            Kind::Token => raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_PURE_TOKEN,
            Kind::OneOf(_) => raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_ONEOF,
            Kind::Block(_) => raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_BLOCK,
        }
    }

    /// The members of a group; of a single argument, none.
    fn members(&self) -> &[Argument] {
        match self {
            Kind::OneOf(members) | Kind::Block(members) => members,
            _ => &[],
        }
    }
}

/// One level of the tree in the server's form: structures of C. They point at the words and at the next
/// level, and a `Level` keeps both alive.
pub struct Level {
    /// The arguments, up to an entry of zeros.
    arguments: Vec<RedisModuleCommandArg>,
    _words: Vec<CString>,
    _sublevels: Vec<Level>,
}

impl Level {
    /// The server's form of arguments.
    ///
    /// # Errors
    /// A word holds a zero byte.
    pub fn new(arguments: &[Argument]) -> Result<Level, NulError> {
        let (mut entries, mut words, mut sublevels) = (Vec::new(), Vec::new(), Vec::new());
        for argument in arguments {
            let name = CString::new(argument.name.as_str())?;
            let token = argument.token.as_deref().map(CString::new).transpose()?;
            let members = argument.kind.members();
            let mut members = if members.is_empty() { None } else { Some(Level::new(members)?) };
            entries.push(RedisModuleCommandArg {
                name: name.as_ptr(),
                type_: argument.kind.number(),
                key_spec_index: if argument.kind == Kind::Key { 0 } else { -1 },
                token: token.as_deref().map_or(null(), std::ffi::CStr::as_ptr),
                flags: flags(argument),
                subargs: members.as_mut().map_or(null_mut(), Level::as_mut_ptr),
                ..NONE
            });
            // The entries point at blocks on the heap, which stay in place when the vectors grow.
            words.extend([name].into_iter().chain(token));
            sublevels.extend(members);
        }
        entries.push(NONE);
        Ok(Level { arguments: entries, _words: words, _sublevels: sublevels })
    }

    /// The first entry, for the server, which copies everything. It points into `self`.
    pub fn as_mut_ptr(&mut self) -> *mut RedisModuleCommandArg {
        self.arguments.as_mut_ptr()
    }
}

fn flags(argument: &Argument) -> c_int {
    let optional = if argument.is_optional { raw::REDISMODULE_CMD_ARG_OPTIONAL } else { 0 };
    let multiple = if argument.is_multiple { raw::REDISMODULE_CMD_ARG_MULTIPLE } else { 0 };
    (optional | multiple) as c_int
}

/// The end of a level: an entry without a name.
const NONE: RedisModuleCommandArg = RedisModuleCommandArg {
    name: null(),
    type_: raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_STRING,
    key_spec_index: 0,
    token: null(),
    summary: null(),
    since: null(),
    flags: 0,
    deprecated_since: null(),
    subargs: null_mut(),
    display_text: null(),
};
