//! A connection to a server or a cluster, and its errors in words that say what to do.

use crate::Result;
use redis::cluster::ClusterClientBuilder;
use redis::{
    Client, Cmd, ConnectionInfo, ConnectionLike, ErrorKind, FromRedisValue, IntoConnectionInfo, RedisError,
    ServerErrorKind, Value, from_redis_value,
};
use std::time::Duration;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A query over millions of postings takes seconds. What takes minutes will not come.
const REPLY_TIMEOUT: Duration = Duration::from_secs(120);

/// Where the server is.
#[derive(clap::Args)]
#[command(next_help_heading = "Connection (the password is read from the environment: SIMILE_PASSWORD)")]
pub struct Address {
    /// Address of the server, or of one node of a cluster
    #[arg(long, env = "SIMILE_URL", default_value = "redis://127.0.0.1:6379", hide_env_values = true)]
    url: String,
    /// Name of the user, where the server knows several
    #[arg(long, env = "SIMILE_USER", hide_env_values = true)]
    user: Option<String>,
    /// The server is a Redis Cluster; with PARTS above 1 the scope NAME is split by item over that many
    /// scopes, NAME:{0}, NAME:{1} and so on, which lie on different nodes
    #[arg(long, value_name = "PARTS", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub cluster: Option<u16>,
}

/// A connection.
pub struct Server {
    connection: Box<dyn ConnectionLike>,
    /// The address, without a password.
    address: String,
}

impl Server {
    /// Connects.
    ///
    /// # Errors
    /// The address is none, or nobody answers there.
    pub fn open(address: &Address) -> Result<Server> {
        let password = std::env::var("SIMILE_PASSWORD").ok();
        let info = connection_info(&address.url, address.user.as_deref(), password.as_deref())?;
        let shown = info.addr().to_string();
        let connection = match address.cluster {
            None => single(info),
            Some(_) => cluster(info),
        };
        match connection {
            Ok(connection) => Ok(Server { connection, address: shown }),
            Err(error) => Err(in_words(&error, &shown).into()),
        }
    }

    /// Connects to a single server at another address, without a user of its own.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_url(url: &str, password: Option<&str>) -> Result<Server> {
        let info = connection_info(url, None, password)?;
        let address = info.addr().to_string();
        let connection = single(info).map_err(|error| in_words(&error, &address))?;
        Ok(Server { connection, address })
    }

    /// The reply to a command.
    ///
    /// # Errors
    /// The connection is lost, or the reply is an error.
    pub fn ask<T: FromRedisValue>(&mut self, command: &Cmd) -> Result<T> {
        let reply = self.connection.req_command(command).and_then(Value::extract_error);
        Ok(from_redis_value(reply.map_err(|error| self.in_words(&error))?)?)
    }

    /// The replies to commands that are sent together, all on keys of one slot; any may be an error.
    ///
    /// # Errors
    /// The connection is lost, and nobody knows which of them were carried out.
    pub fn ask_all(&mut self, commands: &[Cmd]) -> Result<Vec<Value>> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let packed: Vec<u8> = commands.iter().flat_map(Cmd::get_packed_command).collect();
        let replies = self.connection.req_packed_commands(&packed, 0, commands.len());
        Ok(replies.map_err(|error| self.in_words(&error))?)
    }

    /// The same, where none may be an error.
    ///
    /// # Errors
    /// The connection is lost, or one of the replies is an error.
    pub fn ask_each<T: FromRedisValue>(&mut self, commands: &[Cmd]) -> Result<Vec<T>> {
        let replies = self.ask_all(commands)?;
        replies.into_iter().map(|reply| self.value(reply)).collect()
    }

    /// What a reply holds.
    ///
    /// # Errors
    /// It is an error, or something else than expected.
    pub fn value<T: FromRedisValue>(&self, reply: Value) -> Result<T> {
        Ok(from_redis_value(reply.extract_error().map_err(|error| self.in_words(&error))?)?)
    }

    /// Carries commands out in one transaction: all of them, or, where the connection is lost or the
    /// server refuses one before it begins, none. Any reply may be an error. `None`: a watched key has
    /// changed, and nothing was done.
    ///
    /// # Errors
    /// The connection is lost, or the server refuses.
    pub fn transaction(&mut self, commands: &[Cmd]) -> Result<Option<Vec<Value>>> {
        let (multi, exec) = (redis::cmd("MULTI"), redis::cmd("EXEC"));
        let all = std::iter::once(&multi).chain(commands).chain([&exec]);
        let packed: Vec<u8> = all.flat_map(Cmd::get_packed_command).collect();
        let replies = self.connection.req_packed_commands(&packed, 0, commands.len() + 2);
        let mut replies = replies.map_err(|error| self.in_words(&error))?;
        match replies.pop() {
            Some(Value::Array(results)) => Ok(Some(results)),
            Some(Value::Nil) => Ok(None),
            // EXECABORT says little: the command that was refused has the reason.
            last => {
                let refused = replies.into_iter().find(|reply| matches!(reply, Value::ServerError(_)));
                let error = refused.or(last).map(Value::extract_error);
                Err(match error {
                    Some(Err(error)) => self.in_words(&error),
                    _ => format!("{} replied nothing to EXEC", self.address),
                }
                .into())
            }
        }
    }

    /// An error in words that say what to do.
    pub fn in_words(&self, error: &RedisError) -> String {
        in_words(error, &self.address)
    }
}

