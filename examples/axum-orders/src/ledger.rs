//! The service's own tables, and the one transaction that applies an event to them once.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use counterfoil::payloads::RecordId;
use counterfoil::{Amount, Delivery};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

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
pub(crate) struct Ledger(Arc<Mutex<Connection>>);

/// One order or invoice as `GET /orders` and `GET /invoices` show it.
#[derive(Debug, Serialize)]
pub(crate) struct Entry {
    sender: String,
    id: String,
    status: String,
    total: Option<String>,
    currency: Option<String>,
    key: String,
}

impl Ledger {
    pub(crate) fn open(path: impl AsRef<Path>) -> Result<Self, BoxError> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch(TABLES)?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    /// Applies the event, unless it was applied before: the key and the effect commit together or not at all.
    pub(crate) async fn apply(&self, delivery: Delivery) -> Result<(), BoxError> {
        self.with(move |connection| {
            let key = delivery.key().to_string();
            connection.execute("INSERT INTO runs VALUES (?1)", [&key])?;
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let new = transaction.execute("INSERT INTO applied VALUES (?1) ON CONFLICT DO NOTHING", [&key])? == 1;
            if new {
                record(&transaction, &delivery, &key)?;
                transaction.execute("INSERT INTO effects VALUES (?1)", [&key])?;
            }
            transaction.commit()?;
            Ok(())
        })
        .await
    }

    pub(crate) async fn orders(&self) -> Result<Vec<Entry>, BoxError> {
        self.entries("SELECT sender, id, status, total, currency, key FROM orders ORDER BY sender, id").await
    }

    pub(crate) async fn invoices(&self) -> Result<Vec<Entry>, BoxError> {
        self.entries("SELECT sender, id, status, total, currency, key FROM invoices ORDER BY sender, id").await
    }

    /// Committed effects by key: 1 for every event, whatever happened. Counted apart from the table that sees
    /// to it.
    pub(crate) async fn applied(&self) -> Result<BTreeMap<String, i64>, BoxError> {
        self.counts("SELECT key, count(*) FROM effects GROUP BY key").await
    }

    /// Handler runs by key: more than 1 where a handler failed or its process died.
    pub(crate) async fn runs(&self) -> Result<BTreeMap<String, i64>, BoxError> {
        self.counts("SELECT key, count(*) FROM runs GROUP BY key").await
    }

    async fn entries(&self, query: &'static str) -> Result<Vec<Entry>, BoxError> {
        self.with(move |connection| {
            let mut statement = connection.prepare_cached(query)?;
            let rows = statement.query_map([], |row| {
                Ok(Entry {
                    sender: row.get(0)?,
                    id: row.get(1)?,
                    status: row.get(2)?,
                    total: row.get(3)?,
                    currency: row.get(4)?,
                    key: row.get(5)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn counts(&self, query: &'static str) -> Result<BTreeMap<String, i64>, BoxError> {
        self.with(move |connection| {
            let mut statement = connection.prepare_cached(query)?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
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

/// What the senders' order and invoice events have in common. None of them has all of it. A member that cannot be
/// read counts as absent: refusing the event would only make its sender try again, and in the end give up on us.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Document {
    #[serde(deserialize_with = "readable")]
    id: Option<RecordId>,
    #[serde(deserialize_with = "readable")]
    order_id: Option<RecordId>,
    #[serde(deserialize_with = "readable")]
    invoice_id: Option<RecordId>,
    #[serde(deserialize_with = "readable")]
    status: Option<String>,
    #[serde(deserialize_with = "readable")]
    total: Option<Amount>,
    #[serde(deserialize_with = "readable")]
    amount: Option<Amount>,
    #[serde(deserialize_with = "readable")]
    budget: Option<Amount>,
    #[serde(deserialize_with = "readable")]
    totals: Option<Totals>,
    #[serde(deserialize_with = "readable")]
    currency: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Totals {
    #[serde(deserialize_with = "readable")]
    total: Option<Amount>,
}

fn readable<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    let raw = Box::<RawValue>::deserialize(deserializer)?;
    Ok(serde_json::from_str(raw.get()).ok())
}

fn record(transaction: &Transaction<'_>, delivery: &Delivery, key: &str) -> Result<(), BoxError> {
    let event_type = delivery.event_type().unwrap_or_default();
    let (subject, verb) = event_type.split_once('.').unwrap_or((event_type, ""));
    let table = match subject {
        // An agency's project with its budget is what its client ordered.
        "order" | "project" => "orders",
        "invoice" => "invoices",
        // Acknowledged and remembered as applied: there is nothing to book.
        _ => return Ok(()),
    };
    let document: Document = delivery.event().unwrap_or_default();
    let id = document.id.or(document.order_id).or(document.invoice_id);
    let total = document.total.or(document.amount).or(document.budget).or(document.totals.and_then(|sums| sums.total));
    let at = delivery.occurred_at().or(delivery.signed_at()).unwrap_or(delivery.received_at());
    // Some senders write the year 1 for "not known".
    let at = i64::try_from(at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis())?;
    // Events arrive in any order: an older one never overwrites a newer one.
    let upsert = format!(
        "INSERT INTO {table} VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO UPDATE SET
             status = excluded.status, total = coalesce(excluded.total, total),
             currency = coalesce(excluded.currency, currency), key = excluded.key, at = excluded.at
         WHERE excluded.at >= at"
    );
    transaction.execute(
        &upsert,
        params![
            delivery.sender(),
            id.as_ref().map_or(key, RecordId::as_str),
            document.status.as_deref().unwrap_or(verb),
            total.as_ref().map(Amount::as_str),
            document.currency,
            key,
            at,
        ],
    )?;
    Ok(())
}
