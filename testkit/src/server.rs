//! A server process: started on a free port in a directory of its own, killed at the end.

use crate::{Client, Kind, module, wait_until};
use std::fs;
use std::net::TcpListener;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use tempfile::TempDir;

/// The server to start, and its options.
#[derive(Clone)]
pub struct Launch {
    kind: Kind,
    options: Vec<String>,
    /// The module's arguments, or `None` to start without the module.
    module: Option<Vec<String>>,
    configuration: Option<String>,
    directory: Rc<TempDir>,
}

impl Launch {
    pub fn new(kind: Kind) -> Launch {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let module = Some(vec!["debug".into(), "yes".into()]);
        Launch { kind, options: Vec::new(), module, configuration: None, directory: Rc::new(directory) }
    }

    /// Adds options to the server's command line.
    pub fn options(mut self, options: &str) -> Launch {
        self.options.extend(options.split_whitespace().map(String::from));
        self
    }

    /// Adds arguments for the module, as after `loadmodule`.
    pub fn module(mut self, arguments: &str) -> Launch {
        self.module.get_or_insert_default().extend(arguments.split_whitespace().map(String::from));
        self
    }

    /// Starts the server without the module.
    pub fn without_module(mut self) -> Launch {
        self.module = None;
        self
    }

    /// Has the server read a redis.conf of these lines.
    pub fn configuration(mut self, lines: &str) -> Launch {
        self.configuration = Some(lines.into());
        self
    }

    /// Starts the server and waits until it answers.
    #[track_caller]
    pub fn start(self) -> Server {
        for _ in 0..5 {
            let mut process = Process::spawn(&self);
            match process.wait_for_answer() {
                Ok(client) => return Server { client, process, launch: self },
                Err(log) if log.contains("Address already in use") => {} // another process was faster: try another port
                Err(log) => panic!("{} did not start:\n{log}", self.kind.name()),
            }
        }
        panic!("no free port in five attempts");
    }

    /// Checks that the server refuses to start, and gives its log.
    #[track_caller]
    pub fn fails(self) -> String {
        match Process::spawn(&self).wait_for_answer() {
            Ok(_) => panic!("{} should refuse to start", self.kind.name()),
            Err(log) => log,
        }
    }
}

/// A running server and the first connection to it, whose methods are the server's own.
pub struct Server {
    client: Client,
    process: Process,
    launch: Launch,
}

impl From<Kind> for Server {
    fn from(kind: Kind) -> Server {
        kind.start()
    }
}

impl Deref for Server {
    type Target = Client;
    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Server {
    pub fn port(&self) -> u16 {
        self.process.port
    }

    pub fn directory(&self) -> &Path {
        self.launch.directory.path()
    }

    /// The number of the server's process.
    pub fn process_id(&self) -> u32 {
        self.process.child.id()
    }

    /// A number in `/proc/PID/status` of the server, as it is now. (INFO's `used_memory_rss` is up to a tenth of a
    /// second old.)
    #[track_caller]
    pub fn process_status(&self, field: &str) -> i64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process_id())).expect("Linux");
        let value = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        let number = value.and_then(|value| value.split_whitespace().next()?.parse().ok());
        number.unwrap_or_else(|| panic!("no number {field} in {status}"))
    }

    /// Kills the server with SIGKILL, whatever it is doing. [`Server::restart`] starts it again.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Kills the server, and starts it again with the files in its directory.
    #[track_caller]
    pub fn restart(self) -> Server {
        self.restart_with("")
    }

    /// The same, with further options.
    #[track_caller]
    pub fn restart_with(mut self, options: &str) -> Server {
        self.process.kill();
        self.launch.clone().options(options).start()
    }

    /// Makes this server a replica of `primary`, and waits until it has all data of it.
    #[track_caller]
    pub fn follow(&self, primary: &Server) {
        self.expect(format!("REPLICAOF 127.0.0.1 {}", primary.port()), "OK");
        self.catch_up_with(primary);
    }

    /// Waits until this replica has all data of its primary.
    #[track_caller]
    pub fn catch_up_with(&self, primary: &Server) {
        wait_until("the replica is linked", || self.info("master_link_status") == "up");
        wait_until("the replica has caught up", || {
            self.info("slave_repl_offset") == primary.info("master_repl_offset")
        });
    }

    /// Rewrites the append-only file, and waits until that is done.
    #[track_caller]
    pub fn rewrite_aof(&self) {
        self.does("BGREWRITEAOF");
        self.finish_rewriting();
    }

    /// Waits until the append-only file has been rewritten. A replica rewrites it after a full synchronisation.
    #[track_caller]
    pub fn finish_rewriting(&self) {
        wait_until("the append-only file is rewritten", || {
            self.info("aof_rewrite_scheduled") == "0" && self.info("aof_rewrite_in_progress") == "0"
        });
        assert_eq!(self.info("aof_last_bgrewrite_status"), "ok");
    }
}

