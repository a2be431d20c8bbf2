//! The store contract, and what a file adds to it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use counterfoil::idempotency::{
    Claim, ClaimRequest, Fenced, Fingerprint, IdempotencyKey, NonZeroDuration, Note, OnExpired, Outcome, Page, Scope,
    Store, Survives,
};
use counterfoil::testing::store as contract;
use counterfoil_sqlite::{OpenError, SqliteStore};

/// A file in a folder that goes away with it.
struct File {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl File {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        Self { _folder: folder, path }
    }

    fn open(&self) -> SqliteStore {
        SqliteStore::open(&self.path).unwrap()
    }

    fn raw(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(&self.path).unwrap()
    }
}

fn request(key: u32, retention: Duration) -> ClaimRequest {
    let fingerprint = Fingerprint::of(&key.to_be_bytes());
    ClaimRequest {
        scope: Scope::from_i32(7),
        key: IdempotencyKey::from_bytes(*fingerprint.as_bytes()),
        fingerprint,
        lease_time: NonZeroDuration::new(Duration::from_secs(60)).unwrap(),
        retention: NonZeroDuration::new(retention).unwrap(),
        on_expired: OnExpired::Takeover,
        note: Note::new("handl order.created evt_1"),
    }
}

const WEEK: Duration = Duration::from_secs(7 * 86_400);

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract() {
    let file = File::new();
    contract::check(&file.open()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_behind_dyn() {
    let file = File::new();
    let store: Arc<dyn Store> = Arc::new(file.open());
    contract::check(&store).await;
    contract::threads_win_each_key_once(&store);
}

#[tokio::test]
async fn t8_events_survive_a_restart() {
    let file = File::new();
    let first = file.open();
    assert_eq!(first.durability(), Survives::PowerLoss);
    let Claim::Won(lease) = first.claim(&request(1, WEEK)).await.unwrap() else { panic!("a new key is won") };
    let Claim::Won(left) = first.claim(&request(2, WEEK)).await.unwrap() else { panic!("a new key is won") };
    assert_eq!(lease.complete(&first).await.unwrap(), Fenced::Applied);
    drop(first);

    let second = file.open();
    assert!(matches!(second.claim(&request(1, WEEK)).await.unwrap(), Claim::Duplicate(Outcome::Completed)));
    assert!(matches!(second.claim(&request(2, WEEK)).await.unwrap(), Claim::InFlight { .. }));
    assert_eq!(left.complete(&second).await.unwrap(), Fenced::Applied, "the token outlives the process");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_connections_win_each_key_once() {
    let file = File::new();
    let stores = [file.open(), file.open()];
    let mut tasks = tokio::task::JoinSet::new();
    for index in 0..800_u32 {
        let store = stores[usize::from(index % 2 == 0)].clone();
        tasks.spawn(async move { matches!(store.claim(&request(index / 4, WEEK)).await.unwrap(), Claim::Won(_)) });
    }
    let won = tasks.join_all().await.into_iter().filter(|won| *won).count();
    assert_eq!(won, 200);
}

#[tokio::test]
async fn a_locked_file_is_unavailable_and_recovers() {
    let file = File::new();
    let store = file.open();
    let other = file.raw();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let began = std::time::Instant::now();
    let mut waiting = tokio::task::JoinSet::new();
    for key in 0..20 {
        let store = store.clone();
        waiting.spawn(async move { store.claim(&request(key, WEEK)).await.unwrap_err() });
    }
    for error in waiting.join_all().await {
        assert!(error.is_transient(), "{error:?}");
    }
    // Waiting for the file one by one would take 20 times 5 s; together it is a few times 5 s.
    assert!(began.elapsed() < Duration::from_secs(60), "all waited {:?}", began.elapsed());
    other.execute_batch("ROLLBACK").unwrap();
    assert!(matches!(store.claim(&request(1, WEEK)).await.unwrap(), Claim::Won(_)));
}

#[tokio::test]
async fn purges_by_itself() {
    let file = File::new();
    let store = file.open();
    for key in 0..20 {
        let Claim::Won(lease) = store.claim(&request(key, Duration::from_millis(50))).await.unwrap() else {
            panic!("a new key is won")
        };
        assert_eq!(lease.complete(&store).await.unwrap(), Fenced::Applied);
    }
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let _ = store.claim(&request(99, WEEK)).await.unwrap();
    // The answer comes before the purge; the next operation waits for its end.
    store.list(&Page { state: None, after: None, most: NonZeroU32::MIN }).await.unwrap();
    let rows: i64 = file.raw().query_row("SELECT count(*) FROM event", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 1);
}

/// Replicas that start together find a file that is being made.
#[test]
fn openers_at_once_all_succeed() {
    for _ in 0..10 {
        let file = File::new();
        let barrier = std::sync::Barrier::new(8);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    barrier.wait();
                    drop(file.open());
                });
            }
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_that_cannot_work_costs_nobody_else_anything() {
    let file = File::new();
    let store = file.open();
    let Claim::Won(lease) = store.claim(&request(1, WEEK)).await.unwrap() else { panic!("a new key is won") };
    // A row that no version of the store writes: its number of attempts does not fit.
    let raw = file.raw();
    raw.execute("UPDATE event SET attempts = -1", []).unwrap();
    let broken = request(1, WEEK);
    let mut answers = tokio::task::JoinSet::new();
    for key in 100..164 {
        let store = store.clone();
        answers.spawn(async move { matches!(store.claim(&request(key, WEEK)).await, Ok(Claim::Won(_))) });
    }
    let reading = store.get(broken.scope, broken.key).await;
    assert!(reading.is_err_and(|error| !error.is_transient()), "it is broken");
    assert!(answers.join_all().await.into_iter().all(|won| won));
    assert_eq!(lease.complete(&store).await.unwrap(), Fenced::Applied);
}

#[tokio::test]
async fn a_dropped_caller_does_not_cut_an_operation() {
    let file = File::new();
    let store = file.open();
    drop(store.claim(&request(1, WEEK)));
    assert!(matches!(store.claim(&request(1, WEEK)).await.unwrap(), Claim::InFlight { .. }));
}

#[test]
fn refuses_what_is_not_its_file() {
    let file = File::new();
    file.raw().execute_batch("CREATE TABLE orders (id INTEGER)").unwrap();
    assert!(matches!(SqliteStore::open(&file.path), Err(OpenError::NotOurs)));
    let mode: String = file.raw().pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    assert_eq!(mode, "delete", "a refused file is left as it was");
    assert!(matches!(SqliteStore::open(":memory:"), Err(OpenError::NoLog { .. })));

    let file = File::new();
    drop(file.open());
    file.raw().pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(SqliteStore::open(&file.path), Err(OpenError::Newer { found: 99, .. })));

    std::fs::write(&file.path, "this is no database, and long enough to be sure of it").unwrap();
    assert!(matches!(SqliteStore::open(&file.path), Err(OpenError::Sqlite { .. })));
}

#[test]
fn syncs_every_commit_to_a_write_ahead_log() {
    let file = File::new();
    drop(file.open());
    let mode: String = file.raw().pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
    assert!(rusqlite::version_number() >= 3_051_003, "{}", rusqlite::version());
}
