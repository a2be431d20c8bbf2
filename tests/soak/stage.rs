//! Where a run takes place: its folder, and its store.

use std::path::{Path, PathBuf};
use std::time::Duration;

use counterfoil_testkit::PrivatePostgres;
use rusqlite::{Connection, OpenFlags};
use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::settings::Backend;

/// How long a look at the rows may wait for whoever writes.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Stage {
    folder: TempDir,
    url: String,
    /// SQLite has none.
    server: Option<PrivatePostgres>,
}

impl Stage {
    pub(crate) fn set(backend: Backend) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = (backend == Backend::Postgres).then(PrivatePostgres::start);
        let file = folder.path().join("webhooks.db").to_str().unwrap().to_owned();
        let url = server.as_ref().map_or(file, PrivatePostgres::url);
        Self { folder, url, server }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn effects(&self) -> PathBuf {
        self.folder().join("effects")
    }

    /// A look at the store past the code under test. The receivers have made its tables.
    pub(crate) fn look(&self) -> Look {
        if self.server.is_some() {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let connection = runtime.block_on(PgConnection::connect(&self.url)).unwrap();
            return Look::Postgres(runtime, Box::new(connection));
        }
        let connection = Connection::open_with_flags(&self.url, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        connection.busy_timeout(PATIENCE).unwrap();
        Look::Sqlite(connection)
    }
}

pub(crate) enum Look {
    Sqlite(Connection),
    Postgres(Runtime, Box<PgConnection>),
}

impl Look {
    /// How many rows there are, expired or not.
    pub(crate) fn rows(&mut self) -> u32 {
        let count: i64 = match self {
            Self::Sqlite(connection) => {
                connection.query_row("SELECT count(*) FROM event", [], |row| row.get(0)).unwrap()
            }
            Self::Postgres(runtime, connection) => {
                let query = sqlx::query_scalar("SELECT count(*) FROM counterfoil_event");
                runtime.block_on(query.fetch_one(&mut **connection)).unwrap()
            }
        };
        u32::try_from(count).unwrap()
    }
}
