//! What the service makes of the events: orders and invoices, and how often each event was applied.

mod booking;
mod postgres;
mod sqlite;

use std::collections::BTreeMap;

use counterfoil::Delivery;
use counterfoil::idempotency::Fence;
use serde::Serialize;

use crate::BoxError;

pub(crate) use postgres::PostgresLedger;
pub(crate) use sqlite::SqliteLedger;

/// The service's own tables. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Ledger(Tables);

#[derive(Debug, Clone)]
enum Tables {
    /// In another database than the store's: it keeps the keys of the events that were applied, beside their effects.
    Sqlite(SqliteLedger),
    /// In the store's database: an event is completed in the transaction that holds its effects.
    Postgres(PostgresLedger),
}

/// One order or invoice as `GET /orders` and `GET /invoices` show it.
#[derive(Debug, Serialize)]
pub struct Entry {
    sender: String,
    id: String,
    status: String,
    total: Option<String>,
    currency: Option<String>,
    key: String,
}

/// Numbers by the key of an event.
pub type Counts = BTreeMap<String, i64>;

impl Ledger {
    /// Applies the event once, whatever happens and however often it is tried.
    ///
    /// # Errors
    /// The event was not applied, or the fence is that of a claim which another handler has by now.
    pub async fn apply(&self, fence: Fence, delivery: Delivery) -> Result<(), BoxError> {
        match &self.0 {
            Tables::Sqlite(ledger) => ledger.apply(delivery).await,
            Tables::Postgres(ledger) => ledger.apply(fence, &delivery).await,
        }
    }

    /// All orders, by sender and id.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn orders(&self) -> Result<Vec<Entry>, BoxError> {
        self.entries("orders").await
    }

    /// All invoices, by sender and id.
    ///
    /// # Errors
    /// As of [`orders`](Self::orders).
    pub async fn invoices(&self) -> Result<Vec<Entry>, BoxError> {
        self.entries("invoices").await
    }

    /// Committed effects by key: 1 for every event, whatever happened. Counted apart from what sees to it.
    ///
    /// # Errors
    /// As of [`orders`](Self::orders).
    pub async fn applied(&self) -> Result<Counts, BoxError> {
        self.counts("effects").await
    }

    /// Handler runs by key: more than 1 where a handler failed or its process died.
    ///
    /// # Errors
    /// As of [`orders`](Self::orders).
    pub async fn runs(&self) -> Result<Counts, BoxError> {
        self.counts("runs").await
    }

    async fn entries(&self, table: &'static str) -> Result<Vec<Entry>, BoxError> {
        match &self.0 {
            Tables::Sqlite(ledger) => ledger.entries(table).await,
            Tables::Postgres(ledger) => ledger.entries(table).await,
        }
    }

    async fn counts(&self, table: &'static str) -> Result<Counts, BoxError> {
        match &self.0 {
            Tables::Sqlite(ledger) => ledger.counts(table).await,
            Tables::Postgres(ledger) => ledger.counts(table).await,
        }
    }
}

impl From<SqliteLedger> for Ledger {
    fn from(ledger: SqliteLedger) -> Self {
        Self(Tables::Sqlite(ledger))
    }
}

impl From<PostgresLedger> for Ledger {
    fn from(ledger: PostgresLedger) -> Self {
        Self(Tables::Postgres(ledger))
    }
}

/// What [`select_entries`] selects.
type Columns = (String, String, String, Option<String>, Option<String>, String);

impl From<Columns> for Entry {
    fn from((sender, id, status, total, currency, key): Columns) -> Self {
        Self { sender, id, status, total, currency, key }
    }
}

fn select_entries(table: &str) -> String {
    format!("SELECT sender, id, status, total, currency, key FROM {table} ORDER BY sender, id")
}

fn select_counts(table: &str) -> String {
    format!("SELECT key, count(*) FROM {table} GROUP BY key")
}
