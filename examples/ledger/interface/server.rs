//! A running example, and events for it.

use std::io::{BufRead, BufReader};
#[cfg(unix)]
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use counterfoil::scheme::Sender;
use counterfoil::{Clock, Secret, Signer, SystemClock, time::format_rfc3339};
use reqwest::{Client, RequestBuilder};
use serde_json::Value;
use tempfile::TempDir;

use super::super::program;

pub(crate) const SECRET: &str = "whsec_of_the_example";

pub(crate) struct Server {
    child: Child,
    address: String,
    client: Client,
}

impl Server {
    /// With the secrets of all senders that sign what they send.
    pub(crate) fn start(folder: &TempDir, store: &str) -> Self {
        let senders = ["HANDL", "AGILED", "ANGAGE", "ANGAGE_MARKETPLACE", "AGENCY_OS_AI", "AGENCY_OS_AI_PLUGIN"];
        let secrets = senders.map(|name| (format!("{name}_SECRET"), SECRET.to_owned()));
        Self::start_with(folder, store, secrets)
    }

    pub(crate) fn start_with(
        folder: &TempDir,
        store: &str,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        Self::run(program(), folder, store, variables)
    }

    pub(crate) fn run(
        mut command: Command,
        folder: &TempDir,
        store: &str,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        command.current_dir(folder).env("PORT", "0").env("STORE", store).envs(variables);
        // Some serve in processes of their own, which would outlive the first one.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("{line:?}")).to_owned();
        Self { child, address, client: Client::new() }
    }

    pub(crate) async fn post(&self, sender: &Sender, body: &str) -> u16 {
        self.request(sender, body).send().await.unwrap().status().as_u16()
    }

    pub(crate) fn request(&self, sender: &Sender, body: &str) -> RequestBuilder {
        let signer = Signer::new(sender, &Secret::new(SECRET).unwrap()).unwrap();
        let headers = signer.sign(body.as_bytes(), SystemClock.now()).unwrap();
        self.unsigned(sender, body).headers(headers)
    }

    pub(crate) fn unsigned(&self, sender: &Sender, body: &str) -> RequestBuilder {
        self.client.post(format!("{}/webhooks/{}", self.address, sender.name)).body(body.to_owned())
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let response = self.client.get(format!("{}{path}", self.address)).send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "application/json");
        serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
    }
}

#[cfg(unix)]
impl Server {
    /// Sends it a signal, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let killed = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(killed.unwrap().success());
    }

    /// Waits until it has ended.
    pub(crate) fn end(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// Kills it, and all processes that it has started, without a warning.
    fn kill(&mut self) {
        // The number of one that has ended may be another's by now.
        if self.child.try_wait().unwrap().is_none() {
            let group = format!("-{}", self.child.id());
            let killed = Command::new("kill").args(["-s", "KILL", "--", &group]).status();
            assert!(killed.unwrap().success());
        }
    }
}

#[cfg(not(unix))]
impl Server {
    fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        self.child.wait().unwrap();
    }
}

/// An event about an order, written so many seconds ago.
pub(crate) fn handl_event(id: &str, ago: u64, data: &str) -> String {
    let at = format_rfc3339(SystemClock.now() - Duration::from_secs(ago)).unwrap();
    format!(r#"{{"id":"{id}","type":"order.updated","created_at":"{at}","data":{data}}}"#)
}

/// All that was counted.
pub(crate) fn sum(counts: &Value) -> u64 {
    counts.as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum()
}
