//! The ledger in the store's own PostgreSQL database.

use std::time::Duration;

use counterfoil::Delivery;
use counterfoil::idempotency::Fence;
use counterfoil_sqlx::{PostgresStore, Tables};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool};
use tokio::time::timeout;

use super::booking::{Booking, upsert};
use super::{Columns, Counts, Entry, select_counts, select_entries};
use crate::BoxError;

/// Everything of ours is in it, so that it harms nobody in a database that others use too.
const SCHEMA: &str = "axum_orders";

/// Services that start together make them one after the other.
const TABLES: &str = r#"
SELECT pg_advisory_xact_lock(7346510926);
CREATE TABLE IF NOT EXISTS axum_orders.effects (key text NOT NULL); -- one row per effect, so that a second one would show
CREATE TABLE IF NOT EXISTS axum_orders.runs (key text NOT NULL);
CREATE TABLE IF NOT EXISTS axum_orders.orders (
    sender text COLLATE "C", id text COLLATE "C", status text NOT NULL, total text, currency text, key text NOT NULL,
    at bigint NOT NULL, PRIMARY KEY (sender, id));
CREATE TABLE IF NOT EXISTS axum_orders.invoices (
    sender text COLLATE "C", id text COLLATE "C", status text NOT NULL, total text, currency text, key text NOT NULL,
    at bigint NOT NULL, PRIMARY KEY (sender, id));
"#;

/// How long a delivery waits for a connection: shorter than senders wait for an answer.
const PATIENCE: Duration = Duration::from_secs(4);

/// Orders and invoices beside the store's events.
#[derive(Debug, Clone)]
pub(crate) struct PostgresLedger {
    pool: PgPool,
    store: PostgresStore,
}

impl PostgresLedger {
    /// Makes the schema, with the store's tables and ours, where they are missing.
    pub(crate) async fn open(url: &str) -> Result<Self, BoxError> {
        let options: PgConnectOptions = url.parse()?;
        // A connection says why it cannot be made. A pool goes on trying, and says that it took too long.
        timeout(PATIENCE, PgConnection::connect_with(&options)).await??.close().await?;
        let pool = PgPoolOptions::new().acquire_timeout(PATIENCE).connect_lazy_with(options);
        let tables = Tables::new().schema(SCHEMA)?;
        let store = PostgresStore::builder(pool.clone()).tables(tables).migrate().open().await?;
        sqlx::raw_sql(TABLES).execute(&pool).await?;
        Ok(Self { pool, store })
    }

    pub(crate) fn store(&self) -> PostgresStore {
        self.store.clone()
    }

    /// Applies the event in the transaction that completes it: both commit, or neither.
    ///
    /// Nothing remembers what was applied, because an event that was completed does not come here again, and a handler
    /// that has lost the event to another one cannot commit.
    pub(super) async fn apply(&self, fence: Fence, delivery: &Delivery) -> Result<(), BoxError> {
        let key = delivery.key().to_string();
        // Apart from the transaction: a run that comes to nothing counts too.
        sqlx::query("INSERT INTO axum_orders.runs VALUES ($1)").bind(&key).execute(&self.pool).await?;
        let mut transaction = self.store.begin(fence).await?;
        book(&mut transaction, delivery).await?;
        sqlx::query("INSERT INTO axum_orders.effects VALUES ($1)").bind(&key).execute(&mut *transaction).await?;
        Ok(transaction.commit().await?)
    }

    pub(super) async fn entries(&self, table: &str) -> Result<Vec<Entry>, BoxError> {
        let query = AssertSqlSafe(select_entries(&qualified(table)));
        let rows: Vec<Columns> = sqlx::query_as(query).fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(Entry::from).collect())
    }

    pub(super) async fn counts(&self, table: &str) -> Result<Counts, BoxError> {
        let query = AssertSqlSafe(select_counts(&qualified(table)));
        let rows: Vec<(String, i64)> = sqlx::query_as(query).fetch_all(&self.pool).await?;
        Ok(rows.into_iter().collect())
    }
}

async fn book(connection: &mut PgConnection, delivery: &Delivery) -> Result<(), sqlx::Error> {
    let Some(booking) = Booking::of(delivery) else { return Ok(()) };
    sqlx::query(AssertSqlSafe(upsert(&qualified(booking.table))))
        .bind(booking.sender)
        .bind(booking.id)
        .bind(booking.status)
        .bind(booking.total)
        .bind(booking.currency)
        .bind(booking.key)
        .bind(booking.at)
        .execute(connection)
        .await?;
    Ok(())
}

fn qualified(table: &str) -> String {
    format!("{SCHEMA}.{table}")
}
