//! Opening a store as it is, without making anything.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use counterfoil::idempotency::Store;
use counterfoil_redis::RedisStore;
use counterfoil_sqlite::SqliteStore;
use counterfoil_sqlx::{PostgresStore, Tables, sqlite};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{ConnectOptions as _, Connection as _, PgPool};

use super::StoreProblem;

/// How long a server may take to let us in, and a file may be locked.
const CONNECT: Duration = Duration::from_secs(10);

/// The `application_id` of a SQLite file that is a store and nothing else: `cfol` in ASCII.
const STORE_FILE: i32 = 0x6366_6f6c;

/// A store that has been opened.
pub(super) struct Opened {
    pub(super) store: Arc<dyn Store>,
    pub(super) engine: Engine,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Engine {
    Sqlite,
    Postgres,
    Redis,
}

/// A store's own file, or the tables in an application's file.
pub(super) async fn sqlite(path: &Path, tables: Tables, named: bool) -> Result<Opened, StoreProblem> {
    let store: Arc<dyn Store> = match (owner(path).map_err(|error| refused(path, error))?, named) {
        (STORE_FILE, true) => return Err(StoreProblem::NoPrefix),
        (STORE_FILE, false) => Arc::new(SqliteStore::open(path)?),
        _ => {
            let options = SqliteConnectOptions::new().filename(path).create_if_missing(false).busy_timeout(CONNECT);
            let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
            Arc::new(sqlite::SqliteStore::builder(pool).tables(tables).open().await?)
        }
    };
    Ok(Opened { store, engine: Engine::Sqlite })
}

/// Looks first: a store makes its file and its tables where they are missing, and nobody would look for them there.
fn owner(path: &Path) -> rusqlite::Result<i32> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(CONNECT)?;
    connection.pragma_query_value(None, "application_id", |row| row.get(0))
}

fn refused(path: &Path, source: rusqlite::Error) -> StoreProblem {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.into());
    match source.sqlite_error_code() {
        Some(ErrorCode::CannotOpen) => StoreProblem::NotThere { path },
        _ => StoreProblem::File { path, source },
    }
}

pub(super) async fn postgres(url: &str, tables: Tables) -> Result<Opened, StoreProblem> {
    let store = PostgresStore::builder(pool(url).await?).tables(tables).open().await?;
    Ok(Opened { store: Arc::new(store), engine: Engine::Postgres })
}

pub(super) async fn pool(url: &str) -> Result<PgPool, StoreProblem> {
    let options: PgConnectOptions = url.parse().map_err(|error: sqlx::Error| StoreProblem::Url(error.into()))?;
    // A pool does not say what is wrong: it tries until it has no more time.
    let probe = tokio::time::timeout(CONNECT, options.connect()).await;
    probe.map_err(|_| StoreProblem::Silent { seconds: CONNECT.as_secs() })??.close().await?;
    Ok(PgPoolOptions::new().max_connections(2).acquire_timeout(CONNECT).connect_lazy_with(options))
}

pub(super) async fn redis(url: &str, prefix: Option<&str>) -> Result<Opened, StoreProblem> {
    // An error means that there is one already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut builder = RedisStore::builder(url);
    if let Some(prefix) = prefix {
        builder = builder.prefix(prefix);
    }
    Ok(Opened { store: Arc::new(builder.open().await?), engine: Engine::Redis })
}
