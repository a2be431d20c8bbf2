//! Python's frameworks on Python's servers: each in a process of its own, which serves one receiver after the other and is
//! told on another port what its handler does.

use std::collections::HashSet;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;
use std::{fs, thread};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, Version};
use rustix::process::{Pid, Signal, kill_process_group};
use serde::Deserialize;
use tempfile::NamedTempFile;

use crate::client::VERSIONS;
use crate::handler::Act;
use crate::setup::Setup;

/// A framework and its server; what it is called is what `serve.py` knows it by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stack {
    AsgiOnUvicorn,
    AsgiOnHypercorn,
    StarletteOnUvicorn,
    FastapiOnUvicorn,
    DjangoOnUvicorn,
    WsgiOnGunicorn,
    FlaskOnGunicorn,
    DjangoOnGunicorn,
}

impl Stack {
    /// What its server speaks: most know HTTP/1.1 alone.
    pub(crate) fn versions(self) -> &'static [Version] {
        if self == Self::AsgiOnHypercorn { &VERSIONS } else { &VERSIONS[..1] }
    }
}

/// A running server and all that belongs to it, until it is dropped.
pub(crate) struct Process {
    child: Child,
    log: NamedTempFile,
    control: Control,
    secrets: Mutex<HashSet<&'static str>>,
}

/// The first line of its output.
#[derive(Debug, Deserialize)]
struct Ports {
    server: u16,
    control: u16,
}

impl Process {
    pub(crate) async fn start(stack: Stack) -> Self {
        // It may have to be built first.
        let python = tokio::task::spawn_blocking(counterfoil_testkit::python).await.unwrap();
        let log = NamedTempFile::new().unwrap();
        let mut command = Command::new(python);
        command
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/behaviour/servers/python/serve.py"))
            .arg(format!("{stack:?}"));
        command.env_remove("PYTHONPATH").env_remove("PYTHONHOME").env("PYTHONDONTWRITEBYTECODE", "1");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log.reopen().unwrap());
        let mut child = command.process_group(0).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ports: Ports = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{stack:?}: {}", read(&log)));
        let (address, control) = (loopback(ports.server), loopback(ports.control));
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap();
        Self { child, log, control: Control { http, address, control }, secrets: Mutex::default() }
    }

    /// Puts another receiver and another handler in the place of what it serves.
    pub(crate) async fn serve(&self, setup: &Setup, acts: &[Act]) -> Control {
        self.secrets.lock().unwrap().extend(setup.secret);
        let script = serde_json::json!({ "setup": setup, "acts": acts });
        self.control.call(Method::PUT, "script", script.to_string()).await;
        self.control.clone()
    }

    /// Nothing went wrong that the log alone tells of, and nothing stands there that is nobody's business.
    pub(crate) fn assert_calm(&self) {
        let log = read(&self.log);
        let count = |words: &str| log.matches(words).count();
        assert_eq!(count("Traceback (most recent"), count("RuntimeError: the handler was told to fail"));
        for words in ["Exception ignored", "was never", "Warning"] {
            assert_eq!(count(words), 0, "{words}");
        }
        let secrets = self.secrets.lock().unwrap();
        assert!(!secrets.is_empty() && secrets.iter().all(|secret| !log.contains(secret)), "a secret is in the log");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A server has workers. Its process has not been waited for, so that its number is still its own.
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
        if thread::panicking() {
            let _ = writeln!(io::stderr(), "{}", read(&self.log));
        }
    }
}

/// The way to tell a server's handler what to do, and to hear what it did.
#[derive(Debug, Clone)]
pub(crate) struct Control {
    http: reqwest::Client,
    pub(crate) address: SocketAddr,
    control: SocketAddr,
}

/// What has become of a script.
#[derive(Debug, Deserialize)]
pub(crate) struct State {
    pub(crate) runs: usize,
    pub(crate) finished: usize,
    pub(crate) waiting: usize,
    pub(crate) is_ready: bool,
}

impl Control {
    pub(crate) async fn state(&self) -> State {
        serde_json::from_slice(&self.call(Method::GET, "state", String::new()).await).unwrap()
    }

    pub(crate) async fn bodies(&self) -> Vec<Bytes> {
        let texts: Vec<String> =
            serde_json::from_slice(&self.call(Method::GET, "bodies", String::new()).await).unwrap();
        texts.iter().map(|text| STANDARD.decode(text).unwrap().into()).collect()
    }

    pub(crate) async fn release(&self) {
        self.call(Method::POST, "release", String::new()).await;
    }

    pub(crate) async fn shut_down(&self) {
        self.call(Method::POST, "shutdown", String::new()).await;
    }

    async fn call(&self, method: Method, path: &str, body: String) -> Bytes {
        let request = self.http.request(method, format!("http://{}/{path}", self.control)).body(body);
        let response = request.send().await.unwrap();
        let (status, body) = (response.status(), response.bytes().await.unwrap());
        assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&body));
        body
    }
}

fn loopback(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

fn read(log: &NamedTempFile) -> String {
    String::from_utf8_lossy(&fs::read(log.path()).unwrap()).into_owned()
}
