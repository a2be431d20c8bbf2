//! What becomes of an event when handlers are slow, stores fail, and leases pass.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use counterfoil::idempotency::{
    BoxFuture, Claim, ClaimRequest, Fence, Fenced, IdempotencyKey, MemoryStore, NonZeroDuration, Note, OnExpired, Page,
    Record, Scope, State, Store, StoreError, Survives,
};
use counterfoil::{Clock, Delivery, SystemClock};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::handler::{Act, Handler, body, code, memory, receiver, request, send, service, until};

/// A store whose next calls fail, each kind by its own count.
#[derive(Debug, Clone)]
pub(crate) struct Faulty {
    store: Arc<MemoryStore>,
    claims: Arc<AtomicUsize>,
    pub(crate) completions: Arc<AtomicUsize>,
    pub(crate) extensions: Arc<AtomicUsize>,
    pub(crate) gets: Arc<AtomicUsize>,
    /// Calls of any kind.
    calls: Arc<AtomicUsize>,
    /// How often it was asked to extend.
    pub(crate) extended: Arc<AtomicUsize>,
    /// Closed, it keeps claims and extensions waiting.
    pub(crate) gate: Arc<Semaphore>,
}

impl Faulty {
    pub(crate) fn new() -> Self {
        Self {
            store: Arc::new(memory()),
            claims: Arc::default(),
            completions: Arc::default(),
            extensions: Arc::default(),
            gets: Arc::default(),
            calls: Arc::default(),
            extended: Arc::default(),
            gate: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
        }
    }

    /// One whose claims are not answered until its gate has permits.
    fn closed() -> Self {
        Self { gate: Arc::new(Semaphore::new(0)), ..Self::new() }
    }

    fn fails(&self, left: &AtomicUsize) -> bool {
        self.calls.fetch_add(1, Ordering::Relaxed);
        left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }
}

fn down<T: Send + 'static>() -> BoxFuture<'static, Result<T, StoreError>> {
    Box::pin(std::future::ready(Err(StoreError::Unavailable { source: "told to fail".into() })))
}

impl Store for Faulty {
    fn claim<'a>(&'a self, request: &'a ClaimRequest) -> BoxFuture<'a, Result<Claim, StoreError>> {
        Box::pin(async move {
            let _open = self.gate.acquire().await;
            if self.fails(&self.claims) { down().await } else { self.store.claim(request).await }
        })
    }

    fn complete<'a>(&'a self, fence: &'a Fence) -> BoxFuture<'a, Result<Fenced, StoreError>> {
        if self.fails(&self.completions) { down() } else { self.store.complete(fence) }
    }

    fn dead<'a>(&'a self, fence: &'a Fence, reason: &'a Note) -> BoxFuture<'a, Result<Fenced, StoreError>> {
        self.store.dead(fence, reason)
    }

    fn release<'a>(&'a self, fence: &'a Fence) -> BoxFuture<'a, Result<Fenced, StoreError>> {
        self.store.release(fence)
    }

    fn extend<'a>(&'a self, fence: &'a Fence, time: NonZeroDuration) -> BoxFuture<'a, Result<Fenced, StoreError>> {
        Box::pin(async move {
            self.extended.fetch_add(1, Ordering::Relaxed);
            let _open = self.gate.acquire().await;
            if self.fails(&self.extensions) { down().await } else { self.store.extend(fence, time).await }
        })
    }

    fn purge(&self, most: NonZeroU32) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.store.purge(most)
    }

    fn forget(&self, scope: Scope, key: IdempotencyKey) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.store.forget(scope, key)
    }

    fn get(&self, scope: Scope, key: IdempotencyKey) -> BoxFuture<'_, Result<Option<Record>, StoreError>> {
        if self.fails(&self.gets) { down() } else { self.store.get(scope, key) }
    }

    fn list<'a>(&'a self, page: &'a Page) -> BoxFuture<'a, Result<Vec<Record>, StoreError>> {
        self.store.list(page)
    }

    fn durability(&self) -> Survives {
        Survives::Nothing
    }
}

/// The event of `body`, without its being delivered.
pub(crate) fn event(receiver: &counterfoil::Receiver, body: &bytes::Bytes) -> Delivery {
    Delivery::assertion(receiver.verifier(), body.clone(), SystemClock.now()).unwrap()
}

