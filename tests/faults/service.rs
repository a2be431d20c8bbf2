//! The service, as a process, under `strace` or not.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use counterfoil_testkit::strace;
use tempfile::TempDir;

use crate::sender::SECRET;
use crate::terms::Fault;
use crate::trace::Trace;

/// How long an event stays claimed by a process that is gone, in seconds.
const LEASE: &str = "2";

/// Where the service has its files.
pub(crate) struct Place {
    folder: TempDir,
    /// Those of the store, which may be elsewhere.
    pub(crate) store: PathBuf,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("webhooks.db");
        Self { folder, store }
    }

    pub(crate) fn with_store_in(folder: &Path) -> Self {
        Self { store: folder.join("webhooks.db"), ..Self::new() }
    }

    pub(crate) fn books(&self) -> PathBuf {
        self.folder.path().join("orders.db")
    }

    pub(crate) fn trace(&self) -> Trace {
        Trace::of(&self.folder.path().join("trace"))
    }

    pub(crate) fn log(&self) -> String {
        let log = fs::read(self.folder.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// A process that does not outlive the one that waits for it, however that ends.
    fn command(&self, fault: Option<&Fault>) -> Command {
        let mut words: Vec<OsString> = vec!["--pdeathsig".into(), "KILL".into()];
        if let Some(fault) = fault {
            words.extend([strace().into(), "-f".into(), "-qq".into(), "-y".into(), "-o".into()]);
            words.push(self.folder.path().join("trace").into());
            for file in fault.target.files() {
                words.extend(["-P".into(), self.store.with_file_name(file).into()]);
            }
            words.extend(["-e".into(), format!("trace={},fsync,fdatasync", fault.call.names()).into()]);
            words.extend(["-e".into(), fault.injection().into()]);
            words.extend(["setpriv".into(), "--pdeathsig".into(), "KILL".into()]);
        }
        words.push(env!("CARGO_BIN_EXE_hostile-axum-orders").into());
        let log = OpenOptions::new().create(true).append(true).open(self.folder.path().join("log")).unwrap();
        let mut command = Command::new("setpriv");
        command.args(words).current_dir(&self.folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        command.env("PORT", "0").env("LEASE_SECONDS", LEASE).env("HANDL_SECRET", SECRET);
        command.env("STORE", format!("sqlite:{}", self.store.display())).env("DB", self.books());
        command
    }
}

/// A running service, which is killed with this.
pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    child: Child,
    /// Open as long as any of its processes is there.
    stdout: BufReader<ChildStdout>,
}

impl Service {
    /// `None` where it has ended instead.
    pub(crate) fn start(place: &Place, fault: Option<&Fault>) -> Option<Self> {
        let mut child = place.command(fault).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").map(|address| address.parse().unwrap());
        let Some(address) = address else {
            assert!(!child.wait().unwrap().success(), "it says that all went well: {line:?} {}", place.log());
            return None;
        };
        Some(Self { address, child, stdout })
    }
}

impl Drop for Service {
    /// Without a warning, and not back before nothing of it is left.
    fn drop(&mut self) {
        let _ = self.child.kill();
        self.child.wait().unwrap();
        let _ = self.stdout.read_to_end(&mut Vec::new());
    }
}
