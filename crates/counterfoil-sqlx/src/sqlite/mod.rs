//! The store in your own SQLite database, and its statements.

mod engine;
mod open;
mod records;
pub mod sql;

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use counterfoil::idempotency::{
    BoxFuture, Claim, ClaimRequest, Fence, Fenced, IdempotencyKey, NonZeroDuration, Note, Page, Record, Scope, State,
    Store, StoreError, Survives,
};
use counterfoil::{Clock as _, SystemClock};
use sqlx::{Connection as _, Sqlite, SqlitePool};
use tokio::runtime::Handle;

pub use open::{OpenError, SqliteStoreBuilder};

use crate::Tables;
use crate::error::{Failure, Stage};
use crate::task::spawn;
use crate::transaction::EventTransaction;
use records::Records;

/// How often a transaction is begun where connections turn out to be unusable.
const BEGINNINGS: usize = 8;

/// A store in a SQLite database of the application's, on its own pool, so that an event can be completed in the
/// transaction that holds its effects. Cheap to clone; clones share everything.
///
/// Every operation is a commit of its own. Where events need not share a transaction with their effects, a file of their
/// own, with a store that lets deliveries share commits, is several times faster.
#[derive(Clone)]
pub struct SqliteStore {
    inner: Arc<Inner>,
}

struct Inner {
    pool: SqlitePool,
    runtime: Handle,
    tables: Tables,
    durability: Survives,
    records: Records,
}

impl SqliteStore {
    /// Starts a store on `pool`.
    ///
    /// ```
    /// use counterfoil::idempotency::{Store, Survives};
    /// use counterfoil_sqlx::sqlite::SqliteStore;
    /// use sqlx::SqlitePool;
    /// use sqlx::sqlite::SqliteConnectOptions;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("shop.db");
    /// let pool = SqlitePool::connect_with(SqliteConnectOptions::new().filename(path).create_if_missing(true)).await?;
    /// let store = SqliteStore::builder(pool).migrate().open().await?;
    /// assert_eq!(store.durability(), Survives::PowerLoss);
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder(pool: SqlitePool) -> SqliteStoreBuilder {
        SqliteStoreBuilder::new(pool)
    }

    /// The statements that make `tables`, for people who migrate by a tool of their own.
    #[must_use]
    pub fn migrations(tables: &Tables) -> String {
        open::script(tables)
    }

    /// The tables that hold the events.
    #[must_use]
    pub fn tables(&self) -> &Tables {
        &self.inner.tables
    }

    /// Begins a transaction for the effects of the event that `fence` holds. Its
    /// [`commit`](EventTransaction::commit) completes the event with them.
    ///
    /// # Errors
    /// The file is locked, or no connection could be had.
    pub async fn begin(&self, fence: Fence) -> Result<EventTransaction<'static, Sqlite>, StoreError> {
        let transaction = self.begin_immediate().await.map_err(|error| Failure::new(error, Stage::Connect))?;
        Ok(EventTransaction::leased(transaction, fence, &self.inner.tables))
    }

    /// A transaction that read first could not be upgraded while another writes.
    async fn begin_immediate(&self) -> Result<sqlx::Transaction<'static, Sqlite>, sqlx::Error> {
        let pool = &self.inner.pool;
        for _ in 0..BEGINNINGS {
            match pool.begin_with("BEGIN IMMEDIATE").await {
                Err(sqlx::Error::InvalidSavePointStatement) => self.close_broken().await?,
                begun => return begun,
            }
        }
        Err(sqlx::Error::PoolTimedOut)
    }

    /// Closes idle connections of which sqlx believes that they are in a transaction: SQLite has ended it by itself.
    async fn close_broken(&self) -> Result<(), sqlx::Error> {
        // Held until all have been looked at, so that none is looked at twice.
        let mut sound = Vec::new();
        while let Some(connection) = self.inner.pool.try_acquire() {
            if connection.is_in_transaction() {
                connection.close().await?;
            } else {
                sound.push(connection);
            }
        }
        Ok(())
    }

    fn start(pool: SqlitePool, tables: &Tables, durability: Survives) -> Self {
        let (tables, records) = (tables.clone(), Records::new(tables));
        Self { inner: Arc::new(Inner { pool, runtime: Handle::current(), tables, durability, records }) }
    }

    fn spawn<T: Send + 'static, F: Future<Output = Result<T, sqlx::Error>> + Send + 'static>(
        &self,
        stage: Stage,
        operation: impl FnOnce(Arc<Inner>) -> F,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        let answer = operation(self.inner.clone());
        spawn(&self.inner.runtime, stage, async move { answer.await.map_err(|error| Failure::new(error, stage)) })
    }

    fn settle(
        &self,
        fence: &Fence,
        state: State,
        reason: Option<Note>,
    ) -> BoxFuture<'static, Result<Fenced, StoreError>> {
        let fence = *fence;
        self.spawn(Stage::Write, move |inner| async move {
            inner.records.settle(&inner.pool, fence, state, reason.as_ref()).await
        })
    }
}