/// The claim by which another process would take the event.
pub(crate) fn elsewhere(delivery: &Delivery) -> ClaimRequest {
    let minute = NonZeroDuration::new(Duration::from_secs(60)).unwrap();
    ClaimRequest {
        scope: delivery.scope(),
        key: delivery.key(),
        fingerprint: delivery.fingerprint(),
        lease_time: minute,
        retention: minute,
        on_expired: OnExpired::Takeover,
        note: Note::new("elsewhere"),
    }
}

pub(crate) async fn state(store: &dyn Store, delivery: &Delivery) -> Option<(State, u32)> {
    store.get(delivery.scope(), delivery.key()).await.unwrap().map(|record| (record.state, record.attempts))
}

#[tokio::test]
async fn copies_at_once_run_the_handler_once_and_all_get_200() {
    let handler = Handler::new([Act::Sleep(Duration::from_millis(100))]);
    let service = service(receiver(memory()).build().unwrap(), &handler);
    let event = body("evt_1");
    let mut copies = JoinSet::new();
    for _ in 0..64 {
        let (service, event) = (service.clone(), event.clone());
        copies.spawn(async move { send(&service, request(event)).await });
    }
    let answers = copies.join_all().await;
    assert!(answers.iter().all(|response| response.status() == 200));
    assert_eq!(answers.iter().filter(|response| response.headers().contains_key("x-webhook-duplicate")).count(), 63);
    assert_eq!(handler.runs(), 1);
}

#[tokio::test]
async fn beyond_256_waiters_a_copy_is_told_at_once() {
    let handler = Handler::new([Act::Sleep(Duration::from_millis(600))]);
    let receiver = receiver(memory()).build().unwrap();
    let service = service(receiver.clone(), &handler);
    let event = body("evt_1");
    let mut copies = JoinSet::new();
    for _ in 0..300 {
        let (service, event) = (service.clone(), event.clone());
        copies.spawn(async move { send(&service, request(event)).await });
    }
    let answers = copies.join_all().await;
    let busy: Vec<_> = answers.iter().filter(|response| response.status() == 503).collect();
    assert_eq!(busy.len(), 300 - 1 - 256);
    for response in busy {
        assert_eq!(code(response).as_deref(), Some("in_flight"));
        let after: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=60).contains(&after), "{after}");
    }
    assert_eq!((handler.runs(), receiver.health().await.waiting), (1, 0));
}

#[tokio::test]
async fn t40_a_copy_waits_a_moment_then_503_then_a_retry_is_a_duplicate() {
    let handler = Handler::new([Act::Sleep(Duration::from_millis(500))]);
    let receiver = receiver(memory()).in_flight_wait(Duration::from_millis(100)).build().unwrap();
    let service = service(receiver, &handler);
    let event = body("evt_1");
    let first = tokio::spawn({
        let (service, event) = (service.clone(), event.clone());
        async move { send(&service, request(event)).await }
    });
    until(|| handler.runs() == 1).await;
    let asked = Instant::now();
    let second = send(&service, request(event.clone())).await;
    assert_eq!(code(&second).as_deref(), Some("in_flight"));
    assert!(asked.elapsed() >= Duration::from_millis(100));
    assert_eq!(first.await.unwrap().status(), 200);
    assert!(send(&service, request(event)).await.headers().contains_key("x-webhook-duplicate"));
    assert_eq!(handler.runs(), 1);
}

