//! A server and the process that ends it when nobody wants it any more.

use std::fs::{self, File, TryLockError};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::engine::Engine;
use crate::error::KitError;
use crate::home::{GUARD_LOG, Home, tail};

const SCRIPT: &str = include_str!("guard.sh");

/// Long enough for a busy machine that recovers a database.
const PATIENCE: Duration = Duration::from_secs(60);

/// Each attempt leaves a line in PostgreSQL's log.
const PAUSE: Duration = Duration::from_millis(10);

/// For how long the server is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Until its `Server` is gone, or the process that has it.
    ByOne,
    /// Until a few seconds after the last user of the shared server of this kind is gone.
    ByUsers,
}

/// A running server, and the line to its guard.
#[derive(Debug)]
pub(crate) struct Server<E> {
    engine: E,
    folder: PathBuf,
    guard: Child,
    replies: BufReader<ChildStdout>,
    /// What the guard writes when it fails; it can still be read when the guard has removed the folder.
    complaints: File,
}

impl<E: Engine> Server<E> {
    /// Starts a server with empty data and waits until it answers.
    pub(crate) fn start(home: &Home, engine: E, wanted: Wanted) -> Result<Self, KitError> {
        let (folder, lock) = home.new_folder(E::NAME, E::SOCKET)?;
        let launch = engine.prepare(home, &folder)?;
        let path = folder.join(GUARD_LOG);
        let complaints = File::open(&path).map_err(KitError::io("cannot open", path))?;

        let script = folder.join("guard.sh");
        home.append(&script, SCRIPT)?;
        let mut command = home.shell(&script, &folder);
        command.arg(&folder).arg(E::END);
        match wanted {
            Wanted::ByOne => command.args(["", "", ""]),
            Wanted::ByUsers => {
                command.arg(home.path(E::USERS_LOCK)).arg(home.path(E::GATE_LOCK)).arg(home.link(E::NAME))
            }
        };
        let mut guard = command
            .arg(launch.initdb.unwrap_or_default())
            .args(launch.command)
            .stdin(if wanted == Wanted::ByOne { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(lock)
            // An interrupt from the terminal is for the tests; the guard sees them go.
            .process_group(0)
            .spawn()
            .map_err(|source| home.no_shell(source))?;
        let Some(replies) = guard.stdout.take().map(BufReader::new) else { unreachable!("it is piped") };

        let mut started = Self { engine, folder, guard, replies, complaints };
        started.wait()?;
        Ok(started)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Ends the server as a kill does, and waits until it is gone.
    pub(crate) fn crash(&mut self) -> Result<(), KitError> {
        self.order("crash")?;
        self.reply("stopped\n")
    }

    /// Starts the server again on the same data and waits until it answers.
    pub(crate) fn restart(&mut self) -> Result<(), KitError> {
        self.order("restart")?;
        self.wait()
    }

    /// What the server has written to its log.
    pub(crate) fn log(&self) -> Vec<u8> {
        fs::read(self.folder.join("server.log")).unwrap_or_default()
    }

    fn order(&mut self, order: &str) -> Result<(), KitError> {
        let sent = self.guard.stdin.as_mut().is_some_and(|guard| writeln!(guard, "{order}").is_ok());
        if sent { Ok(()) } else { Err(self.unguarded()) }
    }

    fn reply(&mut self, expected: &str) -> Result<(), KitError> {
        let mut reply = String::new();
        let came = self.replies.read_line(&mut reply).is_ok() && reply == expected;
        if came { Ok(()) } else { Err(self.unguarded()) }
    }

    fn wait(&mut self) -> Result<(), KitError> {
        self.reply("launched\n")?;
        let socket = self.folder.join(E::SOCKET);
        let give_up = Instant::now() + PATIENCE;
        while !answers(&self.engine, &socket) {
            if self.has_ended() {
                return Err(KitError::Ended { name: E::NAME, log: tail(&self.log()) });
            }
            if Instant::now() > give_up {
                return Err(KitError::Silent { name: E::NAME, seconds: PATIENCE.as_secs(), log: tail(&self.log()) });
            }
            thread::sleep(PAUSE);
        }
        Ok(())
    }

    /// Whether no process of the server is left. It must have been launched.
    fn has_ended(&self) -> bool {
        File::open(self.folder.join("server.lock"))
            .is_ok_and(|file| !matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    fn unguarded(&mut self) -> KitError {
        let mut log = Vec::new();
        let _ = self.complaints.read_to_end(&mut log);
        KitError::Unguarded { name: E::NAME, log: tail(&log) }
    }
}

/// A server of one's own ends with this; a shared one does not.
impl<E> Drop for Server<E> {
    fn drop(&mut self) {
        if let Some(line) = self.guard.stdin.take() {
            drop(line);
            // It removes the folder, which a test may want to have seen gone.
            let _ = self.guard.wait();
        }
    }
}

/// Whether a server accepts connections there.
pub(crate) fn answers<E: Engine>(engine: &E, socket: &Path) -> bool {
    let Ok(mut stream) = UnixStream::connect(socket) else { return false };
    let limit = Some(Duration::from_secs(5));
    stream.set_read_timeout(limit).is_ok()
        && stream.set_write_timeout(limit).is_ok()
        && engine.greet(&mut stream).unwrap_or(false)
}
