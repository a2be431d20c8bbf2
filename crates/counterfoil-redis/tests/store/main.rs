//! The store contract, and what a server adds to it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod failures;
mod opening;
mod rows;

use std::num::NonZeroU32;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use counterfoil::idempotency::{
    Claim, ClaimRequest, Fenced, Fingerprint, IdempotencyKey, Lease, NonZeroDuration, Note, OnExpired, Page, Scope,
    Store, StoreError,
};
use counterfoil::testing::store as contract;
use counterfoil_redis::{OpenError, RedisStore};
use counterfoil_testkit::{redis_url, unique_name};
use redis::FromRedisValue;

const WEEK: Duration = Duration::from_secs(7 * 86_400);

/// A page with every row.
const ALL: Page = Page { state: None, after: None, most: NonZeroU32::MAX };

async fn open(url: &str, prefix: &str) -> RedisStore {
    RedisStore::builder(url).prefix(prefix).open().await.unwrap()
}

async fn shared() -> RedisStore {
    open(&redis_url(), &unique_name()).await
}

/// A connection of the test's own.
fn raw(url: &str) -> redis::Connection {
    redis::Client::open(url).unwrap().get_connection().unwrap()
}

/// Runs the words of `command`.
fn run<T: FromRedisValue>(connection: &mut redis::Connection, command: &str) -> T {
    let mut words = command.split(' ');
    let mut command = redis::cmd(words.next().unwrap());
    command.arg(words.collect::<Vec<_>>()).query(connection).unwrap()
}

fn request(key: u32, retention: Duration) -> ClaimRequest {
    let fingerprint = Fingerprint::of(&key.to_be_bytes());
    ClaimRequest {
        scope: Scope::from_i32(-7),
        key: IdempotencyKey::from_bytes(*fingerprint.as_bytes()),
        fingerprint,
        lease_time: NonZeroDuration::new(Duration::from_secs(60)).unwrap(),
        retention: NonZeroDuration::new(retention).unwrap(),
        on_expired: OnExpired::Takeover,
        note: Note::new("handl order.created evt_1"),
    }
}

async fn win(store: &RedisStore, request: &ClaimRequest) -> Lease {
    match store.claim(request).await.unwrap() {
        Claim::Won(lease) => lease,
        other => panic!("a new key is won, not {other:?}"),
    }
}

/// What is there before anything is waited for.
fn at_once<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract() {
    contract::check(&shared().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_behind_dyn() {
    let store: Arc<dyn Store> = Arc::new(shared().await);
    contract::check(&store).await;
    contract::threads_win_each_key_once(&store);
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_over_the_newer_protocol() {
    let url = redis_url();
    let more = if url.contains('?') { '&' } else { '?' };
    contract::check(&open(&format!("{url}{more}protocol=resp3"), &unique_name()).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_connections_win_each_key_once() {
    let prefix = unique_name();
    let stores = [open(&redis_url(), &prefix).await, open(&redis_url(), &prefix).await];
    let mut tasks = tokio::task::JoinSet::new();
    for index in 0..800_u32 {
        let store = stores[usize::from(index % 2 == 0)].clone();
        tasks.spawn(async move { matches!(store.claim(&request(index / 4, WEEK)).await.unwrap(), Claim::Won(_)) });
    }
    let won = tasks.join_all().await.into_iter().filter(|won| *won).count();
    assert_eq!(won, 200);
}

#[tokio::test]
async fn a_dropped_caller_does_not_cut_an_operation() {
    let store = shared().await;
    drop(store.claim(&request(1, WEEK)));
    // The batch that carries it may still be on its way when the next one is.
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(matches!(store.claim(&request(1, WEEK)).await.unwrap(), Claim::InFlight { .. }));
}

#[test]
fn the_store_lives_as_long_as_the_runtime_it_was_opened_on() {
    let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (first, second) = (runtime(), runtime());
    let store = first.block_on(shared());
    let lease = second.block_on(win(&store, &request(1, WEEK)));
    drop(first);
    let late = second.block_on(lease.complete(&store));
    assert!(matches!(late, Err(StoreError::Unavailable { .. } | StoreError::CommitUnknown { .. })), "{late:?}");

    let opened = at_once(RedisStore::open("redis://127.0.0.1:1"));
    assert!(matches!(opened, Some(Err(OpenError::NoRuntime))), "{opened:?}");
}

#[tokio::test]
async fn prefixes_are_apart() {
    let prefix = unique_name();
    let (one, other) = (open(&redis_url(), &prefix).await, open(&redis_url(), &format!("{prefix}:a")).await);
    assert_eq!(win(&one, &request(1, WEEK)).await.complete(&one).await.unwrap(), Fenced::Applied);
    let _lease = win(&other, &request(1, WEEK)).await;
    let _lease = win(&other, &request(2, WEEK)).await;
    assert_eq!(one.list(&ALL).await.unwrap().len(), 1);
    assert_eq!(other.list(&ALL).await.unwrap().len(), 2);
}
