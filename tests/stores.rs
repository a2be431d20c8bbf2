//! Every store answers every sequence of operations as the others do.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use counterfoil::idempotency::{
    Claim, ClaimRequest, Fence, Fenced, Fingerprint, IdempotencyKey, MemoryStore, NonZeroDuration, Note, OnExpired,
    Page, Scope, State, Store,
};
use counterfoil_redis::RedisStore;
use counterfoil_sqlite::SqliteStore;
use counterfoil_sqlx::{PostgresStore, Tables};
use counterfoil_testkit::{postgres_url, redis_url, unique_name};
use proptest::prelude::*;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{PgPool, SqlitePool};

/// One call. Keys and fences are numbers, so that a sequence means the same to every store.
#[derive(Debug, Clone)]
enum Call {
    Claim { key: u8, body: u8, park: bool },
    Complete { fence: usize },
    Dead { fence: usize },
    Release { fence: usize },
    Extend { fence: usize },
    Forget { key: u8 },
    Get { key: u8 },
    List { state: Option<State> },
    Purge,
}

/// An answer without what may differ between stores: tokens and times.
#[derive(Debug, PartialEq)]
enum Said {
    Won { attempt: u32, grew: bool },
    Claim(String),
    Fenced(Fenced),
    Forgot(bool),
    Record(Option<(State, u32, Fingerprint, String, Option<String>)>),
    Records(Vec<(IdempotencyKey, State)>),
    Purged(u64),
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let states = prop_oneof![
        Just(None),
        Just(Some(State::Ready)),
        Just(Some(State::Claimed)),
        Just(Some(State::Done)),
        Just(Some(State::Dead))
    ];
    let call = prop_oneof![
        6 => (0..4_u8, 0..2_u8, any::<bool>()).prop_map(|(key, body, park)| Call::Claim { key, body, park }),
        3 => (0..12_usize).prop_map(|fence| Call::Complete { fence }),
        1 => (0..12_usize).prop_map(|fence| Call::Dead { fence }),
        3 => (0..12_usize).prop_map(|fence| Call::Release { fence }),
        1 => (0..12_usize).prop_map(|fence| Call::Extend { fence }),
        1 => (0..4_u8).prop_map(|key| Call::Forget { key }),
        1 => (0..4_u8).prop_map(|key| Call::Get { key }),
        1 => states.prop_map(|state| Call::List { state }),
        1 => Just(Call::Purge),
    ];
    prop::collection::vec(call, 1..60)
}

const LONG: Duration = Duration::from_secs(3600);

/// Runs the calls in a scope of their own and notes every answer.
async fn play(store: &dyn Store, scope: Scope, calls: &[Call]) -> Vec<Said> {
    let long = NonZeroDuration::new(LONG).unwrap();
    let id = |key: u8| IdempotencyKey::from_bytes([key + 1; 16]);
    // A fence that was never handed out, so that there is always one to take.
    let mut fences = vec![Fence { scope, key: id(0), token: 1, attempt: 1 }];
    let mut said = Vec::new();
    for call in calls {
        let pick = |number: usize| fences[number % fences.len()];
        said.push(match call {
            Call::Claim { key, body, park } => {
                let request = ClaimRequest {
                    scope,
                    key: id(*key),
                    fingerprint: Fingerprint::of(&[*body]),
                    lease_time: long,
                    retention: long,
                    on_expired: if *park { OnExpired::Park } else { OnExpired::Takeover },
                    note: Note::new(format!("body {body}")),
                };
                match store.claim(&request).await.unwrap() {
                    Claim::Won(lease) => {
                        let fence = lease.fence();
                        let last = fences.iter().filter(|old| old.key == fence.key).map(|old| old.token).max();
                        fences.push(fence);
                        Said::Won { attempt: fence.attempt, grew: last.is_none_or(|last| fence.token > last) }
                    }
                    Claim::InFlight { retry_after } => Said::Claim(format!("in flight {}", retry_after > LONG / 2)),
                    other => Said::Claim(format!("{other:?}")),
                }
            }
            Call::Complete { fence } => Said::Fenced(store.complete(&pick(*fence)).await.unwrap()),
            Call::Dead { fence } => Said::Fenced(store.dead(&pick(*fence), &Note::new("poison")).await.unwrap()),
            Call::Release { fence } => Said::Fenced(store.release(&pick(*fence)).await.unwrap()),
            Call::Extend { fence } => Said::Fenced(store.extend(&pick(*fence), long).await.unwrap()),
            Call::Forget { key } => Said::Forgot(store.forget(scope, id(*key)).await.unwrap()),
            Call::Get { key } => Said::Record(store.get(scope, id(*key)).await.unwrap().map(|record| {
                let reason = record.reason.map(|reason| reason.to_string());
                (record.state, record.attempts, record.fingerprint, record.note.to_string(), reason)
            })),
            Call::List { state } => {
                let first = (scope, IdempotencyKey::from_bytes([0; 16]));
                let page = Page { state: *state, after: Some(first), most: NonZeroU32::new(100).unwrap() };
                let records = store.list(&page).await.unwrap().into_iter().filter(|record| record.scope == scope);
                Said::Records(records.map(|record| (record.key, record.state)).collect())
            }
            Call::Purge => Said::Purged(store.purge(NonZeroU32::MAX).await.unwrap()),
        });
    }
    said
}

/// Every store there is. Each on what is its own alone: sequences list and purge all that they find.
async fn stores(folder: &Path) -> Vec<(&'static str, Arc<dyn Store>)> {
    let pool = PgPool::connect(&postgres_url()).await.unwrap();
    let tables = Tables::new().schema(&unique_name()).unwrap();
    let postgres = PostgresStore::builder(pool).tables(tables).migrate().open().await.unwrap();
    let file = SqliteConnectOptions::new().filename(folder.join("shop.db")).create_if_missing(true);
    let pool = SqlitePool::connect_with(file.journal_mode(SqliteJournalMode::Wal)).await.unwrap();
    let own = counterfoil_sqlx::sqlite::SqliteStore::builder(pool).migrate().open().await.unwrap();
    let redis = RedisStore::builder(&redis_url()).prefix(unique_name()).open().await.unwrap();
    vec![
        ("a file", Arc::new(SqliteStore::open(folder.join("store.db")).unwrap())),
        ("an application's file", Arc::new(own)),
        ("PostgreSQL", Arc::new(postgres)),
        ("Redis", Arc::new(redis)),
    ]
}

/// Each sequence runs on stores that earlier ones have used: state that leaks between scopes shows too.
#[test]
fn stores_agree() {
    let folder = tempfile::tempdir().unwrap();
    let memory = MemoryStore::new(NonZeroU32::new(1_000_000).unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let stores = runtime.block_on(stores(folder.path()));
    let scope = std::cell::Cell::new(0);
    proptest!(|(calls in calls())| {
        scope.set(scope.get() + 1);
        let scope = Scope::from_i32(scope.get());
        let expected = runtime.block_on(play(&memory, scope, &calls));
        prop_assert!(expected.iter().all(|said| !matches!(said, Said::Won { grew: false, .. })), "tokens grow");
        for (name, store) in &stores {
            let actual = runtime.block_on(play(store, scope, &calls));
            prop_assert_eq!(&expected, &actual, "{}", name);
        }
    });
}
