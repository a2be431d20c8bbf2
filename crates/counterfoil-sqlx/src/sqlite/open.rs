//! Opening the store: the tables, and the settings that durability rests on.

use counterfoil::idempotency::Survives;
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection, SqlitePool};

use super::SqliteStore;
use crate::Tables;

/// Earlier versions can corrupt a write-ahead log that two connections use while it is reset.
const LEAST_VERSION: [u32; 3] = [3, 51, 3];

/// The version of the tables. A later one is refused.
const VERSION: i64 = 1;

const TABLES: &str = "
CREATE TABLE counterfoil_meta (version INTEGER PRIMARY KEY) STRICT;
CREATE TABLE counterfoil_event (
    scope       INTEGER NOT NULL,
    key         BLOB    NOT NULL CHECK (length(key) = 16),
    fingerprint BLOB    NOT NULL CHECK (length(fingerprint) = 16),
    state       INTEGER NOT NULL CHECK (state BETWEEN 0 AND 3), -- ready, claimed, done, dead
    token       INTEGER NOT NULL,
    attempts    INTEGER NOT NULL,
    lease_until INTEGER NOT NULL, -- this and the following: microseconds since 1970
    first_at    INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    note        TEXT    NOT NULL,
    reason      TEXT,
    PRIMARY KEY (scope, key)
) STRICT, WITHOUT ROWID;
INSERT INTO counterfoil_meta VALUES (1);
";

/// Settings of a [`SqliteStore`].
#[derive(Debug, Clone)]
#[must_use]
pub struct SqliteStoreBuilder {
    pool: SqlitePool,
    tables: Tables,
    migrate: bool,
}

impl SqliteStoreBuilder {
    pub(super) fn new(pool: SqlitePool) -> Self {
        Self { pool, tables: Tables::new(), migrate: false }
    }

    /// In these tables; default: [`Tables::new`].
    pub fn tables(mut self, tables: Tables) -> Self {
        self.tables = tables;
        self
    }

    /// Makes the tables where they are missing and opening would otherwise fail.
    pub fn migrate(mut self) -> Self {
        self.migrate = true;
        self
    }

    /// Opens the store. Operations run on the tokio runtime that this is called on, whichever calls them later.
    ///
    /// # Errors
    /// The database cannot be used, or its tables are missing or of a later version.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn open(self) -> Result<SqliteStore, OpenError> {
        let mut connection = self.pool.acquire().await?;
        let durability = check(&mut connection).await?;
        if self.migrate {
            migrate(&mut connection, &self.tables).await?;
        }
        match version(&mut connection, &self.tables).await? {
            None => return Err(OpenError::NotMigrated { sql: script(&self.tables) }),
            Some(found) if found > VERSION => return Err(OpenError::Newer { found, known: VERSION }),
            Some(_) => {}
        }
        drop(connection);
        Ok(SqliteStore::start(self.pool, &self.tables, durability))
    }
}

/// The statements that make the tables.
pub(super) fn script(tables: &Tables) -> String {
    // The index is made in the schema of its own name, and names its table without one.
    let index = format!("{}_expires_at", tables.event().trim_end_matches('"')) + "\"";
    let table = tables.event();
    let table = table.rsplit('.').next().unwrap_or(&table);
    format!("{}CREATE INDEX {index} ON {table} (expires_at);\n", tables.statement(TABLES))
}

async fn migrate(connection: &mut SqliteConnection, tables: &Tables) -> Result<(), sqlx::Error> {
    // Immediate, so that of two processes that start at once the second sees what the first has done.
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    if version(&mut transaction, tables).await?.is_none() {
        sqlx::raw_sql(AssertSqlSafe(script(tables))).execute(&mut *transaction).await?;
    }
    transaction.commit().await
}

/// The version of the tables; `None` where there are none.
async fn version(connection: &mut SqliteConnection, tables: &Tables) -> Result<Option<i64>, sqlx::Error> {
    let meta = tables.meta();
    let name = meta.rsplit('.').next().unwrap_or_default().trim_matches('"');
    let schema = tables.schema_name().map(|schema| format!("\"{schema}\".")).unwrap_or_default();
    let there: i64 =
        sqlx::query_scalar(AssertSqlSafe(format!("SELECT count(*) FROM {schema}sqlite_schema WHERE name = ?1")))
            .bind(name)
            .fetch_one(&mut *connection)
            .await?;
    if there == 0 {
        return Ok(None);
    }
    sqlx::query_scalar(AssertSqlSafe(format!("SELECT max(version) FROM {meta}"))).fetch_one(connection).await
}

/// What the library and the connection's settings let an acknowledged event survive.
async fn check(connection: &mut SqliteConnection) -> Result<Survives, OpenError> {
    let version: String = sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&mut *connection).await?;
    let parts: Vec<u32> = version.split('.').map_while(|part| part.parse().ok()).collect();
    if parts.as_slice() < LEAST_VERSION.as_slice() {
        return Err(OpenError::LibraryTooOld { version });
    }
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut *connection).await?;
    let level: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(connection).await?;
    Ok(match (mode.as_str(), level) {
        // A database in memory, or one without a journal to recover from.
        ("memory" | "off", _) => Survives::Nothing,
        (_, 2..) => Survives::PowerLoss,
        _ => Survives::ProcessCrash,
    })
}

/// The database cannot be used as a store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The SQLite library is too old.
    #[error("SQLite {version} can corrupt its log: at least 3.51.3 is needed; build with the bundled one")]
    LibraryTooOld {
        /// The version that was linked.
        version: String,
    },
    /// The tables are missing.
    #[error("the tables are missing: open the store with `migrate()`, or run\n{sql}")]
    NotMigrated {
        /// What is to be run.
        sql: String,
    },
    /// The tables were made by a later release.
    #[error("the tables have version {found}, this release knows {known}: update counterfoil-sqlx")]
    Newer {
        /// The tables' version.
        found: i64,
        /// The last version known.
        known: i64,
    },
    /// SQLite refused.
    #[error("the database cannot be used")]
    Database {
        /// What it said.
        #[from]
        source: sqlx::Error,
    },
}
