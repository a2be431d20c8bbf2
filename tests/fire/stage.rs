//! Where a run takes place: its folder, its store's server, and the way to both.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use counterfoil::idempotency::{Page, Record, Store};
use counterfoil_redis::RedisStore;
use counterfoil_sqlite::SqliteStore;
use counterfoil_sqlx::PostgresStore;
use counterfoil_testkit::{PrivatePostgres, PrivateRedis};
use sqlx::PgPool;
use tempfile::TempDir;

use crate::terms::Backend;

/// Receivers that share the store.
pub(crate) const SLOTS: usize = 2;

pub(crate) struct Stage {
    pub(crate) backend: Backend,
    pub(crate) url: String,
    folder: TempDir,
    server: Arc<Mutex<Server>>,
}

/// What the store runs on. SQLite runs in the receivers, and dies with them.
enum Server {
    None,
    Postgres(PrivatePostgres),
    Redis(PrivateRedis),
}

impl Stage {
    /// Starts a server of this run's own, as durable as it can be.
    pub(crate) fn set(backend: Backend) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (url, server) = match backend {
            Backend::Sqlite => {
                let path = folder.path().join("webhooks.db");
                (path.to_str().expect("a path in UTF-8").to_owned(), Server::None)
            }
            Backend::Postgres | Backend::PostgresTx => {
                let server = PrivatePostgres::start();
                (server.url(), Server::Postgres(server))
            }
            Backend::Redis => {
                let server = PrivateRedis::start(&[("appendonly", "yes"), ("appendfsync", "always")]);
                (server.url(), Server::Redis(server))
            }
        };
        Self { backend, url, folder, server: Arc::new(Mutex::new(server)) }
    }

    pub(crate) fn socket(&self, slot: usize) -> PathBuf {
        self.folder.path().join(format!("{slot}.sock"))
    }

    pub(crate) fn log(&self, slot: usize) -> PathBuf {
        self.folder.path().join(format!("{slot}.log"))
    }

    /// The file of effects, where they are not in a table.
    pub(crate) fn effects(&self) -> PathBuf {
        self.folder.path().join("effects")
    }

    /// Leaves the folder for people, and says where it is.
    pub(crate) fn keep(&mut self) -> PathBuf {
        self.folder.disable_cleanup(true);
        self.folder.path().to_owned()
    }

    /// Kills the store, and starts it again after `down`.
    pub(crate) async fn crash(&self, down: Duration) -> Result<(), String> {
        let server = self.server.clone();
        let crash = move || {
            let mut server = server.lock().map_err(|_| "an earlier crash of the store failed")?;
            match &mut *server {
                Server::None => return Err("this store has no server"),
                Server::Postgres(server) => server.crash(),
                Server::Redis(server) => server.crash(),
            }
            std::thread::sleep(down);
            match &mut *server {
                Server::None => {}
                Server::Postgres(server) => server.restart(),
                Server::Redis(server) => server.restart(),
            }
            Ok(())
        };
        Ok(tokio::task::spawn_blocking(crash).await.map_err(|error| error.to_string())??)
    }

    /// Everything that the store has.
    pub(crate) async fn records(&self) -> Result<Vec<Record>, String> {
        let store = self.store().await.map_err(|error| error.to_string())?;
        let all = Page { state: None, after: None, most: NonZeroU32::MAX };
        store.list(&all).await.map_err(|error| error.to_string())
    }

    async fn store(&self) -> Result<Box<dyn Store>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(match self.backend {
            Backend::Sqlite => Box::new(SqliteStore::open(&self.url)?),
            Backend::Postgres | Backend::PostgresTx => {
                Box::new(PostgresStore::open(PgPool::connect(&self.url).await?).await?)
            }
            Backend::Redis => Box::new(RedisStore::open(&self.url).await?),
        })
    }

    /// The first panic in a receiver's log.
    pub(crate) fn panic(&self, slot: usize) -> Option<String> {
        let log = std::fs::read(self.log(slot)).unwrap_or_default();
        String::from_utf8_lossy(&log).lines().find(|line| line.contains("panicked at")).map(str::to_owned)
    }

    /// What is wrong with the store's files, as far as its engine can tell.
    pub(crate) fn damage(&self) -> Option<String> {
        if self.backend != Backend::Sqlite {
            return None;
        }
        let check = || -> rusqlite::Result<String> {
            rusqlite::Connection::open(&self.url)?.pragma_query_value(None, "integrity_check", |row| row.get(0))
        };
        match check() {
            Ok(verdict) => Some(verdict).filter(|verdict| verdict != "ok"),
            Err(error) => Some(error.to_string()),
        }
    }
}
