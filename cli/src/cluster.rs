//! A Redis Cluster: which node serves a key, and a connection to each node that is needed.
//!
//! The `redis` crate has a cluster client, but of a pipeline with an error among its replies it returns
//! nothing but that error: not which command was refused, not what the others replied, and not which node it
//! came from. Here each command has its reply, and each error its node.
//!
//! Nothing is sent twice. When a connection is lost it is unknown whether a command took effect. A slot that
//! has just moved is found by the next run, which asks for the slots anew.

use crate::connection::connect_to_server;
use redis::{
    Arg, Cmd, Connection, ConnectionAddr, ConnectionInfo, ErrorKind, RedisResult, Value, from_redis_value,
};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::RangeInclusive;

/// The number of slots that the keys of a cluster are divided into.
const SLOTS: u16 = 16_384;

pub struct Cluster {
    /// The node that the user named, and how to log in to all of them.
    info: ConnectionInfo,
    /// The primaries, by the slots that they serve.
    primaries: Vec<(RangeInclusive<u16>, ConnectionAddr)>,
    /// By address.
    connections: HashMap<String, Connection>,
}

impl Cluster {
    /// Asks a node which nodes serve which slots.
    pub fn open(info: ConnectionInfo) -> RedisResult<Cluster> {
        let mut node = connect_to_server(info.clone())?;
        let ranges: Vec<Vec<Value>> = redis::cmd("CLUSTER").arg("SLOTS").query(&mut node)?;
        let primaries = ranges.into_iter().map(|range| parse_range(range, info.addr()));
        let primaries = primaries.collect::<RedisResult<_>>()?;
        Ok(Cluster { info, primaries, connections: HashMap::new() })
    }

    /// The address of the node that serves the key of a command.
    pub fn address_of(&self, command: &Cmd) -> RedisResult<ConnectionAddr> {
        let slot = slot_of(key_of(command));
        let primary = self.primaries.iter().find(|(slots, _)| slots.contains(&slot));
        let unserved = || (ErrorKind::Client, "no node of the cluster serves the scope's slot").into();
        primary.map(|(_, address)| address.clone()).ok_or_else(unserved)
    }

    /// The connection to a node.
    pub fn connection(&mut self, address: &ConnectionAddr) -> RedisResult<&mut Connection> {
        Ok(match self.connections.entry(address.to_string()) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                entry.insert(connect_to_server(self.info.clone().set_addr(address.clone()))?)
            }
        })
    }
}

/// Parses a range of CLUSTER SLOTS: its first and last slot, its primary and the replicas. A node is an array of
/// its host, its port and more; a host that the node does not know itself is the one that the user named.
fn parse_range(
    range: Vec<Value>,
    named: &ConnectionAddr,
) -> RedisResult<(RangeInclusive<u16>, ConnectionAddr)> {
    let mut fields = range.into_iter();
    let mut next = || fields.next().unwrap_or(Value::Nil);
    let slots = from_redis_value(next())?..=from_redis_value(next())?;
    let mut primary = from_redis_value::<Vec<Value>>(next())?.into_iter();
    let mut next = || primary.next().unwrap_or(Value::Nil);
    let host: Option<String> = from_redis_value(next())?;
    let host = host.filter(|host| !host.is_empty() && host != "?");
    let port = from_redis_value(next())?;
    let address = match named.clone() {
        ConnectionAddr::TcpTls { host: named, insecure, tls_params, .. } => {
            ConnectionAddr::TcpTls { host: host.unwrap_or(named), port, insecure, tls_params }
        }
        ConnectionAddr::Tcp(named, _) => ConnectionAddr::Tcp(host.unwrap_or(named), port),
        _ => ConnectionAddr::Tcp(host.unwrap_or_else(|| "127.0.0.1".into()), port),
    };
    Ok((slots, address))
}

/// The first key of a command: in front of EVAL's keys are the script and their number.
fn key_of(command: &Cmd) -> &[u8] {
    let mut words = command.args_iter().map(|word| match word {
        Arg::Simple(word) => word,
        _ => b"",
    });
    let words_after_name = if words.next() == Some(b"EVAL") { 2 } else { 0 };
    words.nth(words_after_name).unwrap_or_default()
}

/// The slot of a key: CRC-16/XMODEM of its hash tag, if it has one that is not empty, or of all of it.
fn slot_of(key: &[u8]) -> u16 {
    let tag = key.iter().position(|byte| *byte == b'{').and_then(|open| {
        let rest = &key[open + 1..];
        let close = rest.iter().position(|byte| *byte == b'}')?;
        Some(&rest[..close]).filter(|tag| !tag.is_empty())
    });
    crc16::State::<crc16::XMODEM>::calculate(tag.unwrap_or(key)) % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_in_the_slot_that_the_server_gives_it() {
        // As CLUSTER KEYSLOT replies.
        let slots = [("123456789", 12_739), ("foo", 12_182), ("{foo}:bar", 12_182), ("foo{}", 5_542)];
        for (key, slot) in slots {
            assert_eq!(slot_of(key.as_bytes()), slot, "{key}");
        }
    }
}
