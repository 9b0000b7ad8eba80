//! A connection to one server or to a cluster.
//!
//! Commands go out one by one or in pipelines. Every error comes back in the words of [`server_error`],
//! which say what to do.

use crate::cluster::Cluster;
use crate::{Result, server_error};
use redis::{
    Client, Cmd, ConnectionInfo, ConnectionLike, FromRedisValue, IntoConnectionInfo, RedisError, RedisResult,
    Value, from_redis_value,
};
use std::time::Duration;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A query over millions of postings takes seconds. A reply that takes minutes will not come.
const REPLY_TIMEOUT: Duration = Duration::from_secs(120);

/// The options that every subcommand takes to reach its server.
#[derive(clap::Args)]
#[command(next_help_heading = "Connection (the password is read from the environment: SIMILE_PASSWORD)")]
pub struct ConnectionOptions {
    /// Address of the server, or of any node of a cluster
    #[arg(long, env = "SIMILE_URL", default_value = "redis://127.0.0.1:6379", hide_env_values = true)]
    url: String,
    /// Name of the user, if the server has several
    #[arg(long, env = "SIMILE_USER", hide_env_values = true)]
    user: Option<String>,
    /// The server is a Redis Cluster. If PARTS is above 1, the scope NAME is split by item over that
    /// number of scopes, NAME:{0}, NAME:{1} and so on, which are on different nodes
    #[arg(long, value_name = "PARTS", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub cluster: Option<u16>,
}

/// An open connection to a server or a cluster.
pub struct Connection {
    link: Link,
    /// The address of the server, or of the node of the cluster that was asked last: for error messages.
    address: String,
}

/// The way to the server of a key.
enum Link {
    Server(redis::Connection),
    Cluster(Cluster),
}

impl Connection {
    /// Connects as the options say.
    pub fn open(options: &ConnectionOptions) -> Result<Connection> {
        let password = std::env::var("SIMILE_PASSWORD").ok();
        let info = connection_info(&options.url, options.user.as_deref(), password.as_deref())?;
        let address = info.addr().to_string();
        let link = match options.cluster {
            None => connect_to_server(info).map(Link::Server),
            Some(_) => Cluster::open(info).map(Link::Cluster),
        };
        let link = link.map_err(|error| server_error::describe(&error, &address))?;
        Ok(Connection { link, address })
    }

    /// Sends one command and returns its reply. An error reply is an `Err`.
    pub fn ask<T: FromRedisValue>(&mut self, command: &Cmd) -> Result<T> {
        let reply = self.pipeline(std::slice::from_ref(command))?.pop();
        self.parse_reply(reply.unwrap_or(Value::Nil))
    }

    /// Sends commands in one pipeline and returns their replies. Each reply may be an error by itself.
    /// On a cluster, all keys must be in one slot.
    ///
    /// # Errors
    /// The connection is lost, and it is unknown which commands took effect.
    pub fn pipeline(&mut self, commands: &[Cmd]) -> Result<Vec<Value>> {
        let Some(first) = commands.first() else { return Ok(Vec::new()) };
        let packed: Vec<u8> = commands.iter().flat_map(Cmd::get_packed_command).collect();
        let replies = self.link.send(first, &packed, commands.len(), &mut self.address);
        Ok(replies.map_err(|error| self.describe_error(&error))?)
    }

    /// Converts a reply to the type that is expected. An error reply is an `Err`.
    pub fn parse_reply<T: FromRedisValue>(&self, reply: Value) -> Result<T> {
        Ok(from_redis_value(reply.extract_error().map_err(|error| self.describe_error(&error))?)?)
    }

    /// Describes an error from this server, with what to do about it.
    pub fn describe_error(&self, error: &RedisError) -> String {
        match self.link {
            Link::Cluster(_) if error.is_io_error() => server_error::describe_dead_node(error, &self.address),
            _ => server_error::describe(error, &self.address),
        }
    }
}

impl Link {
    /// Sends commands to the server that has the key of one of them, and notes its address.
    fn send(
        &mut self,
        with_key: &Cmd,
        packed: &[u8],
        commands: usize,
        address: &mut String,
    ) -> RedisResult<Vec<Value>> {
        let connection = match self {
            Link::Server(connection) => connection,
            Link::Cluster(cluster) => {
                let node = cluster.address_of(with_key)?;
                *address = node.to_string();
                cluster.connection(&node)?
            }
        };
        connection.req_packed_commands(packed, 0, commands)
    }
}

fn connection_info(url: &str, user: Option<&str>, password: Option<&str>) -> Result<ConnectionInfo> {
    let info = url.into_connection_info().map_err(|error| {
        format!(
            "{} is not the address of a server ({error}): expected redis://HOST:PORT, \
             redis://HOST:PORT/DATABASE, rediss://... (TLS, in a build with --features tls) or unix:///PATH",
            without_password(url)
        )
    })?;
    let mut settings = info.redis_settings().clone();
    if let Some(user) = user {
        settings = settings.set_username(user);
    }
    if let Some(password) = password {
        settings = settings.set_password(password);
    }
    Ok(info.set_redis_settings(settings))
}

/// Connects to one server.
pub fn connect_to_server(info: ConnectionInfo) -> RedisResult<redis::Connection> {
    let connection = Client::open(info)?.get_connection_with_timeout(CONNECT_TIMEOUT)?;
    connection.set_read_timeout(Some(REPLY_TIMEOUT))?;
    Ok(connection)
}

/// The URL with `...` in place of the user and the password.
fn without_password(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => format!("{}://...{}", &url[..scheme], &url[at..]),
        _ => url.to_string(),
    }
}
