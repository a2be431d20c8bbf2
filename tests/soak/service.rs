//! One receiver, as a process.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::settings::Settings;
use crate::stage::Stage;

/// A receiver that is told to stop has ended by then.
const STOPPED: Duration = Duration::from_secs(60);

/// A running receiver, which ends with this.
pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    child: Child,
    log: PathBuf,
}

impl Service {
    pub(crate) fn start(number: usize, stage: &Stage, settings: &Settings) -> Self {
        let log = stage.folder().join(format!("{number}.log"));
        // It is not to outlive a test that is killed.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", env!("CARGO_BIN_EXE_soak-receiver"), stage.url()]);
        command.arg(settings.retention.as_secs().to_string()).arg(stage.effects());
        let mut child = command.stdout(Stdio::piped()).stderr(File::create(&log).unwrap()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").and_then(|address| address.parse().ok());
        let address = address.unwrap_or_else(|| panic!("{line:?}\n{}", fs::read_to_string(&log).unwrap()));
        Self { address, child, log }
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
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }

    /// What it has logged, of which there is nothing unless something went wrong.
    pub(crate) fn log(&self) -> Vec<String> {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap()).lines().map(str::to_owned).collect()
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }
}

/// KiB that a process has in memory; 0 of one that has ended.
pub(crate) fn memory(process: u32) -> u32 {
    let path = Path::new("/proc").join(process.to_string()).join("status");
    let status = fs::read_to_string(path).unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    resident.map_or(0, |text| text.trim().strip_suffix(" kB").unwrap().parse().unwrap())
}
