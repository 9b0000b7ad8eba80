//! A server's reply, and how a test writes it.

use redis::Value;
use std::fmt;

/// A reply in RESP2 or RESP3. Tests write it as `Display` does:
///
/// | reply | written |
/// | --- | --- |
/// | nil, integer, double, boolean | `nil`, `3`, `0.5` or `1.0`, `true` |
/// | string, which may have any bytes | `'apple'`, `'\x00\xff'` |
/// | status | `OK` |
/// | error | `!ERR what was wrong` |
/// | array, set, map | `[1, 'a']`, `~[1, 'a']`, `{'a': 1}` |
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    Nil,
    Integer(i64),
    Double(f64),
    Boolean(bool),
    Bytes(Vec<u8>),
    Status(String),
    Error(String),
    Array(Vec<Reply>),
    Set(Vec<Reply>),
    Map(Vec<(Reply, Reply)>),
}

impl From<Value> for Reply {
    fn from(value: Value) -> Reply {
        let replies = |values: Vec<Value>| values.into_iter().map(Reply::from).collect();
        match value {
            Value::Nil => Reply::Nil,
            Value::Int(integer) => Reply::Integer(integer),
            Value::Double(double) => Reply::Double(double),
            Value::Boolean(boolean) => Reply::Boolean(boolean),
            Value::BulkString(bytes) => Reply::Bytes(bytes),
            Value::VerbatimString { text, .. } => Reply::Bytes(text.into_bytes()),
            Value::SimpleString(status) => Reply::Status(status),
            Value::Okay => Reply::Status("OK".into()),
            Value::ServerError(error) => Reply::Error(match error.details() {
                Some(details) => format!("{} {details}", error.code()),
                None => error.code().into(),
            }),
            Value::Array(values) | Value::Push { data: values, .. } => Reply::Array(replies(values)),
            Value::Set(values) => Reply::Set(replies(values)),
            Value::Map(pairs) => Reply::Map(pairs.into_iter().map(|(k, v)| (k.into(), v.into())).collect()),
            other => panic!("a reply that no test expects: {other:?}"),
        }
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reply::Nil => write!(f, "nil"),
            Reply::Integer(integer) => write!(f, "{integer}"),
            Reply::Double(double) => write!(f, "{double:?}"),
            Reply::Boolean(boolean) => write!(f, "{boolean}"),
            Reply::Bytes(bytes) => write!(f, "{}", quoted(bytes)),
            Reply::Status(status) => write!(f, "{status}"),
            Reply::Error(error) => write!(f, "!{error}"),
            Reply::Array(replies) => write!(f, "[{}]", joined(replies)),
            Reply::Set(replies) => write!(f, "~[{}]", joined(replies)),
            Reply::Map(pairs) => {
                let pairs: Vec<String> = pairs.iter().map(|(key, value)| format!("{key}: {value}")).collect();
                write!(f, "{{{}}}", pairs.join(", "))
            }
        }
    }
}

fn joined(replies: &[Reply]) -> String {
    replies.iter().map(Reply::to_string).collect::<Vec<_>>().join(", ")
}

/// Bytes between single quotes, those that are not printable escaped as in `'\x00\xff'`.
pub fn quoted(bytes: &[u8]) -> String {
    format!("'{}'", bytes.escape_ascii())
}

/// Conversions. Each panics, showing the reply, if it is of another type.
impl Reply {
    #[track_caller]
    pub fn integer(&self) -> i64 {
        match self {
            Reply::Integer(integer) => *integer,
            Reply::Bytes(_) => self.text().parse().expect("an integer"),
            other => panic!("not an integer: {other}"),
        }
    }

    /// A double of either protocol.
    #[track_caller]
    pub fn double(&self) -> f64 {
        match self {
            Reply::Double(double) => *double,
            Reply::Bytes(_) => self.text().parse().expect("a double"),
            other => panic!("not a double: {other}"),
        }
    }

    #[track_caller]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Reply::Bytes(bytes) => bytes,
            Reply::Status(status) => status.as_bytes(),
            other => panic!("not a string: {other}"),
        }
    }

    #[track_caller]
    pub fn text(&self) -> String {
        String::from_utf8(self.bytes().to_vec()).expect("text")
    }

    #[track_caller]
    pub fn array(&self) -> &[Reply] {
        match self {
            Reply::Array(replies) | Reply::Set(replies) => replies,
            other => panic!("not an array: {other}"),
        }
    }

    /// The pairs of a map, which RESP2 sends as a flat array, or of an array of pairs.
    #[track_caller]
    pub fn pairs(&self) -> Vec<(&Reply, &Reply)> {
        match self {
            Reply::Map(pairs) => pairs.iter().map(|(key, value)| (key, value)).collect(),
            Reply::Array(pairs)
                if pairs.iter().all(|pair| matches!(pair, Reply::Array(both) if both.len() == 2)) =>
            {
                pairs.iter().map(|pair| (&pair.array()[0], &pair.array()[1])).collect()
            }
            Reply::Array(flat) => flat.chunks_exact(2).map(|pair| (&pair[0], &pair[1])).collect(),
            other => panic!("not a map: {other}"),
        }
    }

    /// The value under this name in a map of either protocol, or in an array of pairs.
    #[track_caller]
    pub fn get(&self, name: &str) -> &Reply {
        let found = self.pairs().into_iter().find(|(key, _)| key.bytes() == name.as_bytes());
        found.unwrap_or_else(|| panic!("no {name:?} in {self}")).1
    }
}