fn connection_info(url: &str, user: Option<&str>, password: Option<&str>) -> Result<ConnectionInfo> {
    let info = url.into_connection_info().map_err(|error| {
        format!(
            "{} is no address of a server ({error}): expected redis://HOST:PORT, redis://HOST:PORT/DATABASE, \
             rediss://... (TLS, in a build with --features tls) or unix:///PATH",
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

fn single(info: ConnectionInfo) -> redis::RedisResult<Box<dyn ConnectionLike>> {
    let connection = Client::open(info)?.get_connection_with_timeout(CONNECT_TIMEOUT)?;
    connection.set_read_timeout(Some(REPLY_TIMEOUT))?;
    Ok(Box::new(connection))
}

/// The client never sends a command again by itself: a transaction of which nobody knows whether it was
/// carried out would be carried out twice.
fn cluster(info: ConnectionInfo) -> redis::RedisResult<Box<dyn ConnectionLike>> {
    // Asked first, since the cluster's client says of every failure that no node answers.
    single(info.clone())?.req_command(redis::cmd("CLUSTER").arg("MYID"))?.extract_error()?;
    let client = ClusterClientBuilder::new([info])
        .retries(0)
        .connection_timeout(CONNECT_TIMEOUT)
        .response_timeout(REPLY_TIMEOUT)
        .build()?;
    Ok(Box::new(client.get_connection()?))
}

/// What is wrong, and what to do about it.
fn in_words(error: &RedisError, address: &str) -> String {
    let text = match (error.code(), error.detail()) {
        (Some(code), Some(detail)) => format!("{code} {detail}"),
        _ => error.to_string(),
    };
    let has = |part: &str| text.to_lowercase().contains(part);
    if has("unknown command") && has("sim.") {
        return format!(
            "the server at {address} has no Simile: load it with MODULE LOAD /path/to/libsimile.so, or put \
             `loadmodule /path/to/libsimile.so` into its redis.conf and start it again"
        );
    }
    if has("cluster support disabled") {
        return format!("the server at {address} is no cluster: leave --cluster out");
    }
    match error.kind() {
        ErrorKind::Io if has("certificate") => format!(
            "the certificate of {address} is not trusted ({}): add its authority to the system's certificates, or name \
             a file of them in the environment variable SSL_CERT_FILE",
            error.detail().map_or_else(|| error.to_string(), String::from)
        ),
        ErrorKind::Io => format!(
            "no answer from {address} ({}): is the server running, and is --url its address?",
            error.detail().map_or_else(|| error.to_string(), String::from)
        ),
        ErrorKind::AuthenticationFailed => wants_password(address, &text),
        ErrorKind::ClusterConnectionNotFound => format!(
            "no node of a cluster answers at {address}: is it running, and is --url the address of a node? \
             (For a server that is no cluster, leave --cluster out.)"
        ),
        ErrorKind::Server(ServerErrorKind::Moved) => format!(
            "the server at {address} is a node of a cluster, and the scope lies on another ({text}): add \
             --cluster 1, or --cluster PARTS if the scope is split; if --cluster is there, a slot has just \
             moved: run the same again"
        ),
        ErrorKind::Server(ServerErrorKind::TryAgain | ServerErrorKind::Ask) => {
            format!("the scope is on its way to another node ({text}): run the same again once it is there")
        }
        _ if has("noauth") || has("wrongpass") => wants_password(address, &text),
        _ if text.starts_with("OOM") => format!(
            "the server at {address} is out of memory and refuses to add ({text}): raise its maxmemory, or \
             make room; then run the same again"
        ),
        _ if text.starts_with("READONLY") => {
            format!("the server at {address} is a replica and takes no writes: give --url its primary")
        }
        _ if text.starts_with("NOPERM") => {
            format!("the user may not do this ({text}): choose another with --user, or ask for the right")
        }
        _ => text,
    }
}

fn wants_password(address: &str, text: &str) -> String {
    format!(
        "the server at {address} refuses the user or the password ({text}): put the password into the \
         environment variable SIMILE_PASSWORD, and the name of the user into --user if there is one"
    )
}

/// An address that can be shown.
fn without_password(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => format!("{}://...{}", &url[..scheme], &url[at..]),
        _ => url.to_string(),
    }
}
