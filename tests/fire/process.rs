//! One receiver.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::stage::Stage;
use crate::terms::Conduct;

pub(crate) struct Process {
    child: Child,
    stdout: BufReader<ChildStdout>,
    /// Held, because the receiver ends when it closes, however the harness ends; waiting for a child would close it.
    _stdin: Option<ChildStdin>,
    log: PathBuf,
}

impl Process {
    pub(crate) fn start(stage: &Stage, slot: usize, fuse: &str, conduct: Conduct) -> Result<Self, String> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fire-receiver"));
        command.arg(stage.backend.name()).arg(&stage.url).arg(stage.socket(slot)).arg(stage.effects());
        command.arg(fuse).arg(conduct.name());
        Self::spawn(&mut command, stage.log(slot)).map_err(|error| format!("no receiver: {error}"))
    }

    fn spawn(command: &mut Command, log: PathBuf) -> io::Result<Self> {
        let stderr = OpenOptions::new().create(true).append(true).open(&log)?;
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(stderr).kill_on_drop(true);
        let mut child = command.spawn()?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().ok_or_else(|| io::Error::other("it is piped"))?;
        Ok(Self { child, stdout: BufReader::new(stdout), _stdin: stdin, log })
    }

    /// Waits until it says this, or is dead: a failpoint may lie on the way of the first request.
    pub(crate) async fn says(&mut self, expected: &str) -> Result<(), String> {
        let mut line = String::new();
        self.stdout.read_line(&mut line).await.map_err(|error| error.to_string())?;
        if line.is_empty() || line.trim_end() == expected { Ok(()) } else { Err(format!("it said {line:?}")) }
    }

    pub(crate) async fn ended(&mut self) -> Result<ExitStatus, String> {
        self.child.wait().await.map_err(|error| error.to_string())
    }

    pub(crate) fn was_killed(status: ExitStatus) -> bool {
        status.signal() == Some(Signal::KILL.as_raw())
    }

    pub(crate) async fn kill(&mut self) -> Result<(), String> {
        self.child.kill().await.map_err(|error| format!("a receiver cannot be killed: {error}"))
    }

    /// Lets a stopped receiver go on.
    pub(crate) fn thaw(&self) -> Result<(), String> {
        let id = self.child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?)).ok_or("a frozen receiver ended")?;
        kill_process(id, Signal::CONT).map_err(|error| format!("a receiver cannot be woken: {error}"))
    }

    /// What went wrong, and the last that the receiver wrote.
    pub(crate) fn tell(&self, reason: &str) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let end = String::from_utf8_lossy(&log[log.len().saturating_sub(2000)..]).into_owned();
        format!("a receiver failed: {reason}\n{end}")
    }
}
