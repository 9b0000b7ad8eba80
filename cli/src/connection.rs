//! A connection to one server, to a cluster, or to the primary that a Sentinel knows.
//!
//! Commands go out one by one or in pipelines. Every error comes back in the words of [`server_error`],
//! which say what to do.

use crate::cluster::Cluster;
use crate::{Result, UsageError, server_error};
use redis::sentinel::{SentinelClientBuilder, SentinelServerType};
use redis::{
    Client, ClientTlsConfig, Cmd, ConnectionAddr, ConnectionInfo, ConnectionLike, FromRedisValue,
    IntoConnectionInfo, RedisError, RedisResult, TlsCertificates, TlsMode, Value, from_redis_value,
};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;
use url::{Host, Url};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A query over millions of postings takes seconds. A reply that takes minutes will not come.
const REPLY_TIMEOUT: Duration = Duration::from_secs(120);

/// The port of a Sentinel that is named without one.
const SENTINEL_PORT: u16 = 26_379;

/// The options that say how to reach a server: before or after the name of the subcommand.
#[derive(Clone, clap::Args)]
#[command(
    next_help_heading = "Connection (the passwords are read from the environment: SIMILE_PASSWORD, and \
                         SIMILE_SENTINEL_PASSWORD)"
)]
pub struct ConnectionOptions {
    /// Address of the server, or of any node of a cluster; rediss://... for TLS
    #[arg(long, global = true, env = "SIMILE_URL", default_value = "redis://127.0.0.1:6379")]
    #[arg(hide_env_values = true)]
    url: String,
    /// Name of the user, if the server has several
    #[arg(long, global = true, env = "SIMILE_USER", hide_env_values = true)]
    user: Option<String>,
    /// File of the certificates to trust, in place of the system's (PEM)
    #[arg(long, global = true, value_name = "FILE", env = "SIMILE_CACERT", hide_env_values = true)]
    cacert: Option<PathBuf>,
    /// File of the client's own certificate, if the server asks for one (PEM)
    #[arg(long, global = true, value_name = "FILE", env = "SIMILE_CERT", hide_env_values = true)]
    cert: Option<PathBuf>,
    /// File of the key of that certificate (PEM)
    #[arg(long, global = true, value_name = "FILE", env = "SIMILE_KEY", hide_env_values = true)]
    key: Option<PathBuf>,
    /// Ask this Sentinel for the address of the primary; may be given several times. Of --url only the
    /// scheme, the user and the database count then
    #[arg(long, global = true, value_name = "HOST:PORT", env = "SIMILE_SENTINEL", hide_env_values = true)]
    #[arg(value_delimiter = ',')]
    sentinel: Vec<String>,
    /// Name under which the Sentinels know the primary
    #[arg(long, global = true, value_name = "NAME", env = "SIMILE_MASTER", hide_env_values = true)]
    master: Option<String>,
    /// The server is a Redis Cluster. If PARTS is above 1, the scope NAME is split by item over that
    /// number of scopes, NAME:{0}, NAME:{1} and so on, which are on different nodes
    #[arg(long, global = true, value_name = "PARTS", value_parser = clap::value_parser!(u16).range(1..=1024))]
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
        let info = options.find_server()?;
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

impl ConnectionOptions {
    /// The address of the server, and how to log in there.
    ///
    /// # Errors
    /// The options contradict each other, a file cannot be read, or no Sentinel knows the primary.
    fn find_server(&self) -> Result<ConnectionInfo> {
        let info = self.server_of_url()?;
        let certificates = self.read_certificates()?;
        if certificates.is_some() && !matches!(info.addr(), ConnectionAddr::TcpTls { .. }) {
            let message =
                "--cacert, --cert and --key are for a connection with TLS: --url rediss://HOST:PORT";
            return Err(UsageError(message.into()).into());
        }
        match (&self.master, self.sentinel.is_empty(), self.cluster) {
            (None, true, _) => {}
            (Some(_), false, Some(_)) => {
                let message = "a Sentinel knows no cluster: give --sentinel or --cluster, not both";
                return Err(UsageError(message.into()).into());
            }
            (Some(master), false, None) => return self.ask_sentinels(master, &info, certificates),
            _ => {
                let message = "--sentinel HOST:PORT and --master NAME go together";
                return Err(UsageError(message.into()).into());
            }
        }
        let Some(certificates) = certificates else { return Ok(info) };
        let client = Client::build_with_tls(info, certificates);
        let client = client.map_err(|error| server_error::describe_bad_certificates(&error))?;
        Ok(client.get_connection_info().clone())
    }

    /// The server that --url names.
    fn server_of_url(&self) -> Result<ConnectionInfo> {
        let info = self.url.as_str().into_connection_info().map_err(|error| {
            UsageError(format!(
                "{} is not the address of a server ({error}): expected redis://HOST:PORT, \
                 redis://HOST:PORT/DATABASE, rediss://... (TLS) or unix:///PATH",
                without_password(&self.url)
            ))
        })?;
        let mut settings = info.redis_settings().clone();
        if let Some(user) = &self.user {
            settings = settings.set_username(user);
        }
        if let Ok(password) = std::env::var("SIMILE_PASSWORD") {
            settings = settings.set_password(password);
        }
        Ok(info.set_redis_settings(settings))
    }

