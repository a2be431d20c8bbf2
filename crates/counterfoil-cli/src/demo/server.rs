//! The receiver of the demo: the axum example, in a process of its own that can be killed.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use agencyhandy_endpoint::Endpoint;
use reqwest::Client;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::DemoError;
use super::events::{WEBHOOK_ID, asked};
use super::fault::Tables;
use crate::error::Error;

/// How long an event of a killed process stays claimed: as short as a lease may sensibly be, so that the demo
/// can wait for it.
const LEASE_SECONDS: &str = "3";

/// Starting is a matter of milliseconds; a slow disk gets this long.
const START: Duration = Duration::from_secs(20);

/// Serve the demo's receiver
#[derive(clap::Args)]
pub(crate) struct DemoServer {}

impl DemoServer {
    pub(crate) fn run(self) -> Result<ExitCode, Error> {
        // The demo holds the other end of stdin. When the demo is gone, however it went, so is this.
        std::thread::spawn(|| {
            let _ = io::copy(&mut io::stdin(), &mut io::sink());
            std::process::exit(0);
        });
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Error::Runtime)?;
        let served = runtime.block_on(async { axum_orders::serve(axum_orders::Config::from_env().await?).await });
        served.map_err(|source| Error::Demo(DemoError::Server(source)))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Where the server keeps what must survive it.
pub(super) struct Home {
    folder: tempfile::TempDir,
    /// As the example takes it. May hold a password.
    store: String,
    secret: &'static str,
    /// Stands in for the endpoints that are asked about deliveries, and outlives the server.
    pub(super) endpoint: Endpoint,
}

impl Home {
    /// With the store that the environment names, or one in the folder.
    pub(super) async fn new(secret: &'static str) -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let own = || format!("sqlite:{}", folder.path().join("webhooks.db").display());
        let store = std::env::var("STORE").unwrap_or_else(|_| own());
        Ok(Self { folder, store, secret, endpoint: Endpoint::start(WEBHOOK_ID, secret).await? })
    }

    pub(super) fn tables(&self) -> Tables {
        if self.is_postgres() { Tables::Postgres(self.store.clone()) } else { Tables::Sqlite(self.orders()) }
    }

    /// Where to look for what the server has written, for people.
    pub(super) fn place(&self) -> String {
        let database = if self.is_postgres() { " and in the database's schema axum_orders" } else { "" };
        format!("{}{database}", self.folder.path().display())
    }

    pub(super) async fn start(&self) -> Result<Server, DemoError> {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log())?;
        let mut command = Command::new(std::env::current_exe()?);
        command
            .arg("demo-server")
            .env("PORT", "0")
            .env("STORE", &self.store)
            .env("DB", self.orders())
            .env("LEASE_SECONDS", LEASE_SECONDS)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true);
        for sender in &counterfoil::senders::ALL {
            let prefix = sender.name.to_uppercase().replace('-', "_");
            command.env(format!("{prefix}_SECRET"), self.secret);
            if asked(sender) {
                command.env(format!("{prefix}_WEBHOOK_ID"), WEBHOOK_ID);
                command.env(format!("{prefix}_ENDPOINT"), self.endpoint.url());
            }
        }
        let mut child = command.spawn()?;
        let stdout = child.stdout.take().ok_or_else(|| io::Error::other("the server has no stdout"))?;
        let mut lines = BufReader::new(stdout).lines();
        let first = tokio::time::timeout(START, lines.next_line()).await.unwrap_or(Ok(None))?;
        match first.as_deref().and_then(|line| line.strip_prefix("listening on ")) {
            Some(address) => Ok(Server { child, address: address.to_owned() }),
            None => Err(DemoError::NoStart { said: self.last_words()? }),
        }
    }

    fn orders(&self) -> PathBuf {
        self.folder.path().join("orders.db")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("server.log")
    }

    fn is_postgres(&self) -> bool {
        matches!(self.store.split_once(':'), Some(("postgres" | "postgresql", _)))
    }

    fn last_words(&self) -> io::Result<String> {
        let log = std::fs::read_to_string(self.log())?;
        let last = log.lines().last().unwrap_or("it does not say why");
        Ok(last.trim_start_matches("error: ").to_owned())
    }
}

/// The running server.
pub(super) struct Server {
    child: Child,
    address: String,
}

impl Server {
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    /// SIGKILL: no handler of the server's runs, nothing is flushed.
    pub(super) async fn kill(mut self) -> io::Result<()> {
        self.child.kill().await
    }

    /// Counts by key: `/applied` or `/runs`.
    pub(super) async fn counts(&self, client: &Client, path: &str) -> Result<BTreeMap<String, usize>, DemoError> {
        self.get(client, path).await
    }

    /// How many orders and invoices of each sender the example has whose id begins with `prefix`.
    pub(super) async fn booked(&self, client: &Client, prefix: &str) -> Result<BTreeMap<String, usize>, DemoError> {
        #[derive(Deserialize)]
        struct Entry {
            sender: String,
            id: String,
        }
        let mut booked = BTreeMap::new();
        for path in ["/orders", "/invoices"] {
            let entries: Vec<Entry> = self.get(client, path).await?;
            for entry in entries.into_iter().filter(|entry| entry.id.starts_with(prefix)) {
                *booked.entry(entry.sender).or_default() += 1;
            }
        }
        Ok(booked)
    }

    async fn get<T: DeserializeOwned>(&self, client: &Client, path: &str) -> Result<T, DemoError> {
        let body = client.get(self.url(path)).send().await?.error_for_status()?.bytes().await?;
        Ok(serde_json::from_slice(&body).map_err(io::Error::from)?)
    }
}
