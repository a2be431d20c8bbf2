//! A duplicate that waits a moment for the delivery that came first, and a store that keeps everybody waiting.

use std::cell::Cell;
use std::future::Future;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use counterfoil::idempotency::{
    BoxFuture, Claim, ClaimRequest, Fence, Fenced, IdempotencyKey, MemoryStore, NonZeroDuration, Note, Page, Record,
    Scope, Store, StoreError, Survives,
};
use counterfoil::receiver::{Answer, Handled, Processed, ReceiverBuilder, Reject, Runtime};
use counterfoil::testing::FixedClock;
use counterfoil::{Receiver, Rejection};
use counterfoil_tests::{Example, receive, secret};
use http::{Method, StatusCode};
use tokio::sync::{Notify, Semaphore};

/// A runtime that keeps how long it was asked to sleep.
#[derive(Clone, Default)]
pub(crate) struct Sleeps(Arc<Mutex<Vec<Duration>>>);

impl Sleeps {
    pub(crate) fn all(&self) -> Vec<Duration> {
        self.0.lock().unwrap().clone()
    }
}

impl Runtime for Sleeps {
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.0.lock().unwrap().push(duration);
        Box::pin(tokio::time::sleep(duration))
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        tokio::spawn(task);
    }
}

pub(crate) fn memory() -> MemoryStore {
    MemoryStore::new(NonZeroU32::new(10).unwrap())
}

pub(crate) fn receiver(store: impl Store, settings: impl FnOnce(ReceiverBuilder) -> ReceiverBuilder) -> Receiver {
    let example = Example::of("handl");
    let builder = Receiver::builder(example.sender.clone()).secret(secret(&example.secret));
    let builder = builder.store(store).clock(FixedClock::new(example.now));
    settings(builder.in_flight_wait(Duration::from_secs(5))).build().unwrap()
}

/// What became of a body, signed as the example is, at a handler that gives `handled`.
pub(crate) async fn send(
    receiver: &Receiver,
    runtime: &Sleeps,
    body: &Bytes,
    handled: impl Future<Output = Handled<()>>,
) -> Result<(), Answer> {
    let example = Example::of("handl");
    let headers = example.signed(&example.secret, &example.stamp, body);
    let received = receive(receiver, &Method::POST, &headers, [body.clone()]).await?;
    match receiver.clone().process(runtime.clone(), received, |_, _| handled).await {
        Processed::Passed(()) => Ok(()),
        Processed::Answered(answer) => Err(answer),
    }
}

pub(crate) fn with(status: u16) -> Handled<()> {
    Handled { status: StatusCode::from_u16(status).unwrap(), reject: None, response: () }
}

/// What a duplicate of the example comes to, in `body`, that arrives while the first delivery is handled, and waits
/// for what `first` makes of it.
async fn behind(receiver: &Receiver, first: Handled<()>, body: &Bytes) -> Result<(), Answer> {
    let runtime = Sleeps::default();
    let (begun, waiting) = (Notify::new(), Notify::new());
    let example = Example::of("handl");
    let first = async {
        let handler = async {
            begun.notify_one();
            waiting.notified().await;
            first
        };
        let outcome = send(receiver, &runtime, &example.body, handler).await;
        begun.notify_one();
        outcome
    };
    let second = async {
        begun.notified().await;
        let (runtime, over) = (Sleeps::default(), Cell::new(false));
        let sending = async {
            let outcome = send(receiver, &runtime, body, async { with(200) }).await;
            over.set(true);
            outcome
        };
        let watching = async {
            while runtime.all().is_empty() && !over.get() {
                tokio::task::yield_now().await;
            }
            waiting.notify_one();
        };
        tokio::join!(sending, watching).0
    };
    tokio::join!(first, second).1
}

pub(crate) fn code(outcome: &Result<(), Answer>) -> &'static str {
    match outcome {
        Ok(()) => "handled",
        Err(Answer::Duplicate) => "duplicate",
        Err(Answer::Conflict) => "conflict",
        Err(answer) => answer.code().unwrap().code(),
    }
}

#[tokio::test]
async fn a_duplicate_waits_for_what_becomes_of_the_first() {
    let body = Example::of("handl").body;
    let other = Example::of("handl").with_member("data", "1");
    let buried = || Handled { reject: Some(Reject::new("no such customer")), ..with(200) };
    for (first, body, expected) in [
        (with(200), &body, "duplicate"),
        (with(200), &other, "conflict"),
        (with(500), &body, "handled"),
        (with(500), &other, "handled"),
        (buried(), &body, "handler_failed"),
    ] {
        let status = first.status;
        let outcome = behind(&receiver(memory(), |builder| builder), first, body).await;
        assert_eq!(code(&outcome), expected, "{status}");
    }
}

#[tokio::test]
async fn a_conflict_is_refused_where_that_was_asked_for() {
    let body = Example::of("handl").body;
    let other = Example::of("handl").with_member("data", "1");
    for (body, expected) in [(&body, "duplicate"), (&other, "conflict")] {
        let receiver = receiver(memory(), ReceiverBuilder::refuse_conflicts);
        assert_eq!(code(&behind(&receiver, with(200), body).await), expected);
        let again = send(&receiver, &Sleeps::default(), body, async { with(200) }).await;
        assert_eq!(code(&again), expected);
        let refused = matches!(again, Err(Answer::Refused(Rejection::Conflict)));
        assert_eq!(refused, expected == "conflict");
    }
}

