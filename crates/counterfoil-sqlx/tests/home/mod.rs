//! An application's database, with a table of effects in it.

use std::sync::Arc;
use std::time::Duration;

use counterfoil::Delivery;
use counterfoil::idempotency::{Fence, Store};
use counterfoil_sqlx::sqlite::SqliteStore;
use counterfoil_sqlx::{Engine, EventTransaction, PostgresStore, Tables};
use counterfoil_testkit::{postgres_url, unique_name};
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, PgConnection, PgPool, SqliteConnection, SqlitePool, Transaction};

/// One kind of database.
pub(crate) trait Home: Send + Sync + 'static {
    type Engine: Engine;

    fn store(&self) -> Arc<dyn Store>;
    fn tables(&self) -> &Tables;
    async fn begin(&self, fence: Fence) -> EventTransaction<'static, Self::Engine>;
    fn transaction(&self) -> impl Future<Output = Transaction<'static, Self::Engine>> + Send;
    /// Adds one effect.
    fn apply(
        connection: &mut <Self::Engine as sqlx::Database>::Connection,
        delivery: &Delivery,
    ) -> impl Future<Output = ()> + Send;
    /// A statement that fails, and takes the transaction with it.
    async fn break_off(connection: &mut <Self::Engine as sqlx::Database>::Connection);
    async fn effects(&self) -> i64;
}

pub(crate) struct Postgres {
    pool: PgPool,
    store: PostgresStore,
}

impl Postgres {
    pub(crate) async fn new() -> Self {
        // A database of the test's own: what the application calls its tables is its own affair.
        let name = unique_name();
        let admin = PgPool::connect(&postgres_url()).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&admin).await.unwrap();
        let options = admin.connect_options().as_ref().clone().database(&name);
        let limits = PgPoolOptions::new().max_connections(8).acquire_timeout(Duration::from_secs(30));
        let pool = limits.connect_with(options).await.unwrap();
        sqlx::query("CREATE TABLE effects (key text)").execute(&pool).await.unwrap();
        let store = PostgresStore::builder(pool.clone()).migrate().open().await.unwrap();
        Self { pool, store }
    }
}

impl Home for Postgres {
    type Engine = sqlx::Postgres;

    fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.store.clone())
    }

    fn tables(&self) -> &Tables {
        self.store.tables()
    }

    async fn begin(&self, fence: Fence) -> EventTransaction<'static, sqlx::Postgres> {
        self.store.begin(fence).await.unwrap()
    }

    async fn transaction(&self) -> Transaction<'static, sqlx::Postgres> {
        self.pool.begin().await.unwrap()
    }

    async fn apply(connection: &mut PgConnection, delivery: &Delivery) {
        let insert = sqlx::query("INSERT INTO effects VALUES ($1)").bind(delivery.key().to_string());
        insert.execute(connection).await.unwrap();
    }

    async fn break_off(connection: &mut PgConnection) {
        sqlx::query("SELECT 1 / 0").execute(connection).await.unwrap_err();
    }

    async fn effects(&self) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM effects").fetch_one(&self.pool).await.unwrap()
    }
}

pub(crate) struct Sqlite {
    pool: SqlitePool,
    store: SqliteStore,
    _folder: tempfile::TempDir,
}

impl Sqlite {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = SqliteConnectOptions::new()
            .filename(folder.path().join("shop.db"))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .busy_timeout(Duration::from_secs(30));
        let pool = SqlitePoolOptions::new().max_connections(8).connect_with(options).await.unwrap();
        sqlx::raw_sql("CREATE TABLE effects (key TEXT); CREATE TABLE once (id INTEGER PRIMARY KEY)")
            .execute(&pool)
            .await
            .unwrap();
        let store = SqliteStore::builder(pool.clone()).migrate().open().await.unwrap();
        Self { pool, store, _folder: folder }
    }
}

impl Home for Sqlite {
    type Engine = sqlx::Sqlite;

    fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.store.clone())
    }

    fn tables(&self) -> &Tables {
        self.store.tables()
    }

    async fn begin(&self, fence: Fence) -> EventTransaction<'static, sqlx::Sqlite> {
        self.store.begin(fence).await.unwrap()
    }

    async fn transaction(&self) -> Transaction<'static, sqlx::Sqlite> {
        self.pool.begin_with("BEGIN IMMEDIATE").await.unwrap()
    }

    async fn apply(connection: &mut SqliteConnection, delivery: &Delivery) {
        let insert = sqlx::query("INSERT INTO effects VALUES (?1)").bind(delivery.key().to_string());
        insert.execute(connection).await.unwrap();
    }

    async fn break_off(connection: &mut SqliteConnection) {
        let insert = sqlx::query("INSERT OR ROLLBACK INTO once VALUES (1), (1)");
        insert.execute(connection).await.unwrap_err();
    }

    async fn effects(&self) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM effects").fetch_one(&self.pool).await.unwrap()
    }
}
