//! A connection to a server: commands written as in redis-cli, and checks of their replies.

use crate::{Reply, Server, wait_until};
use redis::{Cmd, Connection, ConnectionLike};
use std::cell::RefCell;

/// One connection. Commands are written as in redis-cli, with `"..."` around an argument that has blanks or
/// bytes that are no text; see [`words`].
pub struct Client {
    connection: RefCell<Connection>,
}

impl Client {
    /// Connects to a server on this machine; `options` follow the address as in a URL (`?protocol=resp3`).
    ///
    /// # Errors
    /// While the server does not listen yet.
    pub fn connect(port: u16, options: &str) -> redis::RedisResult<Client> {
        let client = redis::Client::open(format!("redis://127.0.0.1:{port}/{options}"))?;
        let connection = client.get_connection()?;
        // A server that hangs makes the test fail, instead of keeping it waiting for ever.
        connection.set_read_timeout(Some(std::time::Duration::from_secs(60)))?;
        Ok(Client { connection: RefCell::new(connection) })
    }

    /// Sends a command whose arguments may be any bytes, and gives the reply, which may be an error.
    #[track_caller]
    pub fn call<Argument: AsRef<[u8]>>(&self, arguments: &[Argument]) -> Reply {
        self.try_call(arguments).unwrap_or_else(|error| {
            panic!("no reply to {:?}: {error}", String::from_utf8_lossy(arguments[0].as_ref()))
        })
    }

    /// The same, for a connection that may break.
    pub fn try_call<Argument: AsRef<[u8]>>(&self, arguments: &[Argument]) -> redis::RedisResult<Reply> {
        self.connection.borrow_mut().req_command(&command(arguments)).map(Reply::from)
    }

    /// Sends all commands before it reads the first reply, and gives the reply to each.
    #[track_caller]
    pub fn pipeline(&self, commands: &[Vec<Vec<u8>>]) -> Vec<Reply> {
        self.try_pipeline(commands).unwrap_or_else(|error| panic!("no replies to a pipeline: {error}"))
    }

    /// The same, for a connection that may break.
    pub fn try_pipeline(&self, commands: &[Vec<Vec<u8>>]) -> redis::RedisResult<Vec<Reply>> {
        let packed: Vec<u8> = commands.iter().flat_map(|c| command(c).get_packed_command()).collect();
        let replies = self.connection.borrow_mut().req_packed_commands(&packed, 0, commands.len())?;
        Ok(replies.into_iter().map(Reply::from).collect())
    }

    /// The memory that the server's data and buffers take, in bytes.
    #[track_caller]
    pub fn used_memory(&self) -> i64 {
        self.info("used_memory").parse().expect("bytes")
    }

    /// Waits until the server uses at most 1 MiB more than this; it frees its buffers only after a while.
    #[track_caller]
    pub fn memory_returns_to(&self, before: i64) {
        const MARGIN: i64 = 1 << 20;
        wait_until("the memory is given back", || self.used_memory() < before + MARGIN);
    }

    /// Sends a command and gives the reply, which may be an error.
    #[track_caller]
    pub fn run(&self, line: impl AsRef<str>) -> Reply {
        self.call(&words(line.as_ref()))
    }

    /// Checks that a command gets this reply (see [`Reply`] for how a reply is written).
    #[track_caller]
    pub fn expect(&self, line: impl AsRef<str>, reply: impl AsRef<str>) {
        let line = line.as_ref();
        assert_eq!(self.run(line).to_string(), reply.as_ref(), "{}", abridged(line));
    }

    /// Checks that a command fails with exactly this text.
    #[track_caller]
    pub fn refuses(&self, line: impl AsRef<str>, error: impl AsRef<str>) {
        self.expect(line, format!("!{}", error.as_ref()));
    }

    /// Checks that a command fails, and gives the text of the error.
    #[track_caller]
    pub fn refusal(&self, line: impl AsRef<str>) -> String {
        match self.run(line.as_ref()) {
            Reply::Error(error) => error,
            other => panic!("{}: should be refused, replied {other}", abridged(line.as_ref())),
        }
    }

    /// Checks that a command does not fail, and gives the reply.
    #[track_caller]
    pub fn does(&self, line: impl AsRef<str>) -> Reply {
        match self.run(line.as_ref()) {
            Reply::Error(error) => panic!("{}: {error}", abridged(line.as_ref())),
            reply => reply,
        }
    }

    /// Sends a command and reads nothing: for those that are answered any number of times (SUBSCRIBE, MONITOR).
    #[track_caller]
    pub fn send(&self, line: &str) {
        let packed = command(&words(line)).get_packed_command();
        self.connection.borrow_mut().send_packed_command(&packed).expect("the server takes a command");
    }

    /// Waits for the next reply or push, whichever command it belongs to.
    #[track_caller]
    pub fn receive(&self) -> Reply {
        self.connection.borrow_mut().recv_response().expect("the server sends something").into()
    }

