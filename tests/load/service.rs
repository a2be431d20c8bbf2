//! The example services, as processes.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{env, fs};

use counterfoil::receiver::DEFAULT_BODY_LIMIT;
use counterfoil_testkit::memory;
use tempfile::TempDir;

use crate::honest::SECRET;

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

/// A running example.
pub(crate) struct Service {
    pub(crate) example: Example,
    pub(crate) address: SocketAddr,
    process: counterfoil_testkit::Service,
    /// Removed with this.
    _folder: TempDir,
}

impl Service {
    pub(crate) fn start(example: Example) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = example.command();
        command.current_dir(&folder).env("PORT", "0").env("STORE", "memory:").env("HANDL_SECRET", SECRET);
        let process = counterfoil_testkit::Service::start(&command, folder.path().join("log"));
        Self { example, address: process.address(), process, _folder: folder }
    }

    pub(crate) fn is_alive(&mut self) -> bool {
        self.process.is_alive()
    }

    /// Tells it to stop, and waits until it has. Whether it says that all went well.
    pub(crate) fn stop(&mut self) -> bool {
        self.process.stop()
    }

    /// Lines of its log that say more than that something was refused. actix calls it an error if a head cannot be read.
    pub(crate) fn errors(&self) -> Vec<String> {
        let refused = "request parse error";
        let signs = ["ERROR", "panicked", "Traceback", "CRITICAL"];
        let log = self.process.log();
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
        usize::try_from(memory(self.process.id(), field)).unwrap() * 1024
    }

    fn proc(&self, file: &str) -> PathBuf {
        Path::new("/proc").join(self.process.id().to_string()).join(file)
    }
}
