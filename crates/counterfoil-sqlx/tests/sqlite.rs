//! The store contract in an application's own SQLite database.

#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;
use std::sync::Arc;

use counterfoil::idempotency::{Store, Survives};
use counterfoil::testing::store as contract;
use counterfoil_sqlx::Tables;
use counterfoil_sqlx::sqlite::{OpenError, SqliteStore};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{SqlitePool, raw_sql};

fn options(folder: &Path) -> SqliteConnectOptions {
    let file = folder.join("shop.db");
    SqliteConnectOptions::new().filename(file).create_if_missing(true).journal_mode(SqliteJournalMode::Wal)
}

async fn open(options: SqliteConnectOptions) -> SqliteStore {
    let pool = SqlitePool::connect_with(options).await.unwrap();
    SqliteStore::builder(pool).migrate().open().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    contract::check(&open(options(folder.path())).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_behind_dyn() {
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(open(options(folder.path())).await);
    contract::check(&store).await;
    tokio::task::spawn_blocking(move || contract::threads_win_each_key_once(&store)).await.unwrap();
}

#[tokio::test]
async fn durability_is_what_the_connection_says() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(open(options(folder.path())).await.durability(), Survives::PowerLoss);
    let normal = options(folder.path()).synchronous(SqliteSynchronous::Normal);
    assert_eq!(open(normal).await.durability(), Survives::ProcessCrash);
    let memory = "sqlite::memory:".parse().unwrap();
    assert_eq!(open(memory).await.durability(), Survives::Nothing);
}

#[tokio::test]
async fn tables_are_made_only_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let pool = SqlitePool::connect_with(options(folder.path())).await.unwrap();
    let tables = Tables::new().prefix("wh_").unwrap();
    let builder = SqliteStore::builder(pool.clone()).tables(tables.clone());
    let refused = builder.clone().open().await;
    let Err(OpenError::NotMigrated { sql }) = refused else { panic!("{refused:?}") };
    assert_eq!(sql, SqliteStore::migrations(&tables));
    raw_sql(sqlx::AssertSqlSafe(sql)).execute(&pool).await.unwrap();
    contract::a_key_is_won_once(&builder.clone().open().await.unwrap()).await;

    sqlx::query("INSERT INTO wh_meta VALUES (9)").execute(&pool).await.unwrap();
    let refused = builder.open().await;
    assert!(matches!(refused, Err(OpenError::Newer { found: 9, .. })), "{refused:?}");
}