#[tokio::test]
async fn a_waiting_copy_takes_over_what_the_first_gives_back() {
    let handler = Handler::new([Act::Sleep(Duration::from_millis(100)), Act::Answer(200)]);
    let store = memory();
    let store = Arc::new(store);
    let receiver = receiver(store.clone()).build().unwrap();
    let service = service(receiver.clone(), &handler);
    let body = body("evt_1");
    let delivery = event(&receiver, &body);
    // Somebody in another process holds the event, and gives it back.
    let Claim::Won(lease) = store.claim(&elsewhere(&delivery)).await.unwrap() else { panic!("a new key") };
    let waiting = tokio::spawn({
        let (service, body) = (service.clone(), body.clone());
        async move { send(&service, request(body)).await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(lease.release(&*store).await.unwrap(), Fenced::Applied);
    assert_eq!(waiting.await.unwrap().status(), 200);
    assert_eq!((handler.runs(), state(&*store, &delivery).await), (1, Some((State::Done, 2))));
}

#[tokio::test]
async fn a_waiting_copy_with_a_large_body_gives_its_memory_back() {
    let store = Arc::new(memory());
    let receiver = receiver(store.clone()).build().unwrap();
    let handler = Handler::default();
    let service = service(receiver.clone(), &handler);
    let event_body = body("evt_1");
    let large: bytes::Bytes = [&event_body[..], &vec![b' '; 100 * 1024]].concat().into();
    let delivery = event(&receiver, &large);
    let Claim::Won(lease) = store.claim(&elsewhere(&delivery)).await.unwrap() else { panic!("a new key") };
    let waiting = tokio::spawn({
        let (service, body) = (service.clone(), large.clone());
        async move { send(&service, request(body)).await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(lease.release(&*store).await.unwrap(), Fenced::Applied);
    assert_eq!(
        code(&waiting.await.unwrap()).as_deref(),
        Some("in_flight"),
        "without its body it cannot be handled here"
    );
    assert_eq!(send(&service, request(large)).await.status(), 200, "the next retry is handled at once");
}

#[tokio::test]
async fn t44_a_store_that_is_down_means_503_and_no_handler() {
    let store = Faulty::new();
    let handler = Handler::default();
    let service = service(receiver(store.clone()).build().unwrap(), &handler);
    let event = body("evt_1");
    store.claims.store(1, Ordering::Relaxed);
    let response = send(&service, request(event.clone())).await;
    assert_eq!((response.status().as_u16(), code(&response).as_deref()), (503, Some("store_unavailable")));
    assert!(response.headers().contains_key("retry-after"));
    assert_eq!(handler.runs(), 0);
    assert_eq!(send(&service, request(event)).await.status(), 200);
}

#[tokio::test]
async fn t44_a_full_store_refuses_new_events_and_knows_the_old() {
    let store = MemoryStore::new(NonZeroU32::new(3).unwrap());
    let handler = Handler::default();
    let service = service(receiver(store).build().unwrap(), &handler);
    let events = [body("evt_1"), body("evt_2"), body("evt_3")];
    for event in &events {
        assert_eq!(send(&service, request(event.clone())).await.status(), 200);
    }
    assert_eq!(code(&send(&service, request(body("evt_4"))).await).as_deref(), Some("store_unavailable"));
    for event in &events {
        assert!(send(&service, request(event.clone())).await.headers().contains_key("x-webhook-duplicate"));
    }
    assert_eq!(handler.runs(), 3);
}

#[tokio::test]
async fn t15_a_flood_of_unauthenticated_requests_never_asks_the_store() {
    let store = Faulty::new();
    let handler = Handler::default();
    let service = service(receiver(store.clone()).build().unwrap(), &handler);
    let event = body("evt_1");
    for number in 0..200 {
        let mut forged = request(event.clone());
        let signature = format!("{number:064x}");
        forged.headers_mut().insert("x-handl-signature", signature.parse().unwrap());
        assert_eq!(send(&service, forged).await.status(), 401);
    }
    assert_eq!((store.calls.load(Ordering::Relaxed), handler.runs()), (0, 0));
}

#[tokio::test]
async fn a_completion_that_fails_is_made_good_in_the_background() {
    let store = Faulty::new();
    let handler = Handler::default();
    let receiver = receiver(store.clone()).build().unwrap();
    let service = service(receiver.clone(), &handler);
    let body = body("evt_1");
    store.completions.store(2, Ordering::Relaxed);
    let response = send(&service, request(body.clone())).await;
    assert_eq!(response.status(), 200, "the effect has happened: a refusal would only cause a repeat");
    let delivery = event(&receiver, &body);
    for _ in 0..100 {
        if state(&store, &delivery).await == Some((State::Done, 1)) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(state(&store, &delivery).await, Some((State::Done, 1)));
    assert!(send(&service, request(body)).await.headers().contains_key("x-webhook-duplicate"));
    assert_eq!(handler.runs(), 1);
}

#[tokio::test]
async fn t45_a_handler_out_of_time_is_503_and_its_event_free() {
    let handler = Handler::new([Act::Sleep(Duration::from_secs(60))]);
    let store = Arc::new(memory());
    let receiver = receiver(store.clone()).lease(Duration::from_secs(2)).build().unwrap();
    let service = service(receiver.clone(), &handler);
    let body = body("evt_1");
    let began = Instant::now();
    let response = send(&service, request(body.clone())).await;
    assert_eq!((response.status().as_u16(), code(&response).as_deref()), (503, Some("handler_failed")));
    assert!(response.headers().contains_key("retry-after"));
    assert!(began.elapsed() < Duration::from_secs(2), "it is stopped before its lease has passed");
    assert_eq!(state(&*store, &event(&receiver, &body)).await, Some((State::Ready, 1)));
    assert_eq!(send(&service, request(body)).await.status(), 200);
    assert_eq!((handler.runs(), handler.finished()), (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn t45_a_handler_that_keeps_its_task_busy_is_stopped_all_the_same() {
    let handler = Handler::new([Act::Spin(Duration::from_secs(10))]);
    let service = service(receiver(memory()).lease(Duration::from_secs(2)).build().unwrap(), &handler);
    let began = Instant::now();
    let response = send(&service, request(body("evt_1"))).await;
    assert_eq!((response.status().as_u16(), code(&response).as_deref()), (503, Some("handler_failed")));
    assert!(began.elapsed() < Duration::from_secs(2), "it is stopped before its lease has passed");
}

#[tokio::test]
async fn t42_a_handler_that_panics_when_it_is_dropped_leaves_its_event_free() {
    let handler = Handler::new([Act::PanicWhenDropped]);
    let service = service(receiver(memory()).lease(Duration::from_secs(2)).build().unwrap(), &handler);
    let event = body("evt_1");
    let response = send(&service, request(event.clone())).await;
    assert_eq!((response.status().as_u16(), code(&response).as_deref()), (500, Some("handler_failed")));
    assert_eq!(send(&service, request(event)).await.status(), 200, "the retry is handled at once");
}

/// The runtime's clock jumps ahead whenever all are waiting, so that no real time passes.
#[tokio::test(start_paused = true)]
async fn t44_a_slow_store_means_503_and_a_claim_that_is_won_late_is_given_back() {
    let store = Faulty::closed();
    let handler = Handler::default();
    let receiver = receiver(store.clone()).build().unwrap();
    let service = service(receiver.clone(), &handler);
    let body = body("evt_1");
    let response = send(&service, request(body.clone())).await;
    assert_eq!((response.status().as_u16(), code(&response).as_deref()), (503, Some("store_unavailable")));
    store.gate.add_permits(Semaphore::MAX_PERMITS);
    let delivery = event(&receiver, &body);
    while state(&store, &delivery).await != Some((State::Ready, 1)) {
        tokio::task::yield_now().await;
    }
    assert_eq!(handler.runs(), 0);
    assert_eq!(send(&service, request(body)).await.status(), 200);
}

#[tokio::test]
async fn shutdown_waits_for_a_completion_in_the_background() {
    let store = Faulty::new();
    let handler = Handler::default();
    let receiver = receiver(store.clone()).build().unwrap();
    let service = service(receiver.clone(), &handler);
    let body = body("evt_1");
    store.completions.store(2, Ordering::Relaxed);
    assert_eq!(send(&service, request(body.clone())).await.status(), 200);
    receiver.shutdown(tokio::time::sleep(Duration::from_secs(10))).await;
    assert_eq!(state(&store, &event(&receiver, &body)).await, Some((State::Done, 1)));
}

#[tokio::test]
async fn t41_a_holder_that_lost_its_lease_learns_it() {
    let store = Arc::new(memory());
    let receiver = receiver(store.clone()).build().unwrap();
    for completed_by_other in [true, false] {
        let handler = Handler::new([Act::Sleep(Duration::from_millis(150))]);
        let service = service(receiver.clone(), &handler);
        let body = body(&format!("evt_{completed_by_other}"));
        let delivery = event(&receiver, &body);
        let zombie = tokio::spawn({
            let (service, body) = (service.clone(), body.clone());
            async move { send(&service, request(body)).await }
        });
        until(|| handler.runs() == 1).await;
        // An operator takes the event from its holder, and somebody else handles it.
        assert!(store.forget(delivery.scope(), delivery.key()).await.unwrap());
        let Claim::Won(lease) = store.claim(&elsewhere(&delivery)).await.unwrap() else {
            panic!("a forgotten key is new")
        };
        if completed_by_other {
            assert_eq!(lease.complete(&*store).await.unwrap(), Fenced::Applied);
        }
        let response = zombie.await.unwrap();
        if completed_by_other {
            assert_eq!(response.status(), 200);
            assert!(response.headers().contains_key("x-webhook-duplicate"), "it was completed by another");
        } else {
            assert_eq!(code(&response).as_deref(), Some("in_flight"), "nobody has completed it yet");
        }
        let record = store.get(delivery.scope(), delivery.key()).await.unwrap().unwrap();
        assert_eq!(record.token, lease.fence().token, "the zombie changed nothing");
    }
}

#[tokio::test]
async fn completing_inside_the_handler_is_settled() {
    let store = Arc::new(memory());
    let receiver = receiver(store.clone()).build().unwrap();
    let inside = store.clone();
    let inner = tower::service_fn(move |request: http::Request<counterfoil_tower::VerifiedBody>| {
        let store = inside.clone();
        async move {
            let fence = request.extensions().get::<Fence>().copied().unwrap();
            assert_eq!(store.complete(&fence).await.unwrap(), Fenced::Applied);
            Ok::<_, std::convert::Infallible>(http::Response::new(http_body_util::Full::<bytes::Bytes>::default()))
        }
    });
    let service = tower::Layer::layer(&counterfoil_tower::WebhookLayer::new(receiver), inner);
    let response = tower::ServiceExt::oneshot(service, request(body("evt_1"))).await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(!response.headers().contains_key("x-webhook-duplicate"), "the handler's own response is passed on");
}

#[tokio::test]
async fn t50_a_stale_copy_of_a_completed_event_is_a_duplicate_and_any_other_is_refused() {
    let store = Faulty::new();
    let clock = counterfoil::testing::FixedClock::new(SystemClock.now());
    let handler = Handler::default();
    let receiver = receiver(store.clone()).clock(clock.clone()).build().unwrap();
    let service = service(receiver.clone(), &handler);
    let (seen, unseen) = (body("evt_1"), body("evt_2"));
    assert_eq!(send(&service, request(seen.clone())).await.status(), 200);
    clock.advance(Duration::from_secs(28 * 3600));
    assert!(send(&service, request(seen.clone())).await.headers().contains_key("x-webhook-duplicate"));
    assert_eq!(code(&send(&service, request(unseen.clone())).await).as_deref(), Some("timestamp_stale"));
    assert_eq!(state(&store, &event(&receiver, &unseen)).await, None, "it is looked up, not claimed");
    store.gets.store(1, Ordering::Relaxed);
    assert_eq!(code(&send(&service, request(seen)).await).as_deref(), Some("store_unavailable"));
    assert_eq!(handler.runs(), 1);
}

#[tokio::test]
async fn conflicts_can_be_refused() {
    let handler = Handler::default();
    let service = service(receiver(memory()).refuse_conflicts().build().unwrap(), &handler);
    let event = body("evt_1");
    assert_eq!(send(&service, request(event.clone())).await.status(), 200);
    let other: bytes::Bytes = [&event[..event.len() - 1], br#","note":1}"#].concat().into();
    let response = send(&service, request(other)).await;
    assert_eq!((response.status().as_u16(), code(&response).as_deref()), (422, Some("conflict")));
    assert_eq!(handler.runs(), 1);
}

#[tokio::test]
async fn t37_one_secret_on_two_endpoints_is_two_events() {
    let store = Arc::new(memory());
    let handler = Handler::default();
    let event = body("evt_1");
    for endpoint in ["shop", "warehouse"] {
        let service = service(receiver(store.clone()).endpoint(endpoint).build().unwrap(), &handler);
        assert_eq!(send(&service, request(event.clone())).await.status(), 200);
        assert!(send(&service, request(event.clone())).await.headers().contains_key("x-webhook-duplicate"));
    }
    assert_eq!(handler.runs(), 2);
}

#[tokio::test]
async fn health_tells_of_a_store_that_does_not_answer() {
    let store = Faulty::new();
    let receiver = receiver(store.clone()).build().unwrap();
    assert!(receiver.health().await.is_ready());
    store.gets.store(1, Ordering::Relaxed);
    let health = receiver.health().await;
    assert!(!health.is_ready() && health.accepting);
    assert_eq!(health.durability, Some(Survives::Nothing));
}