    /// The certificates that the options name; `None` if they name none.
    fn read_certificates(&self) -> Result<Option<TlsCertificates>> {
        let read = |path: &PathBuf| fs::read(path).map_err(|error| format!("{}: {error}", path.display()));
        let client_tls = match (&self.cert, &self.key) {
            (None, None) => None,
            (Some(cert), Some(key)) => {
                Some(ClientTlsConfig { client_cert: read(cert)?, client_key: read(key)? })
            }
            _ => return Err(UsageError("--cert FILE and --key FILE go together".into()).into()),
        };
        let root_cert = self.cacert.as_ref().map(read).transpose()?;
        let is_named = client_tls.is_some() || root_cert.is_some();
        Ok(is_named.then_some(TlsCertificates { client_tls, root_cert }))
    }

    /// Asks the Sentinels for the primary, which is then used like the server of --url. They are reached by TLS if
    /// it is.
    fn ask_sentinels(
        &self,
        master: &str,
        info: &ConnectionInfo,
        certificates: Option<TlsCertificates>,
    ) -> Result<ConnectionInfo> {
        let has_tls = matches!(info.addr(), ConnectionAddr::TcpTls { .. });
        let addresses = self.sentinel.iter().map(|address| sentinel_address(address, has_tls));
        let addresses: Vec<ConnectionAddr> = addresses.collect::<Result<_>>()?;
        let settings = info.redis_settings();
        let mut builder = SentinelClientBuilder::new(addresses, master, SentinelServerType::Master)?
            .set_client_to_redis_db(settings.db());
        if let Some(user) = settings.username() {
            builder = builder.set_client_to_redis_username(user);
        }
        if let Some(password) = settings.password() {
            builder = builder.set_client_to_redis_password(password);
        }
        if let Ok(password) = std::env::var("SIMILE_SENTINEL_PASSWORD") {
            builder = builder.set_client_to_sentinel_password(password);
        }
        if has_tls {
            builder = builder.set_client_to_redis_tls_mode(TlsMode::Secure);
        }
        if let Some(certificates) = certificates {
            builder = builder.set_client_to_sentinel_certificates(certificates.clone());
            builder = builder.set_client_to_redis_certificates(certificates);
        }
        let mut client = builder.build().map_err(|error| server_error::describe_bad_certificates(&error))?;
        let primary = client.get_client();
        let primary =
            primary.map_err(|error| server_error::describe_sentinels(&error, &self.sentinel, master))?;
        Ok(primary.get_connection_info().clone())
    }
}

/// Parses the address of a Sentinel.
fn sentinel_address(address: &str, has_tls: bool) -> Result<ConnectionAddr> {
    let url = Url::parse(&format!("redis://{address}")).ok();
    let host = url.as_ref().and_then(Url::host).map(|host| match host {
        Host::Ipv6(address) => address.to_string(), // without its brackets
        host => host.to_string(),
    });
    let Some(host) = host.filter(|host| !host.is_empty()) else {
        return Err(UsageError(format!("--sentinel {address}: expected HOST:PORT")).into());
    };
    let port = url.and_then(|url| url.port()).unwrap_or(SENTINEL_PORT);
    Ok(match has_tls {
        true => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
        false => ConnectionAddr::Tcp(host, port),
    })
}

/// Connects to one server.
pub fn connect_to_server(info: ConnectionInfo) -> RedisResult<redis::Connection> {
    let connection = Client::open(info)?.get_connection_with_timeout(CONNECT_TIMEOUT)?;
    connection.set_read_timeout(Some(REPLY_TIMEOUT))?;
    Ok(connection)
}

/// The URL with `...` in place of the user and the password.
fn without_password(text: &str) -> String {
    let Ok(mut url) = Url::parse(text) else {
        // Not a URL at all; yet what is before an @ may be a password.
        return text.rsplit_once('@').map_or_else(|| text.to_string(), |(_, host)| format!("...@{host}"));
    };
    if url.username().is_empty() && url.password().is_none() {
        return text.to_string();
    }
    // A URL that has a user can be given another one.
    let is_replaced = url.set_username("...").and(url.set_password(None)).is_ok();
    if is_replaced { url.to_string() } else { "...".to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_password() {
        for (text, shown) in [
            ("redis://user:secret@host:1", "redis://...@host:1"),
            ("redis://:secret@host:1/2", "redis://...@host:1/2"),
            ("http://host", "http://host"),
            ("secret@host:port", "...@host:port"),
            ("redis://user:secret@host:port", "...@host:port"),
            ("nonsense", "nonsense"),
        ] {
            assert_eq!(without_password(text), shown);
        }
    }

    #[test]
    fn a_sentinel_is_a_host_with_or_without_a_port() {
        let parse = |address: &str| sentinel_address(address, false).ok().map(|address| address.to_string());
        assert_eq!(parse("host:1").as_deref(), Some("host:1"));
        assert_eq!(parse("10.0.0.1").as_deref(), Some("10.0.0.1:26379"));
        assert_eq!(parse("[::1]:1").as_deref(), Some("::1:1"));
        assert_eq!((parse(""), parse("host:port")), (None, None));
    }
}
