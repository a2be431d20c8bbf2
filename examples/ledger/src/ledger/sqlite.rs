//! The ledger in a SQLite file, which knows nothing of the store.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use counterfoil::Delivery;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::booking::{Booking, upsert};
use super::{Columns, Counts, Entry, select_counts, select_entries};
use crate::BoxError;

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS applied (key TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS effects (key TEXT NOT NULL); -- one row per effect, so that a second one would show
CREATE TABLE IF NOT EXISTS runs (key TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS orders (
    sender TEXT, id TEXT, status TEXT NOT NULL, total TEXT, currency TEXT, key TEXT NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (sender, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS invoices (
    sender TEXT, id TEXT, status TEXT NOT NULL, total TEXT, currency TEXT, key TEXT NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (sender, id)) WITHOUT ROWID;
";

/// Orders and invoices in a SQLite file.
#[derive(Debug, Clone)]
pub(crate) struct SqliteLedger(Arc<Mutex<Connection>>);

impl SqliteLedger {
    pub(crate) fn open(path: impl AsRef<Path>) -> Result<Self, BoxError> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch(TABLES)?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    /// Applies the event, unless it was applied before: the key and the effect commit together or not at all.
    ///
    /// The store is another database, so a process that dies between this commit and the store's makes the handler run
    /// again. It then finds the key.
    pub(super) async fn apply(&self, delivery: Delivery) -> Result<(), BoxError> {
        self.with(move |connection| {
            let key = delivery.key().to_string();
            connection.execute("INSERT INTO runs VALUES (?1)", [&key])?;
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let new = transaction.execute("INSERT INTO applied VALUES (?1) ON CONFLICT DO NOTHING", [&key])? == 1;
            if new {
                book(&transaction, &delivery)?;
                transaction.execute("INSERT INTO effects VALUES (?1)", [&key])?;
            }
            Ok(transaction.commit()?)
        })
        .await
    }

    pub(super) async fn entries(&self, table: &'static str) -> Result<Vec<Entry>, BoxError> {
        self.with(move |connection| {
            let mut statement = connection.prepare_cached(&select_entries(table))?;
            let rows = statement.query_map([], |row| Columns::try_from(row).map(Entry::from))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    pub(super) async fn counts(&self, table: &'static str) -> Result<Counts, BoxError> {
        self.with(move |connection| {
            let mut statement = connection.prepare_cached(&select_counts(table))?;
            let rows = statement.query_map([], |row| <(String, i64)>::try_from(row))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Runs `work` where blocking harms nobody.
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, BoxError> + Send + 'static,
    ) -> Result<T, BoxError> {
        let connection = self.0.clone();
        tokio::task::spawn_blocking(move || work(&mut connection.lock().unwrap_or_else(PoisonError::into_inner)))
            .await?
    }
}

fn book(transaction: &Transaction<'_>, delivery: &Delivery) -> Result<(), rusqlite::Error> {
    let Some(Booking { table, sender, id, status, total, currency, key, at }) = Booking::of(delivery) else {
        return Ok(());
    };
    transaction.execute(&upsert(table), params![sender, id, status, total, currency, key, at])?;
    Ok(())
}
