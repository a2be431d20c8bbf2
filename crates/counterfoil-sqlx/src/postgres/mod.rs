//! The store in a PostgreSQL database, and its statements.

mod batch;
mod claims;
mod engine;
mod line;
mod migrations;
mod open;
mod records;
mod settlements;
pub mod sql;

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use counterfoil::idempotency::{
    BoxFuture, Claim, ClaimRequest, Fence, Fenced, IdempotencyKey, NonZeroDuration, Note, Page, Record, Scope, State,
    Store, StoreError, Survives,
};
use sqlx::{PgPool, Postgres};
use tokio::runtime::Handle;

pub use open::{OpenError, PostgresStoreBuilder};

use crate::Tables;
use crate::error::{Failure, Stage};
use crate::task::spawn;
use crate::transaction::EventTransaction;
use batch::Batcher;
use claims::Claims;
use line::Line;
use records::Records;
use settlements::{Settlement, Settlements};

/// A statement, for as many connections as there are.
type SharedText = Arc<str>;

/// A store in a PostgreSQL database, on the application's own pool. Cheap to clone; clones share everything.
///
/// Claims that arrive together share one statement, and so do completions: under load many deliveries cost one round
/// trip and one sync, and two connections. A delivery that comes alone does not wait for others. Looking at a row and
/// extending a lease take a connection of their own for a moment, and so does each transaction of a handler: give the
/// pool at least four.
#[derive(Clone)]
pub struct PostgresStore {
    inner: Arc<Inner>,
}

struct Inner {
    pool: PgPool,
    runtime: Handle,
    tables: Tables,
    durability: Survives,
    claims: Batcher<Claims>,
    settlements: Batcher<Settlements>,
    records: Records,
}

impl Inner {
    fn line(&self) -> Line {
        Line::new(self.pool.clone())
    }
}

impl PostgresStore {
    /// Opens the store in the default tables, which must be there: see [`builder`](Self::builder).
    ///
    /// # Errors
    /// As [`PostgresStoreBuilder::open`].
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn open(pool: PgPool) -> Result<Self, OpenError> {
        Self::builder(pool).open().await
    }

    /// Starts a store with other settings.
    ///
    /// ```no_run
    /// use counterfoil_sqlx::{PostgresStore, Tables};
    /// use sqlx::PgPool;
    ///
    /// # async fn open() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = PgPool::connect("postgres://localhost/shop").await?;
    /// let tables = Tables::new().schema("webhooks")?;
    /// let store = PostgresStore::builder(pool).tables(tables).migrate().open().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder(pool: PgPool) -> PostgresStoreBuilder {
        PostgresStoreBuilder::new(pool)
    }

    /// The statements that make `tables` in an empty database, for people who migrate by a tool of their own.
    #[must_use]
    pub fn migrations(tables: &Tables) -> String {
        migrations::script(tables)
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
    /// No connection could be had.
    pub async fn begin(&self, fence: Fence) -> Result<EventTransaction<'static, Postgres>, StoreError> {
        let begun = self.inner.pool.begin().await;
        let transaction = begun.map_err(|error| Failure::new(error, Stage::Connect))?;
        Ok(EventTransaction::leased(transaction, fence, &self.inner.tables))
    }

    fn start(pool: PgPool, tables: Tables, durability: Survives) -> Self {
        let inner = Inner {
            runtime: Handle::current(),
            durability,
            claims: Batcher::new(Claims::new(&tables)),
            settlements: Batcher::new(Settlements::new(&tables)),
            records: Records::new(&tables),
            pool,
            tables,
        };
        Self { inner: Arc::new(inner) }
    }

    fn settle(
        &self,
        fence: &Fence,
        state: State,
        reason: Option<Note>,
    ) -> BoxFuture<'static, Result<Fenced, StoreError>> {
        let Inner { settlements, runtime, pool, .. } = &*self.inner;
        settlements.submit(runtime, pool, Settlement { fence: *fence, state, reason })
    }

    fn spawn<T: Send + 'static, F: Future<Output = Result<T, Failure>> + Send + 'static>(
        &self,
        stage: Stage,
        operation: impl FnOnce(Arc<Inner>) -> F,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        spawn(&self.inner.runtime, stage, operation(self.inner.clone()))
    }
}

impl Store for PostgresStore {
    fn claim<'a>(&'a self, request: &'a ClaimRequest) -> BoxFuture<'a, Result<Claim, StoreError>> {
        let Inner { claims, runtime, pool, .. } = &*self.inner;
        claims.submit(runtime, pool, request.clone())
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
        self.spawn(Stage::Write, move |inner| async move {
            inner.records.extend(&mut inner.line(), fence, lease_time).await
        })
    }

    fn purge(&self, most: NonZeroU32) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.spawn(Stage::Write, move |inner| async move { inner.records.purge(&mut inner.line(), most).await })
    }

    fn forget(&self, scope: Scope, key: IdempotencyKey) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.spawn(Stage::Write, move |inner| async move { inner.records.forget(&mut inner.line(), scope, key).await })
    }

    fn get(&self, scope: Scope, key: IdempotencyKey) -> BoxFuture<'_, Result<Option<Record>, StoreError>> {
        self.spawn(Stage::Read, move |inner| async move { inner.records.get(&mut inner.line(), scope, key).await })
    }

    fn list<'a>(&'a self, page: &'a Page) -> BoxFuture<'a, Result<Vec<Record>, StoreError>> {
        let page = page.clone();
        self.spawn(Stage::Read, move |inner| async move { inner.records.list(&mut inner.line(), &page).await })
    }

    fn durability(&self) -> Survives {
        self.inner.durability
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The pool's options hold a password.
        let Inner { tables, durability, .. } = &*self.inner;
        f.debug_struct("PostgresStore").field("tables", tables).field("durability", durability).finish_non_exhaustive()
    }
}

/// Milliseconds for an interval, bounded so that adding it to any date of this century cannot overflow.
fn millis(duration: NonZeroDuration) -> f64 {
    const CENTURY: Duration = Duration::from_secs(100 * 366 * 86_400);
    duration.get().min(CENTURY).as_secs_f64() * 1000.0
}

/// PostgreSQL has no text with a NUL in it. What is kept here is for people.
fn text(note: &Note) -> String {
    note.as_str().replace('\0', "\u{fffd}")
}