#[tokio::test]
async fn a_body_too_large_to_be_kept_comes_again() {
    let example = Example::of("handl");
    let large = example.with_member("data", format!("\"{}\"", "a".repeat(64 * 1024)));
    let outcome = behind(&receiver(memory(), |builder| builder), with(500), &large).await;
    assert!(
        matches!(outcome, Err(Answer::Refused(Rejection::InFlight { retry_after: Duration::ZERO }))),
        "{outcome:?}"
    );
    assert_eq!(code(&behind(&receiver(memory(), |builder| builder), with(200), &large).await), "conflict");
}

#[tokio::test]
async fn a_duplicate_looks_at_growing_intervals_and_waits_no_longer_than_it_may() {
    let wait = Duration::from_millis(150);
    let receiver = receiver(memory(), |builder| builder.in_flight_wait(wait));
    let (begun, over) = (Notify::new(), Notify::new());
    let body = Example::of("handl").body;
    let runtime = Sleeps::default();
    let first = async {
        let handler = async {
            begun.notify_one();
            over.notified().await;
            with(200)
        };
        let outcome = send(&receiver, &runtime, &body, handler).await;
        begun.notify_one();
        outcome
    };
    let second = async {
        begun.notified().await;
        let runtime = Sleeps::default();
        let outcome = send(&receiver, &runtime, &body, async { with(200) }).await;
        over.notify_one();
        (outcome, runtime.all())
    };
    let (first, (outcome, sleeps)) = tokio::join!(first, second);
    assert_eq!((code(&first), code(&outcome)), ("handled", "in_flight"));
    assert_eq!(sleeps[0], Duration::from_millis(20));
    let (last, before) = sleeps.split_last().unwrap();
    assert!(before.windows(2).all(|pair| pair[1] == pair[0] * 2), "{sleeps:?}");
    assert!(*last <= wait, "{sleeps:?}");
}

/// A store whose claims get through to memory as long as it has permits, and whose extensions can fail.
#[derive(Debug)]
pub(crate) struct Slow {
    memory: MemoryStore,
    permits: Semaphore,
    asked: AtomicBool,
    /// How many more extensions fail.
    pub(crate) failing: AtomicUsize,
    /// How many extensions were asked for.
    pub(crate) extensions: AtomicUsize,
}

impl Slow {
    pub(crate) fn with_permits(permits: usize) -> Arc<Self> {
        Arc::new(Self {
            memory: memory(),
            permits: Semaphore::new(permits),
            asked: AtomicBool::new(false),
            failing: AtomicUsize::new(0),
            extensions: AtomicUsize::new(0),
        })
    }
}

impl Store for Slow {
    fn claim<'a>(&'a self, request: &'a ClaimRequest) -> BoxFuture<'a, Result<Claim, StoreError>> {
        Box::pin(async move {
            self.asked.store(true, Ordering::SeqCst);
            self.permits.acquire().await.unwrap().forget();
            self.memory.claim(request).await
        })
    }

    fn complete<'a>(&'a self, fence: &'a Fence) -> BoxFuture<'a, Result<Fenced, StoreError>> {
        self.memory.complete(fence)
    }

    fn dead<'a>(&'a self, fence: &'a Fence, reason: &'a Note) -> BoxFuture<'a, Result<Fenced, StoreError>> {
        self.memory.dead(fence, reason)
    }

    fn release<'a>(&'a self, fence: &'a Fence) -> BoxFuture<'a, Result<Fenced, StoreError>> {
        self.memory.release(fence)
    }

    fn extend<'a>(&'a self, fence: &'a Fence, time: NonZeroDuration) -> BoxFuture<'a, Result<Fenced, StoreError>> {
        self.extensions.fetch_add(1, Ordering::SeqCst);
        let fails = self.failing.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        Box::pin(async move {
            if fails {
                return Err(StoreError::Unavailable { source: "the network is down".into() });
            }
            self.memory.extend(fence, time).await
        })
    }

    fn purge(&self, most: NonZeroU32) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.memory.purge(most)
    }

    fn forget(&self, scope: Scope, key: IdempotencyKey) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.memory.forget(scope, key)
    }

    fn get(&self, scope: Scope, key: IdempotencyKey) -> BoxFuture<'_, Result<Option<Record>, StoreError>> {
        self.memory.get(scope, key)
    }

    fn list<'a>(&'a self, page: &'a Page) -> BoxFuture<'a, Result<Vec<Record>, StoreError>> {
        self.memory.list(page)
    }

    fn durability(&self) -> Survives {
        self.memory.durability()
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_won_too_late_is_given_back() {
    let store = Slow::with_permits(0);
    let receiver = receiver(store.clone(), |builder| builder.lease(Duration::from_secs(60)));
    let body = Example::of("handl").body;
    let runtime = Sleeps::default();
    let late = send(&receiver, &runtime, &body, async { with(200) }).await;
    assert_eq!(code(&late), "store_unavailable");
    assert!(store.asked.load(Ordering::SeqCst));
    // Longer than a store is waited for, and less than the lease.
    tokio::time::sleep(Duration::from_secs(30)).await;
    store.permits.add_permits(2);
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(store.permits.available_permits(), 1, "the claim that was given up is still under way");
    let next = send(&receiver, &runtime, &body, async { with(200) }).await;
    assert_eq!(code(&next), "handled");
}

#[tokio::test]
async fn a_store_that_panics_is_a_store_that_is_down() {
    let store = Slow::with_permits(0);
    store.permits.close();
    let receiver = receiver(store, |builder| builder);
    let body = Example::of("handl").body;
    let panicked = send(&receiver, &Sleeps::default(), &body, async { with(200) }).await;
    assert_eq!(code(&panicked), "store_unavailable");
    // It is not counted as under way any more.
    receiver.shutdown(async {}).await;
}