impl Store for SqliteStore {
    fn claim<'a>(&'a self, request: &'a ClaimRequest) -> BoxFuture<'a, Result<Claim, StoreError>> {
        let request = request.clone();
        self.spawn(Stage::Write, move |inner| async move { inner.records.claim(&inner.pool, &request).await })
    }

    fn complete<'a>(&'a self, fence: &'a Fence) -> BoxFuture<'a, Result<Fenced, StoreError>> {
        self.settle(fence, State::Done, None)
    }

    fn dead<'a>(&'a self, fence: &'a Fence, reason: &'a Note) -> BoxFuture<'a, Result<Fenced, StoreError>> {
        self.settle(fence, State::Dead, Some(reason.clone()))
    }

    fn release<'a>(&'a self, fence: &'a Fence) -> BoxFuture<'a, Result<Fenced, StoreError>> {
        self.settle(fence, State::Ready, None)
    }

    fn extend<'a>(
        &'a self,
        fence: &'a Fence,
        lease_time: NonZeroDuration,
    ) -> BoxFuture<'a, Result<Fenced, StoreError>> {
        let fence = *fence;
        self.spawn(Stage::Write, move |inner| async move { inner.records.extend(&inner.pool, fence, lease_time).await })
    }

    fn purge(&self, most: NonZeroU32) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.spawn(Stage::Write, move |inner| async move { inner.records.purge(&inner.pool, most).await })
    }

    fn forget(&self, scope: Scope, key: IdempotencyKey) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.spawn(Stage::Write, move |inner| async move { inner.records.forget(&inner.pool, scope, key).await })
    }

    fn get(&self, scope: Scope, key: IdempotencyKey) -> BoxFuture<'_, Result<Option<Record>, StoreError>> {
        self.spawn(Stage::Read, move |inner| async move { inner.records.get(&inner.pool, scope, key).await })
    }

    fn list<'a>(&'a self, page: &'a Page) -> BoxFuture<'a, Result<Vec<Record>, StoreError>> {
        let page = page.clone();
        self.spawn(Stage::Read, move |inner| async move { inner.records.list(&inner.pool, &page).await })
    }

    fn durability(&self) -> Survives {
        self.inner.durability
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { tables, durability, .. } = &*self.inner;
        f.debug_struct("SqliteStore").field("tables", tables).field("durability", durability).finish_non_exhaustive()
    }
}

/// Microseconds since 1970 by the machine's clock, which is that of the file.
fn now() -> i64 {
    let since = SystemClock.now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// Bounded well below the range of the column, so that adding it to any time cannot overflow.
fn micros(duration: NonZeroDuration) -> i64 {
    duration.as_millis().saturating_mul(1000).min(i64::MAX / 4)
}
