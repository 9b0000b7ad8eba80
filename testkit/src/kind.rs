//! The servers that the module supports, and the paths of their programs and of the module.

use crate::{Launch, Server};
use std::path::{Path, PathBuf};

/// A server that the module supports.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Redis7_0,
    Redis8_2,
    Valkey8_1,
    Valkey9_1,
}

impl Kind {
    pub const ALL: [Kind; 4] = [Kind::Redis7_0, Kind::Redis8_2, Kind::Valkey8_1, Kind::Valkey9_1];

    /// The server of this name.
    ///
    /// # Panics
    /// If there is none, naming those there are.
    pub fn named(name: &str) -> Kind {
        let found = Kind::ALL.into_iter().find(|kind| kind.name() == name);
        found.unwrap_or_else(|| {
            panic!("there are redis-7.0, redis-8.2, valkey-8.1 and valkey-9.1, not {name:?}")
        })
    }

    /// The name that `SERVERS` and `scripts/install-servers.sh` use.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Redis7_0 => "redis-7.0",
            Kind::Redis8_2 => "redis-8.2",
            Kind::Valkey8_1 => "valkey-8.1",
            Kind::Valkey9_1 => "valkey-9.1",
        }
    }

    /// The server's program.
    ///
    /// # Panics
    /// If it is not installed: a test that cannot run has failed.
    pub fn program(self) -> PathBuf {
        let servers = root().join("target/servers");
        let found = match self {
            Kind::Redis7_0 => on_path("redis-server"),
            Kind::Redis8_2 => Some(servers.join("redis-8.2/redis-server")).filter(|p| p.exists()),
            Kind::Valkey8_1 => Some(servers.join("valkey-8.1/valkey-server")).filter(|p| p.exists()),
            Kind::Valkey9_1 => Some(servers.join("valkey-9.1/valkey-server")).filter(|p| p.exists()),
        };
        found.unwrap_or_else(|| panic!("{} is not installed: `make test` installs it", self.name()))
    }

    /// Runs one test on this server, unless the environment variable SERVERS names only others.
    pub fn run<Subject: From<Kind>>(self, test: impl FnOnce(Subject)) {
        if self.is_selected() {
            test(self.into());
        } else {
            eprintln!("not run: {} is not among SERVERS", self.name());
        }
    }

    /// [`Self::run`], for a server that the tests of `module` need not run on if they run on the others: only its
    /// callbacks and its protocols may differ, which are tested in `concerns`.
    pub fn run_concern<Subject: From<Kind>>(self, module: &str, test: impl FnOnce(Subject)) {
        if module.contains("::concerns::") || selected() == [self] {
            self.run(test);
        } else {
            eprintln!("not run: what commands reply is tested on the other servers");
        }
    }

    fn is_selected(self) -> bool {
        let selected = selected();
        selected.is_empty() || selected.contains(&self)
    }

    /// False for a server that would leave clients in the wrong database if a module heard of its keys, and that
    /// therefore frees no chunks at a DEL.
    pub fn frees_chunks_at_del(self) -> bool {
        self != Kind::Valkey8_1
    }

    /// Starts a server with the module and the options that every test has.
    pub fn start(self) -> Server {
        self.launch().start()
    }

    /// The same, to be given further options before it is started.
    pub fn launch(self) -> Launch {
        Launch::new(self)
    }
}

/// The servers that the environment variable SERVERS names.
fn selected() -> Vec<Kind> {
    let list = std::env::var("SERVERS").unwrap_or_default();
    list.split([',', ' ']).filter(|name| !name.is_empty()).map(Kind::named).collect()
}

/// The first program of this name in the directories of PATH.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join(name)).find(|program| program.exists())
}

/// The module under test: `SIMILE_MODULE`, or the one that `cargo build --release` built.
pub fn module() -> PathBuf {
    let built = || root().join("target/release/libsimile.so");
    let module = std::env::var_os("SIMILE_MODULE").map_or_else(built, PathBuf::from);
    assert!(module.exists(), "there is no module at {}: `make test` builds it", module.display());
    module
}

/// The project's directory, which is the one around this crate's.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a directory around testkit/")
}
