//! Where a service runs, and what it is told.

use std::env;
use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use counterfoil_testkit::python;
use tempfile::TempDir;

use crate::event::SECRET;
use crate::service::Service;

/// One of the examples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Axum,
    Actix,
    Fastapi,
}

/// The senders whose signature a service checks by itself.
const SENDERS: [&str; 6] = ["HANDL", "AGILED", "ANGAGE", "ANGAGE_MARKETPLACE", "AGENCY_OS_AI", "AGENCY_OS_AI_PLUGIN"];

impl Kind {
    pub(crate) fn words(self) -> Vec<OsString> {
        match self {
            Self::Axum => vec![env!("CARGO_BIN_EXE_hostile-axum-orders").into()],
            Self::Actix => vec![env!("CARGO_BIN_EXE_hostile-actix-invoices").into()],
            Self::Fastapi => vec![python().into(), "-m".into(), "fastapi_orders".into()],
        }
    }

    /// A command with an environment of its own.
    pub(crate) fn command(self, words: &[OsString], place: &Place) -> Command {
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).current_dir(&place.folder);
        for sender in SENDERS {
            command.env_remove(format!("{sender}_SECRET"));
        }
        command.env_remove("DB").env("PORT", "0").env("STORE", &place.store);
        command.env("LEASE_SECONDS", place.lease_seconds.to_string());
        if self == Self::Fastapi {
            let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
            let path = env::join_paths(["python-ledger", "fastapi-orders"].map(|folder| examples.join(folder)));
            command.env("PYTHONPATH", path.unwrap()).env("PYTHONDONTWRITEBYTECODE", "1");
        }
        command.envs(place.variables.iter().cloned());
        command
    }
}

/// Where a service has its files, and what it is told.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) kind: Kind,
    pub(crate) folder: PathBuf,
    store: String,
    lease_seconds: u64,
    variables: Vec<(String, String)>,
    /// Goes with the last one that uses it.
    _kept: Arc<TempDir>,
    /// Nobody lets go of what is shared by all tests.
    pub(crate) is_left_to_the_guard: bool,
}

impl Place {
    /// Events in a SQLite file, orders and invoices in another.
    pub(crate) fn new(kind: Kind) -> Self {
        let kept = Arc::new(tempfile::tempdir().unwrap());
        let folder = kept.path().to_owned();
        let variables = SENDERS.map(|sender| (format!("{sender}_SECRET"), SECRET.to_owned())).into();
        Self {
            kind,
            folder,
            store: "sqlite:webhooks.db".into(),
            // Longer than any handler here takes, on any machine.
            lease_seconds: 30,
            variables,
            _kept: kept,
            is_left_to_the_guard: false,
        }
    }

    pub(crate) fn left_to_the_guard(self) -> Self {
        Self { is_left_to_the_guard: true, ..self }
    }

    pub(crate) fn store(self, url: &str) -> Self {
        Self { store: url.into(), ..self }
    }

    pub(crate) fn lease_seconds(self, lease_seconds: u64) -> Self {
        Self { lease_seconds, ..self }
    }

    /// With no other secret or setting than this.
    pub(crate) fn told<const N: usize>(self, variables: [(&str, &str); N]) -> Self {
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Self { variables, ..self }
    }

    /// With another secret for the same senders.
    pub(crate) fn secret(self, secret: &str) -> Self {
        Self { variables: SENDERS.map(|sender| (format!("{sender}_SECRET"), secret.to_owned())).into(), ..self }
    }

    pub(crate) fn start(&self) -> Service {
        Service::start(self)
    }

    /// Runs it to its end, which comes before it serves.
    pub(crate) fn refuses_to_start(&self) -> String {
        let words = self.kind.words();
        let mut child = self.kind.command(&words, self).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        if !line.is_empty() {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{:?} has started: {line}", self.kind);
        }
        let Output { status, stderr, .. } = child.wait_with_output().unwrap();
        assert!(!status.success(), "{:?}", self.kind);
        String::from_utf8(stderr).unwrap()
    }
}
