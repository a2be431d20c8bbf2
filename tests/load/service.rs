//! The example services, as processes.

use std::env;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use counterfoil::receiver::DEFAULT_BODY_LIMIT;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::honest::SECRET;

/// A service that is told to stop has ended by then.
const STOPPED: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Example {
    Axum,
    Actix,
    FastApi,
}

impl Example {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Axum => "axum-orders",
            Self::Actix => "actix-invoices",
            Self::FastApi => "fastapi-orders",
        }
    }

    /// How long it lets a client take for the head of a request. uvicorn has no such limit: that is for a proxy.
    pub(crate) fn head_timeout(self) -> Option<Duration> {
        match self {
            Self::Axum | Self::Actix => Some(Duration::from_secs(10)),
            Self::FastApi => None,
        }
    }

    /// Bytes of a head that it keeps.
    pub(crate) fn head_limit(self) -> usize {
        match self {
            Self::Axum => 32 * 1024,
            Self::Actix => 128 * 1024,
            Self::FastApi => 64 * 1024,
        }
    }

    /// Bytes of a body that it keeps.
    pub(crate) fn body_limit(self) -> usize {
        DEFAULT_BODY_LIMIT
    }

    fn command(self) -> Command {
        match self {
            Self::Axum => Command::new(env!("CARGO_BIN_EXE_hostile-axum-orders")),
            Self::Actix => Command::new(env!("CARGO_BIN_EXE_hostile-actix-invoices")),
            Self::FastApi => {
                let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
                let folders = ["python-ledger", "fastapi-orders"].map(|folder| examples.join(folder));
                let mut command = Command::new(counterfoil_testkit::python());
                command.args(["-m", "fastapi_orders"]).env("PYTHONPATH", env::join_paths(folders).unwrap());
                command.env("PYTHONDONTWRITEBYTECODE", "1");
                command
            }
        }
    }
}

/// A running service, which ends with this.
pub(crate) struct Service {
    pub(crate) example: Example,
    pub(crate) address: SocketAddr,
    child: Child,
    folder: TempDir,
}

impl Service {
    pub(crate) fn start(example: Example) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = File::create(log_in(&folder)).unwrap();
        // It is not to outlive a test that is killed.
        let (service, mut command) = (example.command(), Command::new("setpriv"));
        command.args(["--pdeathsig", "KILL"]).arg(service.get_program()).args(service.get_args());
        command.envs(service.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.current_dir(&folder).env("PORT", "0").env("STORE", "memory:").env("HANDL_SECRET", SECRET);
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").and_then(|address| address.parse().ok());
        let address = address.unwrap_or_else(|| panic!("{line:?}\n{}", fs::read_to_string(log_in(&folder)).unwrap()));
        Self { example, address, child, folder }
    }

    pub(crate) fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Tells it to stop, and waits until it has. Whether it says that all went well.
    pub(crate) fn stop(&mut self) -> bool {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        let told = Instant::now();
        while told.elapsed() < STOPPED {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.success();
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        false
    }

    /// Lines of its log that say more than that something was refused. actix calls it an error if a head cannot be read.
    pub(crate) fn errors(&self) -> Vec<String> {
        let log = fs::read(log_in(&self.folder)).unwrap();
        let refused = "request parse error";
        let signs = ["ERROR", "panicked", "Traceback", "CRITICAL"];
        let log = String::from_utf8_lossy(&log);
        log.lines()
            .filter(|line| signs.iter().any(|sign| line.contains(sign)) && !line.contains(refused))
            .map(str::to_owned)
            .collect()
    }

    /// Bytes that it has in memory.
    pub(crate) fn memory(&self) -> usize {
        self.status("VmRSS:")
    }

    /// The most bytes that it had in memory since [`Self::forget_peak`].
    pub(crate) fn peak(&self) -> usize {
        self.status("VmHWM:")
    }

    /// Files that it has open; a connection is one. 0 of a process that has ended.
    pub(crate) fn files(&self) -> usize {
        fs::read_dir(self.proc("fd")).map_or(0, Iterator::count)
    }

    pub(crate) fn forget_peak(&mut self) {
        let forgotten = fs::write(self.proc("clear_refs"), "5");
        assert!(forgotten.is_ok() || !self.is_alive(), "{forgotten:?}");
    }

    /// 0 of a process that has ended.
    fn status(&self, field: &str) -> usize {
        let status = fs::read_to_string(self.proc("status")).unwrap();
        let value = status.lines().find_map(|line| line.strip_prefix(field));
        value.map_or(0, |value| value.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap() * 1024)
    }

    fn proc(&self, file: &str) -> PathBuf {
        Path::new("/proc").join(self.child.id().to_string()).join(file)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }
}

fn log_in(folder: &TempDir) -> PathBuf {
    folder.path().join("log")
}
