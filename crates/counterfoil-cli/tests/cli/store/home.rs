//! Stores of each kind, filled the same.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use counterfoil::idempotency::{
    Claim, ClaimRequest, Fenced, Fingerprint, IdempotencyKey, Lease, NonZeroDuration, Note, OnExpired, Scope, Store,
};
use counterfoil_redis::RedisStore;
use counterfoil_sqlite::SqliteStore;
use counterfoil_sqlx::{PostgresStore, Tables, sqlite};
use counterfoil_testkit::{postgres_url, redis_url, unique_name};
use sqlx::PgPool;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::{Done, Run};

pub(super) const SCOPES: [i32; 2] = [-7, 9];

/// The address of event `number`: the first three are of one scope, the others of another.
pub(super) fn id(number: u8) -> String {
    format!("{}:{}", SCOPES[usize::from(number > 3)], key(number))
}

pub(super) fn key(number: u8) -> IdempotencyKey {
    IdempotencyKey::from_bytes([number; 16])
}

/// A store with a row of each state.
///
/// | event | state |
/// | --- | --- |
/// | 1 | ready |
/// | 2 | claimed, for an hour |
/// | 3 | done |
/// | 4 | dead |
/// | 5 | claimed by a process that is gone |
/// | 6 | done, at the second attempt |
pub(super) struct Home {
    pub(super) kind: &'static str,
    pub(super) url: String,
    names: Vec<String>,
    pub(super) store: Arc<dyn Store>,
    pub(super) runtime: Runtime,
    pub(super) folder: TempDir,
    pub(super) live: Lease,
}

impl Home {
    /// One of each kind.
    pub(super) fn all() -> Vec<Self> {
        vec![Self::sqlite(), Self::application(), Self::postgres(), Self::redis()]
    }

    /// A file of the store's own.
    pub(super) fn sqlite() -> Self {
        Self::new("sqlite", |folder, _| {
            let path = folder.join("webhooks.db");
            (format!("sqlite:{}", path.display()), Vec::new(), Arc::new(SqliteStore::open(path).unwrap()))
        })
    }

    /// Tables in the file of an application.
    pub(super) fn application() -> Self {
        Self::new("application", |folder, runtime| {
            let path = folder.join("shop.db");
            let store = runtime.block_on(async {
                let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
                let pool = SqlitePool::connect_with(options).await.unwrap();
                let tables = Tables::new().prefix("wh_").unwrap();
                sqlite::SqliteStore::builder(pool).tables(tables).migrate().open().await.unwrap()
            });
            (format!("sqlite://{}", path.display()), vec!["--prefix=wh_".into()], Arc::new(store))
        })
    }

    pub(super) fn postgres() -> Self {
        Self::new("postgres", |_, runtime| {
            let (url, schema) = (postgres_url(), unique_name());
            let store = runtime.block_on(async {
                let tables = Tables::new().schema(&schema).unwrap();
                let pool = PgPool::connect(&url).await.unwrap();
                PostgresStore::builder(pool).tables(tables).migrate().open().await.unwrap()
            });
            (url, vec![format!("--schema={schema}")], Arc::new(store))
        })
    }

    pub(super) fn redis() -> Self {
        Self::new("redis", |_, runtime| {
            let (url, prefix) = (redis_url(), unique_name());
            let store = runtime.block_on(RedisStore::builder(&url).prefix(&prefix).open()).unwrap();
            (url, vec![format!("--prefix={prefix}")], Arc::new(store))
        })
    }

    fn new(kind: &'static str, open: impl FnOnce(&Path, &Runtime) -> (String, Vec<String>, Arc<dyn Store>)) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (url, names, store) = open(folder.path(), &runtime);
        let live = runtime.block_on(fill(&*store));
        Self { kind, url, names, store, runtime, folder, live }
    }

    /// `counterfoil store` with this subcommand and these arguments, on this store.
    pub(super) fn run(&self, arguments: &[&str]) -> Run {
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        Run::new(&["store"]).args(arguments).args(&names).env("COUNTERFOIL_STORE", &self.url)
    }

    pub(super) fn done(&self, arguments: &[&str]) -> Done {
        self.run(arguments).done()
    }

    /// The addresses that `ls` prints.
    pub(super) fn listed(&self, arguments: &[&str]) -> Vec<String> {
        let done = self.run(&["ls", "--json"]).args(arguments).done();
        assert_eq!(done.code, 0, "{}: {}", self.kind, done.stderr);
        done.rows().iter().map(|row| row["event"].as_str().expect("an address").to_owned()).collect()
    }

    /// Of the PostgreSQL store.
    pub(super) fn schema(&self) -> &str {
        self.names[0].strip_prefix("--schema=").unwrap()
    }

    pub(super) fn claim(&self, request: &ClaimRequest) -> Claim {
        self.runtime.block_on(self.store.claim(request)).unwrap()
    }
}

async fn fill(store: &dyn Store) -> Lease {
    win(store, &request(1)).await.release(store).await.map(applied).unwrap();
    let live = win(store, &request(2)).await;
    win(store, &request(3)).await.complete(store).await.map(applied).unwrap();
    win(store, &request(4)).await.bury(store, &Note::new("no such customer")).await.map(applied).unwrap();
    let short = NonZeroDuration::new(Duration::from_millis(1)).unwrap();
    let _vanished = win(store, &ClaimRequest { lease_time: short, ..request(5) }).await;
    win(store, &request(6)).await.release(store).await.map(applied).unwrap();
    win(store, &request(6)).await.complete(store).await.map(applied).unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    live
}

async fn win(store: &dyn Store, request: &ClaimRequest) -> Lease {
    match store.claim(request).await.unwrap() {
        Claim::Won(lease) => lease,
        other => panic!("a claimable event is won, not {other:?}"),
    }
}

fn applied(fenced: Fenced) {
    assert_eq!(fenced, Fenced::Applied);
}

pub(super) fn request(number: u8) -> ClaimRequest {
    ClaimRequest {
        scope: Scope::from_i32(SCOPES[usize::from(number > 3)]),
        key: key(number),
        fingerprint: Fingerprint::of(b"{}"),
        lease_time: NonZeroDuration::new(Duration::from_secs(3600)).unwrap(),
        retention: NonZeroDuration::new(Duration::from_secs(7 * 86_400)).unwrap(),
        on_expired: OnExpired::Takeover,
        note: Note::new(format!("handl order.created evt_{number}")),
    }
}
