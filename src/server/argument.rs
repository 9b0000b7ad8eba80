//! What a command takes, as COMMAND DOCS tells it: a tree, in a form of ours and in the server's.

use redis_module::raw::{self, RedisModuleCommandArg, RedisModuleCommandArgType};
use std::ffi::{CString, NulError, c_int};
use std::ptr::{null, null_mut};

/// An argument, or a group of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    /// What it is called.
    pub name: String,
    /// The word that stands before it.
    pub token: Option<String>,
    /// What it is.
    pub kind: Kind,
    /// Whether it may be left out.
    pub is_optional: bool,
    /// Whether more than one may follow each other, without a token before each.
    pub is_multiple: bool,
}

/// What an argument is.
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
    /// The token itself, and nothing more.
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

    /// What a group consists of.
    fn members(&self) -> &[Argument] {
        match self {
            Kind::OneOf(members) | Kind::Block(members) => members,
            _ => &[],
        }
    }
}

/// Arguments in the server's form, with all that it points at.
pub struct Level {
    /// Up to an entry of zeros.
    arguments: Vec<RedisModuleCommandArg>,
    _words: Vec<CString>,
    _below: Vec<Level>,
}

impl Level {
    /// The server's form of arguments.
    ///
    /// # Errors
    /// A word holds a zero byte.
    pub fn new(arguments: &[Argument]) -> Result<Level, NulError> {
        let (mut entries, mut words, mut below) = (Vec::new(), Vec::new(), Vec::new());
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
            // What the entries point at does not move with the vectors that keep it.
            words.extend([name].into_iter().chain(token));
            below.extend(members);
        }
        entries.push(NONE);
        Ok(Level { arguments: entries, _words: words, _below: below })
    }

    /// What the server reads; it copies all of it.
    pub fn as_mut_ptr(&mut self) -> *mut RedisModuleCommandArg {
        self.arguments.as_mut_ptr()
    }
}

fn flags(argument: &Argument) -> c_int {
    let optional = if argument.is_optional { raw::REDISMODULE_CMD_ARG_OPTIONAL } else { 0 };
    let multiple = if argument.is_multiple { raw::REDISMODULE_CMD_ARG_MULTIPLE } else { 0 };
    (optional | multiple) as c_int
}

/// What stands at the end of a level: no name.
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
