//! Opening the store: the tables, and the settings that durability rests on.

use counterfoil::idempotency::Survives;
use sqlx::{PgConnection, PgPool};

use super::{PostgresStore, migrations};
use crate::Tables;

/// The oldest release whose statements and planner are known to do what we ask: 12.
const LEAST_VERSION: i32 = 120_000;

/// Settings of a [`PostgresStore`].
#[derive(Debug, Clone)]
#[must_use]
pub struct PostgresStoreBuilder {
    pool: PgPool,
    tables: Tables,
    migrate: bool,
}

impl PostgresStoreBuilder {
    pub(super) fn new(pool: PgPool) -> Self {
        Self { pool, tables: Tables::new(), migrate: false }
    }

    /// In these tables; default: [`Tables::new`].
    pub fn tables(mut self, tables: Tables) -> Self {
        self.tables = tables;
        self
    }

    /// Makes the tables, or brings them to this release's version, where opening would otherwise fail.
    pub fn migrate(mut self) -> Self {
        self.migrate = true;
        self
    }

    /// Opens the store. Operations run on the tokio runtime that this is called on, whichever calls them later.
    ///
    /// # Errors
    /// The database cannot be reached, its tables are missing or of another version, or it would forget what it
    /// acknowledged.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn open(self) -> Result<PostgresStore, OpenError> {
        let mut connection = self.pool.acquire().await?;
        let durability = check(&mut connection).await?;
        if self.migrate {
            migrations::migrate(&mut connection, &self.tables).await?;
        } else {
            migrations::verify(&mut connection, &self.tables).await?;
        }
        drop(connection);
        Ok(PostgresStore::start(self.pool, self.tables, durability))
    }
}

/// What the server's settings let an acknowledged event survive.
async fn check(connection: &mut PgConnection) -> Result<Survives, OpenError> {
    type Settings = (i32, bool, bool, String, String, String, String);
    let (version, standby, reads, isolation, fsync, commit, replicas): Settings = sqlx::query_as(
        "SELECT current_setting('server_version_num')::int4, pg_is_in_recovery(),
                current_setting('transaction_read_only')::bool, current_setting('default_transaction_isolation'),
                current_setting('fsync'),
                current_setting('synchronous_commit'), current_setting('synchronous_standby_names')",
    )
    .fetch_one(connection)
    .await?;
    if version < LEAST_VERSION {
        return Err(OpenError::ServerTooOld { version });
    }
    if standby {
        return Err(OpenError::Standby);
    }
    if reads {
        return Err(OpenError::ReadOnly);
    }
    if isolation != "read committed" {
        return Err(OpenError::Isolation { level: isolation });
    }
    let replicated = !replicas.is_empty();
    match (commit.as_str(), fsync.as_str()) {
        ("off", _) => Err(OpenError::AsynchronousCommit),
        (_, "off") => {
            tracing::warn!(target: "counterfoil", "PostgreSQL runs with fsync off: after a loss of power it forgets events it acknowledged, or does not start");
            Ok(Survives::ProcessCrash)
        }
        ("on" | "remote_apply", _) if replicated => Ok(Survives::NodeLoss),
        _ => Ok(Survives::PowerLoss),
    }
}

/// The database cannot be used as a store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The server is older than PostgreSQL 12.
    #[error("PostgreSQL {version} is too old: at least 120000 (12.0) is needed")]
    ServerTooOld {
        /// Its `server_version_num`.
        version: i32,
    },
    /// The server is a standby, which takes no writes.
    #[error("the server is a standby: connect to the primary, such as with target_session_attrs=read-write")]
    Standby,
    /// Sessions of this role or database may only read.
    #[error("transactions may only read: set default_transaction_read_only = off for this role and database")]
    ReadOnly,
    /// Statements would fail where others write beside them, instead of seeing what these have written.
    #[error(
        "default_transaction_isolation is `{level}`: set it to `read committed` for this role or this pool; your own \
         transactions can still begin at another level"
    )]
    Isolation {
        /// The level.
        level: String,
    },
    /// The server acknowledges commits that it has not written.
    #[error(
        "synchronous_commit is off, so that a crash of the server forgets acknowledged events: switch it on for this \
         role or this pool, such as with PgConnectOptions::options([(\"synchronous_commit\", \"on\")])"
    )]
    AsynchronousCommit,
    /// The tables are missing, or of an earlier version.
    #[error("the tables are missing or of an earlier version: open the store with `migrate()`, or run\n{sql}")]
    NotMigrated {
        /// What is to be run.
        sql: String,
    },
    /// The tables are another program's, or were changed by hand.
    #[error(
        "{table} has a version {version} that no release of counterfoil-sqlx made: choose another prefix or schema"
    )]
    OtherTables {
        /// The table that says so.
        table: String,
        /// The version.
        version: i32,
    },
    /// The tables were made by a later release that this one cannot work beside.
    #[error("the tables have version {found}, this release knows {known}: update counterfoil-sqlx")]
    Newer {
        /// The tables' version.
        found: i32,
        /// The last version known.
        known: i32,
    },
    /// The database refused, or could not be reached.
    #[error("the database cannot be used")]
    Database {
        /// What it said.
        #[from]
        source: sqlx::Error,
    },
}