struct Process {
    child: Child,
    port: u16,
    log: PathBuf,
}

impl Process {
    fn spawn(launch: &Launch) -> Process {
        let directory = launch.directory.path();
        let port = free_port();
        let log = directory.join("server.log");
        let output = fs::File::create(&log).expect("a log file");
        let mut command = Command::new(launch.kind.program());
        if let Some(lines) = &launch.configuration {
            let file = directory.join("redis.conf");
            if !file.exists() {
                fs::write(&file, lines).expect("a configuration file");
            }
            command.arg(file);
        }
        command
            .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--dir"])
            .arg(directory)
            .args(["--enable-debug-command", "local", "--enable-module-command", "local"])
            .args(["--repl-diskless-sync-delay", "0"]) // do not wait for further replicas
            .args(["--appendfsync", "no"]) // a reply follows the write(), which survives the process: no need to wait for an fsync
            .args(&launch.options)
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a log file"))
            .stderr(output);
        // tests/soak/asan.sh runs the module with the libraries of the sanitizer.
        if let Some(libraries) = std::env::var_os("SIMILE_PRELOAD") {
            command.env("LD_PRELOAD", libraries);
        }
        if let Some(arguments) = &launch.module {
            command.arg("--loadmodule").arg(module()).args(arguments);
        }
        die_with_parent(&mut command);
        let child = command.spawn().expect("the server's program starts");
        Process { child, port, log }
    }

    /// Waits until the server answers.
    ///
    /// # Errors
    /// The server's log, if it ends instead.
    fn wait_for_answer(&mut self) -> Result<Client, String> {
        let mut answer = None;
        wait_until("the server answers or ends", || {
            answer = match self.child.try_wait().expect("the state of the process") {
                Some(_) => Some(Err(self.log())),
                None => self.ping().map(Ok),
            };
            answer.is_some()
        });
        answer.expect("a client or a log")
    }

    /// A client, if PING is answered, and by this process: another may have got the port.
    fn ping(&self) -> Option<Client> {
        let client = Client::connect(self.port, "").ok()?;
        let pong = client.try_call(&["PING"]).ok()?;
        (pong.to_string() == "PONG" && client.info("process_id") == self.child.id().to_string())
            .then_some(client)
    }

    fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let tail = &lines[lines.len().saturating_sub(30)..];
            eprintln!("--- the end of the server's log:\n{}\n---", tail.join("\n"));
        }
    }
}

/// A port on which nobody listens.
pub fn free_port() -> u16 {
    // The kernel chooses a free port. `Process::ping` finds out if another process takes it before the server does.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    listener.local_addr().expect("an address").port()
}

/// Has the kernel kill the server together with the test runner, so that a killed test leaves no server behind.
fn die_with_parent(command: &mut Command) {
    #[cfg(target_os = "linux")]
    // SAFETY: prctl is a plain system call; it allocates nothing, so it may run between fork and exec.
    unsafe {
        use std::os::unix::process::CommandExt;
        command.pre_exec(|| match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        });
    }
    #[cfg(not(target_os = "linux"))]
    let _ = command;
}
