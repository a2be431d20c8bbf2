//! A service of ours, as a process.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// A service that is told to stop has ended by then.
const STOPPED: Duration = Duration::from_secs(60);

/// A running service, which is killed with this, and with the test process however that ends.
#[derive(Debug)]
pub struct Service {
    address: SocketAddr,
    child: Child,
    log: PathBuf,
}

impl Service {
    /// Starts `service`, which has to say `listening on http://ADDRESS` first of all; what it writes to standard error goes into
    /// `log`. Needs `setpriv`, of util-linux.
    ///
    /// # Panics
    /// It cannot be started, or says something else; the text has its log.
    #[must_use]
    pub fn start(service: &Command, log: PathBuf) -> Self {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).arg(service.get_program()).args(service.get_args());
        command.envs(service.get_envs().filter_map(|(name, value)| Some((name, value?))));
        if let Some(folder) = service.get_current_dir() {
            command.current_dir(folder);
        }
        let stderr = File::create(&log).expect("a log");
        let mut child = command.stdout(Stdio::piped()).stderr(stderr).spawn().expect("setpriv, of util-linux");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line of UTF-8");
        let address = line.trim().strip_prefix("listening on http://").and_then(|address| address.parse().ok());
        let said = || String::from_utf8_lossy(&fs::read(&log).unwrap_or_default()).into_owned();
        let address = address.unwrap_or_else(|| panic!("{line:?}\n{}", said()));
        Self { address, child, log }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The number of the process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it is still running.
    ///
    /// # Panics
    /// The system does not say.
    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().expect("the state of a child").is_none()
    }

    /// Tells it to stop, and waits a minute at most until it has. Whether it has, and says that all went well.
    ///
    /// # Panics
    /// It cannot be told.
    pub fn stop(&mut self) -> bool {
        let pid = i32::try_from(self.id()).ok().and_then(Pid::from_raw).expect("a number of a process");
        kill_process(pid, Signal::TERM).expect("a process of ours");
        let told = Instant::now();
        while told.elapsed() < STOPPED {
            if let Some(status) = self.child.try_wait().expect("the state of a child") {
                return status.success();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }

    /// What it has written to standard error.
    ///
    /// # Panics
    /// Its log cannot be read.
    #[must_use]
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).expect("a log")).into_owned()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
