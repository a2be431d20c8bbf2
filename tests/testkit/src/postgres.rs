//! PostgreSQL.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use crate::engine::{Engine, Launch, percent};
use crate::error::KitError;
use crate::guard::{Server, Wanted};
use crate::home::Home;
use crate::{or_panic, programs};

/// A PostgreSQL server of one's own that can be crashed and started again with the same data.
///
/// It is durable as a new installation is: `fsync` and `synchronous_commit` are on. It ends, and its files
/// go, with this value, or with the process if that is killed.
///
/// ```no_run
/// use counterfoil_testkit::PrivatePostgres;
///
/// let mut server = PrivatePostgres::start();
/// let url = server.url();
/// server.crash();
/// server.restart();
/// assert_eq!(server.url(), url);
/// ```
#[derive(Debug)]
pub struct PrivatePostgres {
    server: Server<Postgres>,
}

impl PrivatePostgres {
    /// Starts a server with PostgreSQL's own settings, apart from small buffers.
    ///
    /// # Panics
    /// There is no PostgreSQL here, or it does not start; the text says what to do.
    #[must_use]
    #[track_caller]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// As [`start`](Self::start), with lines for `postgresql.conf`, such as `("synchronous_commit", "off")`.
    ///
    /// # Panics
    /// As `start`; also if the server refuses a setting.
    #[must_use]
    #[track_caller]
    pub fn start_with(settings: &[(&str, &str)]) -> Self {
        let postgres = Postgres::with(settings);
        let start = || Server::start(&Home::open()?, postgres, Wanted::ByOne);
        Self { server: or_panic(start()) }
    }

    /// Its URL, the same for all its life.
    #[must_use]
    pub fn url(&self) -> String {
        Postgres::url(self.server.folder())
    }

    /// Ends the server at once, without a checkpoint, so that the next start recovers from the log. What was
    /// not yet written to the operating system is lost.
    ///
    /// # Panics
    /// The server's guard has been killed.
    #[track_caller]
    pub fn crash(&mut self) {
        or_panic(self.server.crash());
    }

    /// Starts the server again and waits until it accepts connections. Crashes it first if it runs.
    ///
    /// # Panics
    /// The server does not start, or its guard has been killed.
    #[track_caller]
    pub fn restart(&mut self) {
        or_panic(self.server.restart());
    }

    /// What the server has written to its log since its first start.
    #[must_use]
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&self.server.log()).into_owned()
    }
}

/// A PostgreSQL server with these settings.
#[derive(Debug)]
pub(crate) struct Postgres {
    settings: String,
}

impl Postgres {
    pub(crate) fn with(settings: &[(&str, &str)]) -> Self {
        let line = |(name, value): &(&str, &str)| format!("{name} = '{}'\n", value.replace('\'', "''"));
        Self { settings: settings.iter().map(line).collect() }
    }
}

impl Engine for Postgres {
    const NAME: &'static str = "postgres";
    const SOCKET: &'static str = ".s.PGSQL.5432";
    // Immediate shutdown: no checkpoint, and no process is left when it is over.
    const END: &'static str = "QUIT";
    const USERS_LOCK: &'static str = "postgres-users.lock";
    const GATE_LOCK: &'static str = "postgres-gate.lock";

    fn prepare(&self, home: &Home, folder: &Path) -> Result<Launch, KitError> {
        let programs = programs::postgres(home)?;
        // `unix_socket_directories` is a list.
        let sockets = format!("\"{}\"", folder.display());
        let settings = [
            ("listen_addresses", ""),
            ("port", "5432"),
            ("unix_socket_directories", &sockets),
            ("max_connections", "200"),
            ("shared_buffers", "16MB"),
            ("min_wal_size", "32MB"),
            ("max_wal_size", "128MB"),
        ];
        let path = folder.join("server.conf");
        // The last line for a setting counts.
        let lines = ["include 'data/postgresql.conf'\n", &Self::with(&settings).settings, &self.settings];
        home.append(&path, &lines.concat())?;

        let mut config = OsString::from("config_file=");
        config.push(path);
        let data = folder.join("data");
        let command = vec![programs.postgres.into(), "-D".into(), data.into(), "-c".into(), config];
        Ok(Launch { initdb: Some(programs.initdb), command })
    }

    fn greet(&self, stream: &mut UnixStream) -> io::Result<bool> {
        greet(stream)
    }

    fn url(folder: &Path) -> String {
        format!("postgres://postgres@localhost/postgres?host={}", percent(folder))
    }
}

/// Logs in. A server that starts or recovers answers with an error.
fn greet(stream: &mut (impl Read + Write)) -> io::Result<bool> {
    const PARAMETERS: &[u8] = b"\0\x03\0\0user\0postgres\0database\0postgres\0\0";
    let length = u32::try_from(PARAMETERS.len() + 4).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), PARAMETERS].concat())?;
    loop {
        let (mut kind, mut length) = ([0], [0; 4]);
        stream.read_exact(&mut kind)?;
        stream.read_exact(&mut length)?;
        let rest = u64::from(u32::from_be_bytes(length).saturating_sub(4));
        io::copy(&mut Read::take(&mut *stream, rest), &mut io::sink())?;
        match &kind {
            b"E" => return Ok(false),
            // Ready for a query: take leave, or the log would tell of a lost client.
            b"Z" => return stream.write_all(b"X\0\0\0\x04").map(|()| true),
            _ => {}
        }
    }
}
