//! The store contract on PostgreSQL, and what a server shared by many adds to it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use counterfoil::idempotency::{
    Claim, ClaimRequest, Fenced, Fingerprint, IdempotencyKey, NonZeroDuration, Note, OnExpired, Outcome, Scope, State,
    Store, StoreError, Survives,
};
use counterfoil::testing::store as contract;
use counterfoil_sqlx::{OpenError, PostgresStore, Tables};
use counterfoil_testkit::{PrivatePostgres, postgres_url, unique_name};
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::task::JoinSet;

const WEEK: Duration = Duration::from_secs(7 * 86_400);

async fn pool(connections: u32) -> PgPool {
    let options = PgPoolOptions::new().max_connections(connections).acquire_timeout(Duration::from_secs(2));
    options.connect(&postgres_url()).await.unwrap()
}

/// Tables of the test's own.
fn tables() -> Tables {
    Tables::new().schema(&unique_name()).unwrap()
}

async fn store() -> PostgresStore {
    PostgresStore::builder(pool(8).await).tables(tables()).migrate().open().await.unwrap()
}

fn request(key: u32) -> ClaimRequest {
    let fingerprint = Fingerprint::of(&key.to_be_bytes());
    ClaimRequest {
        scope: Scope::from_i32(7),
        key: IdempotencyKey::from_bytes(*fingerprint.as_bytes()),
        fingerprint,
        lease_time: NonZeroDuration::new(Duration::from_secs(60)).unwrap(),
        retention: NonZeroDuration::new(WEEK).unwrap(),
        on_expired: OnExpired::Takeover,
        note: Note::new("handl order.created evt_1"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract() {
    contract::check(&store().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_behind_dyn() {
    let store: Arc<dyn Store> = Arc::new(store().await);
    contract::check(&store).await;
    let task = tokio::task::spawn_blocking(move || contract::threads_win_each_key_once(&store));
    task.await.unwrap();
}

/// Batches of two processes overlap in every way: the same events, copies inside a batch, in any order.
#[tokio::test(flavor = "multi_thread")]
async fn two_processes_win_each_key_once() {
    let tables = tables();
    let mut stores = Vec::new();
    for _ in 0..4 {
        stores.push(PostgresStore::builder(pool(4).await).tables(tables.clone()).migrate().open().await.unwrap());
    }
    let mut tasks = JoinSet::new();
    for number in 0..6400_u32 {
        let store = stores[usize::try_from(number % 4).unwrap()].clone();
        // Each store meets the events in an order of its own, several times over.
        let key = number.wrapping_mul(2_654_435_761) % 400;
        tasks.spawn(async move { matches!(store.claim(&request(key)).await.unwrap(), Claim::Won(_)) });
    }
    let won = tasks.join_all().await.into_iter().filter(|won| *won).count();
    assert_eq!(won, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_in_one_batch_are_won_once() {
    let store = store().await;
    let request = request(1);
    let claims: Vec<_> = (0..100).map(|_| store.claim(&request)).collect();
    let mut won = Vec::new();
    for claim in claims {
        match claim.await.unwrap() {
            Claim::Won(lease) => won.push(lease),
            Claim::InFlight { retry_after } => assert!(retry_after <= Duration::from_secs(60)),
            other => panic!("a live claim is in flight, not {other:?}"),
        }
    }
    let [lease] = won.as_slice() else { panic!("won {} times", won.len()) };
    let (first, second) = tokio::join!(lease.complete(&store), lease.complete(&store));
    assert_eq!((first.unwrap(), second.unwrap()), (Fenced::Applied, Fenced::Lost));
}

#[tokio::test]
async fn many_callers_share_a_statement() {
    let store = store().await;
    let _ = store.claim(&request(0)).await.unwrap();
    let statements = calls(&store).await;
    let requests: Vec<_> = (1..200).map(request).collect();
    let claims: Vec<_> = requests.iter().map(|request| store.claim(request)).collect();
    for claim in claims {
        assert!(matches!(claim.await.unwrap(), Claim::Won(_)));
    }
    let took = calls(&store).await - statements;
    assert!(took <= 4, "199 claims took {took} transactions");
}

/// Commits that the test's schema has seen: every batch inserts in a transaction of its own.
async fn calls(store: &PostgresStore) -> i64 {
    let query = format!("SELECT count(DISTINCT xmin::text) FROM {}", store.tables().event());
    sqlx::query_scalar(sqlx::AssertSqlSafe(query)).fetch_one(&pool(1).await).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exhausted_pool_is_unavailable_and_recovers() {
    let pool = pool(1).await;
    let store = PostgresStore::builder(pool.clone()).tables(tables()).migrate().open().await.unwrap();
    let held = pool.acquire().await.unwrap();
    let began = Instant::now();
    let refused = store.claim(&request(1)).await;
    assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{refused:?}");
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    drop(held);
    assert!(matches!(store.claim(&request(1)).await.unwrap(), Claim::Won(_)));
}

/// A row that somebody else holds is passed over: neither its event nor those beside it wait.
#[tokio::test(flavor = "multi_thread")]
async fn a_locked_row_keeps_nobody_waiting() {
    let pool = pool(4).await;
    let store = PostgresStore::builder(pool.clone()).tables(tables()).migrate().open().await.unwrap();
    let Claim::Won(lease) = store.claim(&request(1)).await.unwrap() else { panic!("a new key is won") };
    assert_eq!(lease.release(&store).await.unwrap(), Fenced::Applied);
    let mut other = pool.begin().await.unwrap();
    let lock = format!("SELECT 1 FROM {} FOR UPDATE", store.tables().event());
    sqlx::query(sqlx::AssertSqlSafe(lock)).execute(&mut *other).await.unwrap();
    let began = Instant::now();
    let (first, second) = (request(1), request(2));
    let (locked, beside) = tokio::join!(store.claim(&first), store.claim(&second));
    assert!(matches!(locked.unwrap(), Claim::InFlight { .. }));
    assert!(matches!(beside.unwrap(), Claim::Won(_)));
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    other.rollback().await.unwrap();
    assert!(matches!(store.claim(&request(1)).await.unwrap(), Claim::Won(_)));
}

/// The same of settlements: one event's row costs the others nothing, and is not lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_locked_row_keeps_no_settlement_waiting() {
    let pool = pool(4).await;
    let store = PostgresStore::builder(pool.clone()).tables(tables()).migrate().open().await.unwrap();
    let Claim::Won(locked) = store.claim(&request(1)).await.unwrap() else { panic!("a new key is won") };
    let Claim::Won(beside) = store.claim(&request(2)).await.unwrap() else { panic!("a new key is won") };
    let mut other = pool.begin().await.unwrap();
    let lock = format!("SELECT 1 FROM {} WHERE token = {} FOR UPDATE", store.tables().event(), locked.fence().token);
    sqlx::query(sqlx::AssertSqlSafe(lock)).execute(&mut *other).await.unwrap();
    let began = Instant::now();
    let (first, second) = tokio::join!(locked.complete(&store), beside.complete(&store));
    assert!(matches!(first, Err(StoreError::Unavailable { .. })), "{first:?}");
    assert_eq!(second.unwrap(), Fenced::Applied);
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    other.rollback().await.unwrap();
    assert_eq!(locked.complete(&store).await.unwrap(), Fenced::Applied);
}

/// Claims that never stop must not keep completions from the only other connection.
#[tokio::test(flavor = "multi_thread")]
async fn a_pool_of_one_is_shared() {
    let store = PostgresStore::builder(pool(1).await).tables(tables()).migrate().open().await.unwrap();
    let Claim::Won(lease) = store.claim(&request(1)).await.unwrap() else { panic!("a new key is won") };
    let mut busy = JoinSet::new();
    for _ in 0..8 {
        let store = store.clone();
        busy.spawn(async move {
            loop {
                let _ = store.claim(&request(1)).await.unwrap();
            }
        });
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(lease.complete(&store).await.unwrap(), Fenced::Applied);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_that_cannot_work_costs_nobody_else_anything() {
    let pool = pool(4).await;
    let store = PostgresStore::builder(pool.clone()).tables(tables()).migrate().open().await.unwrap();
    let Claim::Won(_) = store.claim(&request(1)).await.unwrap() else { panic!("a new key is won") };
    // A row that no store ever comes to write: its next attempt does not fit.
    let spoil = format!("UPDATE {} SET attempts = 2147483647, state = 0", store.tables().event());
    sqlx::query(sqlx::AssertSqlSafe(spoil)).execute(&pool).await.unwrap();
    let requests: Vec<_> = (1..65).map(request).collect();
    let claims: Vec<_> = requests.iter().map(|request| store.claim(request)).collect();
    for (key, claim) in (1..65).zip(claims) {
        match claim.await {
            Ok(Claim::Won(_)) => assert_ne!(key, 1),
            Err(error) => assert!(key == 1 && !error.is_transient(), "{key}: {error:?}"),
            other => panic!("{key}: {other:?}"),
        }
    }
}

/// PostgreSQL keeps no NUL in a text, and an event's name may hold one.
#[tokio::test]
async fn any_note_can_be_kept() {
    let store = store().await;
    let request = ClaimRequest { note: Note::new("a\0b"), ..request(1) };
    let Claim::Won(lease) = store.claim(&request).await.unwrap() else { panic!("a new key is won") };
    assert_eq!(lease.bury(&store, &Note::new("\0")).await.unwrap(), Fenced::Applied);
    let record = store.get(request.scope, request.key).await.unwrap().unwrap();
    assert_eq!((record.note.as_str(), record.state), ("a\u{fffd}b", State::Dead));
}

#[tokio::test]
async fn the_longest_lease_and_retention_can_be_kept() {
    let store = store().await;
    let most = NonZeroDuration::new(Duration::MAX).unwrap();
    let request = ClaimRequest { lease_time: most, retention: most, ..request(1) };
    let Claim::Won(lease) = store.claim(&request).await.unwrap() else { panic!("a new key is won") };
    assert_eq!(store.extend(&lease.fence(), most).await.unwrap(), Fenced::Applied);
    assert_eq!(lease.complete(&store).await.unwrap(), Fenced::Applied);
}

#[tokio::test]
async fn purges_by_itself() {
    let pool = pool(4).await;
    let store = PostgresStore::builder(pool.clone()).tables(tables()).migrate().open().await.unwrap();
    for key in 0..20 {
        let short = NonZeroDuration::new(Duration::from_millis(50)).unwrap();
        let request = ClaimRequest { retention: short, ..request(key) };
        let Claim::Won(lease) = store.claim(&request).await.unwrap() else { panic!("a new key is won") };
        assert_eq!(lease.complete(&store).await.unwrap(), Fenced::Applied);
    }
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let _ = store.claim(&request(99)).await.unwrap();
    // The answer comes before the purge; the next claim waits for its end.
    let _ = store.claim(&request(99)).await.unwrap();
    let count = format!("SELECT count(*) FROM {}", store.tables().event());
    let rows: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(count)).fetch_one(&pool).await.unwrap();
    assert_eq!(rows, 1);
}

#[tokio::test]
async fn a_dropped_caller_does_not_cut_a_settlement() {
    let store = store().await;
    let Claim::Won(lease) = store.claim(&request(1)).await.unwrap() else { panic!("a new key is won") };
    drop(store.complete(&lease.fence()));
    // Whatever is asked later is behind it in the queue.
    assert_eq!(lease.release(&store).await.unwrap(), Fenced::Lost);
    assert!(matches!(store.claim(&request(1)).await.unwrap(), Claim::Duplicate(Outcome::Completed)));
}

/// actix gives every worker a runtime of its own: a pool's connections belong to the one that opened them.
#[test]
fn serves_callers_of_other_runtimes() {
    let home = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let store = home.block_on(store());
    for key in 0..3 {
        let visitor = tokio::runtime::Builder::new_current_thread().build().unwrap();
        assert!(matches!(visitor.block_on(store.claim(&request(key))).unwrap(), Claim::Won(_)));
    }
    drop(home);
    let visitor = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let refused = visitor.block_on(store.claim(&request(9)));
    assert!(matches!(refused, Err(StoreError::CommitUnknown { .. })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_survive_a_crash_of_the_server() {
    let mut server = PrivatePostgres::start();
    let options = PgPoolOptions::new().max_connections(4).acquire_timeout(Duration::from_secs(2));
    let pool = options.connect(&server.url()).await.unwrap();
    let store = PostgresStore::builder(pool).migrate().open().await.unwrap();
    assert_eq!(store.durability(), Survives::PowerLoss);
    let Claim::Won(done) = store.claim(&request(1)).await.unwrap() else { panic!("a new key is won") };
    let Claim::Won(left) = store.claim(&request(2)).await.unwrap() else { panic!("a new key is won") };
    assert_eq!(done.complete(&store).await.unwrap(), Fenced::Applied);

    server.crash();
    let refused = store.claim(&request(3)).await.unwrap_err();
    assert!(refused.is_transient(), "{refused:?}");

    server.restart();
    assert!(matches!(store.claim(&request(1)).await.unwrap(), Claim::Duplicate(Outcome::Completed)));
    assert!(matches!(store.claim(&request(2)).await.unwrap(), Claim::InFlight { .. }));
    assert_eq!(left.complete(&store).await.unwrap(), Fenced::Applied);
}

#[tokio::test]
async fn tables_are_made_only_when_asked() {
    let tables = tables();
    let refused = PostgresStore::builder(pool(1).await).tables(tables.clone()).open().await;
    let Err(OpenError::NotMigrated { sql }) = refused else { panic!("{refused:?}") };
    assert_eq!(sql, PostgresStore::migrations(&tables));

    // What the error says to run is what makes it work.
    let pool = pool(2).await;
    let create = format!("CREATE SCHEMA {}", tables.event().split('.').next().unwrap());
    sqlx::raw_sql(sqlx::AssertSqlSafe(create)).execute(&pool).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&pool).await.unwrap();
    let store = PostgresStore::builder(pool).tables(tables).open().await.unwrap();
    contract::a_key_is_won_once(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_migrate_at_once_all_open() {
    let tables = tables();
    let mut opening = JoinSet::new();
    for _ in 0..8 {
        let (pool, tables) = (pool(1).await, tables.clone());
        opening.spawn(async move { PostgresStore::builder(pool).tables(tables).migrate().open().await });
    }
    assert!(opening.join_all().await.iter().all(Result::is_ok));
}

#[tokio::test]
async fn tables_of_another_version_are_told_apart() {
    let pool = pool(2).await;
    let tables = tables();
    let meta = tables.statement("counterfoil_meta");
    let open = || PostgresStore::builder(pool.clone()).tables(tables.clone()).migrate().open();
    let run = async |sql: String| sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&pool).await.map(drop).unwrap();
    open().await.unwrap();

    // A later release that this one can work beside, and one that it cannot.
    run(format!("INSERT INTO {meta} VALUES (2, '', 1)")).await;
    open().await.unwrap();
    run(format!("INSERT INTO {meta} VALUES (3, '', 3)")).await;
    let refused = open().await;
    assert!(matches!(refused, Err(OpenError::Newer { found: 3, known: 1 })), "{refused:?}");

    run(format!("UPDATE {meta} SET checksum = 'changed' WHERE version = 1")).await;
    let refused = open().await;
    assert!(matches!(refused, Err(OpenError::OtherTables { version: 1, .. })), "{refused:?}");
}

#[tokio::test]
async fn settings_that_forget_or_only_read_are_refused() {
    let server = PrivatePostgres::start_with(&[("synchronous_commit", "off")]);
    let pool = PgPool::connect(&server.url()).await.unwrap();
    let refused = PostgresStore::builder(pool).migrate().open().await;
    assert!(matches!(refused, Err(OpenError::AsynchronousCommit)), "{refused:?}");

    let reading =
        postgres_url().parse::<PgConnectOptions>().unwrap().options([("default_transaction_read_only", "on")]);
    let pool = PgPoolOptions::new().connect_with(reading).await.unwrap();
    let refused = PostgresStore::builder(pool).tables(tables()).migrate().open().await;
    assert!(matches!(refused, Err(OpenError::ReadOnly)), "{refused:?}");

    let isolated = ("default_transaction_isolation", "repeatable read");
    let isolated = postgres_url().parse::<PgConnectOptions>().unwrap().options([isolated]);
    let pool = PgPoolOptions::new().connect_with(isolated).await.unwrap();
    let refused = PostgresStore::builder(pool).tables(tables()).migrate().open().await;
    assert!(matches!(refused, Err(OpenError::Isolation { .. })), "{refused:?}");

    let server = PrivatePostgres::start_with(&[("fsync", "off")]);
    let pool = PgPool::connect(&server.url()).await.unwrap();
    let store = PostgresStore::builder(pool).migrate().open().await.unwrap();
    assert_eq!(store.durability(), Survives::ProcessCrash);
}

#[tokio::test]
async fn debug_shows_no_password() {
    let options: PgConnectOptions = postgres_url().parse().unwrap();
    let pool = PgPoolOptions::new().connect_with(options.password("hunter2")).await.unwrap();
    let builder = PostgresStore::builder(pool).tables(tables()).migrate();
    let shown = format!("{builder:?} {:?}", builder.clone().open().await.unwrap());
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[tokio::test]
async fn purging_spares_what_others_hold() {
    let pool = pool(4).await;
    let store = PostgresStore::builder(pool.clone()).tables(tables()).migrate().open().await.unwrap();
    let short = NonZeroDuration::new(Duration::from_millis(1)).unwrap();
    for key in 0..3 {
        let Claim::Won(lease) = store.claim(&ClaimRequest { retention: short, ..request(key) }).await.unwrap() else {
            panic!("a new key is won")
        };
        assert_eq!(lease.complete(&store).await.unwrap(), Fenced::Applied);
    }
    tokio::time::sleep(Duration::from_millis(20)).await;
    let mut other = pool.begin().await.unwrap();
    let lock = format!("SELECT 1 FROM {} LIMIT 1 FOR UPDATE", store.tables().event());
    sqlx::query(sqlx::AssertSqlSafe(lock)).execute(&mut *other).await.unwrap();
    assert_eq!(store.purge(NonZeroU32::MAX).await.unwrap(), 2);
    other.rollback().await.unwrap();
    assert_eq!(store.purge(NonZeroU32::MAX).await.unwrap(), 1);
}