    /// One field of INFO.
    #[track_caller]
    pub fn info(&self, field: &str) -> String {
        let all = self.does("INFO everything").text();
        let found = all.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        found.unwrap_or_else(|| panic!("INFO has no {field}")).to_string()
    }

    /// The server's clock, in seconds.
    pub fn now(&self) -> i64 {
        self.now_in_milliseconds() / 1000
    }

    /// The server's clock, in seconds, after waiting until the next interval of this many seconds is at least ten
    /// seconds away: for tests that would fail if it began in their middle.
    #[track_caller]
    pub fn now_inside(&self, interval: i64) -> i64 {
        wait_until("the next interval is ten seconds away", || self.now() % interval < interval - 10);
        self.now()
    }

    /// The server's clock, in milliseconds.
    pub fn now_in_milliseconds(&self) -> i64 {
        let time = self.does("TIME");
        time.array()[0].integer() * 1000 + time.array()[1].integer() / 1000
    }

    /// All keys of a type, sorted.
    #[track_caller]
    pub fn keys_of_type(&self, name: &str) -> Vec<Vec<u8>> {
        let keys = self.does("KEYS *");
        let has_type = |key: &&Reply| self.call(&[b"TYPE", key.bytes()]).bytes() == name.as_bytes();
        let mut keys: Vec<Vec<u8>> =
            keys.array().iter().filter(has_type).map(|key| key.bytes().to_vec()).collect();
        keys.sort();
        keys
    }

    /// The names of all chunks, sorted. They must be text.
    #[track_caller]
    pub fn chunks(&self) -> Vec<String> {
        let chunks = self.keys_of_type("sim-chunk");
        chunks.into_iter().map(|key| String::from_utf8(key).expect("a chunk name of text")).collect()
    }

    /// The name of the only chunk.
    #[track_caller]
    pub fn only_chunk(&self) -> String {
        let chunks = self.chunks();
        assert_eq!(chunks.len(), 1, "one chunk expected: {chunks:?}");
        chunks[0].clone()
    }

    /// A digest of all the server's data: equal for two servers exactly if their data are.
    #[track_caller]
    pub fn digest(&self) -> String {
        self.does("DEBUG DIGEST").text()
    }

    /// Has the module check the invariants of each of its values.
    #[track_caller]
    pub fn validate_all(&self) {
        for key in [self.keys_of_type("sim-scope"), self.keys_of_type("sim-chunk")].concat() {
            let verdict = self.call(&[b"SIM.DEBUG", b"VALIDATE".as_slice(), &key]);
            assert_eq!(verdict, Reply::Status("OK".into()), "SIM.DEBUG VALIDATE {}", key.escape_ascii());
        }
    }
}

impl Server {
    /// A further connection.
    #[track_caller]
    pub fn client(&self) -> Client {
        Client::connect(self.port(), "").expect("a connection")
    }

    /// A further connection that speaks RESP3.
    #[track_caller]
    pub fn client_resp3(&self) -> Client {
        Client::connect(self.port(), "?protocol=resp3").expect("a connection")
    }
}

fn command<Argument: AsRef<[u8]>>(arguments: &[Argument]) -> Cmd {
    let mut command = Cmd::new();
    for argument in arguments {
        command.arg(argument.as_ref());
    }
    command
}

/// Splits a line into arguments at its blanks. `"..."` is one argument, in which blanks, `\"`, `\\`, `\n` and
/// `\xHH` may occur.
pub fn words(line: &str) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let word;
        (word, rest) = match rest.strip_prefix('"') {
            Some(quoted) => take_quoted(quoted),
            None => {
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                (rest.as_bytes()[..end].to_vec(), &rest[end..])
            }
        };
        words.push(word);
        rest = rest.trim_start();
    }
    words
}

/// The bytes up to the closing quote, and what follows it.
fn take_quoted(quoted: &str) -> (Vec<u8>, &str) {
    let mut word = Vec::new();
    let mut characters = quoted.chars();
    loop {
        match characters.next().expect("a closing quote") {
            '"' => return (word, characters.as_str()),
            '\\' => match characters.next() {
                Some('n') => word.push(b'\n'),
                Some('x') => {
                    let digits = characters.as_str().get(..2).expect("two digits after \\x");
                    word.push(u8::from_str_radix(digits, 16).expect("two digits after \\x"));
                    characters = characters.as_str()[2..].chars();
                }
                Some(other) => word.extend(other.to_string().bytes()),
                None => panic!("a backslash at the end"),
            },
            other => word.extend(other.to_string().bytes()),
        }
    }
}

/// A command as an assertion shows it: its first 300 characters.
fn abridged(line: &str) -> String {
    line.char_indices().nth(300).map_or_else(|| line.to_string(), |(end, _)| format!("{}...", &line[..end]))
}
