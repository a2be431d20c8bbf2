//! Opening the file: settings, checks and migrations.

use std::error::Error;
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

/// Earlier versions can corrupt a write-ahead log that two connections use while it is reset.
const LEAST_VERSION: i32 = 3_051_003;

/// Marks the file as ours: `cfol` in ASCII.
const APPLICATION_ID: i32 = 0x6366_6f6c;

/// How long another process may hold the write lock before we give up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How long to wait before opening again.
const BUSY_PAUSE: Duration = Duration::from_millis(5);

/// `PRAGMA synchronous`: the log is synced at every commit.
const FULL: i64 = 2;

/// The log is cut back to this after a checkpoint.
const JOURNAL_BYTES: i64 = 64 * 1024 * 1024;

/// Each brings the file from one version to the next. Only ever added to.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE event (
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
    CREATE INDEX event_expires_at ON event (expires_at);
"];

/// The file cannot be used as a store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The SQLite library is too old.
    #[error("SQLite {version} can corrupt its log: at least 3.51.3 is needed; build with the bundled one")]
    LibraryTooOld {
        /// The version that was linked.
        version: &'static str,
    },
    /// The file holds another application's tables.
    #[error("the file is another application's database: give the store a file of its own")]
    NotOurs,
    /// The file was written by a later version.
    #[error("the file has version {found}, this release knows {known}: update counterfoil-sqlite")]
    Newer {
        /// The file's version.
        found: i64,
        /// The last version known.
        known: usize,
    },
    /// The file does not take a write-ahead log, as in memory or on some network file systems.
    #[error("the file cannot have a write-ahead log (journal mode is `{mode}`): use a file on a local disk")]
    NoLog {
        /// The journal mode that it has.
        mode: String,
    },
    /// The file is not synced at every commit though it was told to be.
    #[error("the file is not synced at every commit (synchronous is {level}, not FULL)")]
    NotSynced {
        /// The level that it has.
        level: i64,
    },
    /// The file, or its folder, is not there or cannot be written.
    #[error("the file cannot be opened for writing: its folder must exist, and both must be writable")]
    NotWritable {
        /// What SQLite said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// SQLite refused.
    #[error("the file could not be opened")]
    Sqlite {
        /// What it said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// No thread could be started.
    #[error("the store's thread could not be started")]
    Thread {
        /// What the system said.
        source: io::Error,
    },
}

impl OpenError {
    fn is_busy(&self) -> bool {
        let Self::Sqlite { source } = self else { return false };
        let code = source.downcast_ref::<rusqlite::Error>().and_then(rusqlite::Error::sqlite_error_code);
        matches!(code, Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
    }
}

// Not `#[from]`: whose version of rusqlite this is depends on the application, so it is no part of the API.
fn sqlite(source: rusqlite::Error) -> OpenError {
    match source.sqlite_error_code() {
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen) => OpenError::NotWritable { source: Box::new(source) },
        _ => OpenError::Sqlite { source: Box::new(source) },
    }
}

pub(crate) fn open(path: &Path) -> Result<Connection, OpenError> {
    let give_up = Instant::now() + BUSY_TIMEOUT;
    loop {
        match try_open(path) {
            // Entering and leaving the log takes the whole file for a moment, and SQLite does not wait for that.
            Err(error) if error.is_busy() && Instant::now() < give_up => thread::sleep(BUSY_PAUSE),
            other => return other,
        }
    }
}

fn try_open(path: &Path) -> Result<Connection, OpenError> {
    if rusqlite::version_number() < LEAST_VERSION {
        return Err(OpenError::LibraryTooOld { version: rusqlite::version() });
    }
    let mut connection = Connection::open(path).map_err(sqlite)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(sqlite)?;
    check_owner(&mut connection)?;
    let (mode, level) = configure(&connection).map_err(sqlite)?;
    if mode != "wal" {
        return Err(OpenError::NoLog { mode });
    }
    if level != FULL {
        return Err(OpenError::NotSynced { level });
    }
    migrate(&mut connection)?;
    Ok(connection)
}

/// Looks before anything is changed, so that a wrong path costs nobody a database. One read transaction:
/// another process may be making the file at this moment.
fn check_owner(connection: &mut Connection) -> Result<(), OpenError> {
    let mut look = || {
        let transaction = connection.transaction()?;
        let owner: i32 = transaction.pragma_query_value(None, "application_id", |row| row.get(0))?;
        let tables: i64 = transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        Ok((owner, tables))
    };
    match look().map_err(sqlite)? {
        (APPLICATION_ID, _) | (0, 0) => Ok(()),
        _ => Err(OpenError::NotOurs),
    }
}

/// Sets what durability rests on, and reads back what was made of it.
fn configure(connection: &Connection) -> rusqlite::Result<(String, i64)> {
    let mode = connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    connection.pragma_update(None, "synchronous", FULL)?;
    // Where a plain sync stops at the drive's cache, as on macOS; elsewhere these change nothing.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    connection.pragma_update_and_check(None, "journal_size_limit", JOURNAL_BYTES, |_| Ok(()))?;
    connection.set_prepared_statement_cache_capacity(32);
    let level = connection.pragma_query_value(None, "synchronous", |row| row.get(0))?;
    Ok((mode, level))
}

fn migrate(connection: &mut Connection) -> Result<(), OpenError> {
    // Immediate, so that of two processes that start at once the second sees what the first has done.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sqlite)?;
    let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(sqlite)?;
    let newer = OpenError::Newer { found: version, known: MIGRATIONS.len() };
    let done = usize::try_from(version).ok();
    let missing = done.and_then(|done| MIGRATIONS.get(done..)).ok_or(newer)?;
    run_migrations(&transaction, missing).and_then(|()| transaction.commit()).map_err(sqlite)
}

fn run_migrations(connection: &Connection, missing: &[&str]) -> rusqlite::Result<()> {
    if missing.is_empty() {
        return Ok(());
    }
    missing.iter().try_for_each(|migration| connection.execute_batch(migration))?;
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX))
}
