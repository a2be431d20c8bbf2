//! Redis and Valkey.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use crate::engine::{Engine, Launch, percent};
use crate::error::KitError;
use crate::guard::{Server, Wanted};
use crate::home::Home;
use crate::{or_panic, programs};

/// A Redis server of one's own that can be killed and started again with the same files.
///
/// It keeps nothing unless its settings say so. It ends, and its files go, with this value, or with the
/// process if that is killed.
///
/// ```no_run
/// use counterfoil_testkit::PrivateRedis;
///
/// let mut server = PrivateRedis::start(&[("appendonly", "yes"), ("appendfsync", "always")]);
/// server.crash();
/// server.restart();
/// ```
#[derive(Debug)]
pub struct PrivateRedis {
    server: Server<Redis>,
}

impl PrivateRedis {
    /// Starts a server with these lines of `redis.conf`.
    ///
    /// # Panics
    /// There is no Redis here, or it does not start; the text says what to do.
    #[must_use]
    #[track_caller]
    pub fn start(config: &[(&str, &str)]) -> Self {
        let redis = Redis::with(config);
        let start = || Server::start(&Home::open()?, redis, Wanted::ByOne);
        Self { server: or_panic(start()) }
    }

    /// Its URL, the same for all its life.
    #[must_use]
    pub fn url(&self) -> String {
        Redis::url(self.server.folder())
    }

    /// Kills the server.
    ///
    /// # Panics
    /// The server's guard has been killed.
    #[track_caller]
    pub fn crash(&mut self) {
        or_panic(self.server.crash());
    }

    /// Starts the server again and waits until it has loaded its files. Kills it first if it runs.
    ///
    /// # Panics
    /// The server does not start, or its guard has been killed.
    #[track_caller]
    pub fn restart(&mut self) {
        or_panic(self.server.restart());
    }
}

/// A Redis server with these settings.
#[derive(Debug)]
pub(crate) struct Redis {
    config: String,
}

impl Redis {
    pub(crate) fn with(config: &[(&str, &str)]) -> Self {
        let line = |(name, value): &(&str, &str)| {
            let value = if value.is_empty() { "\"\"" } else { value };
            format!("{name} {value}\n")
        };
        Self { config: config.iter().map(line).collect() }
    }
}

impl Engine for Redis {
    const NAME: &'static str = "redis";
    const SOCKET: &'static str = "redis.sock";
    const END: &'static str = "KILL";
    const USERS_LOCK: &'static str = "redis-users.lock";
    const GATE_LOCK: &'static str = "redis-gate.lock";

    fn prepare(&self, home: &Home, folder: &Path) -> Result<Launch, KitError> {
        let program = programs::redis(home)?;
        // Names without a folder are taken from the working directory, which is `folder`.
        let settings = [("port", "0"), ("unixsocket", Self::SOCKET), ("save", ""), ("appendonly", "no")];
        let path = folder.join("redis.conf");
        home.append(&path, &(Self::with(&settings).config + &self.config))?;
        Ok(Launch { initdb: None, command: vec![program.into(), path.into()] })
    }

    fn greet(&self, stream: &mut UnixStream) -> io::Result<bool> {
        stream.write_all(b"PING\r\n")?;
        let mut answer = [0; 5];
        stream.read_exact(&mut answer)?;
        // While it loads its files it answers with an error.
        Ok(&answer == b"+PONG")
    }

    fn url(folder: &Path) -> String {
        format!("redis+unix://{}", percent(&folder.join(Self::SOCKET)))
    }
}
