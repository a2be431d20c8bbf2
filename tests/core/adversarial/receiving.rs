//! What a receiver with a store does with hostile requests, failing handlers and failing stores.

use std::future::{Future, pending, poll_fn};
use std::num::NonZeroU32;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use counterfoil::idempotency::{
    BoxFuture, Claim, ClaimRequest, Fence, Fenced, IdempotencyKey, MemoryStore, NonZeroDuration, Note, Page, Record,
    Scope, State, Store, StoreError, Survives,
};
use counterfoil::receiver::{Answer, Handled, Head, Processed, Received, ReceiverBuilder, Runtime};
use counterfoil::testing::FixedClock;
use counterfoil::{Delivery, Receiver};
use counterfoil_tests::{Example, receive, secret};
use http::{HeaderMap, Method, StatusCode, Uri};

/// The shortest lease, so that waiting for its end is bearable.
const LEASE: Duration = Duration::from_secs(2);
const PAST_LEASE: Duration = Duration::from_millis(2100);

#[derive(Clone)]
struct Tokio;

impl Runtime for Tokio {
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        tokio::spawn(task);
    }
}

/// A memory store that counts its calls, takes two turns for each, and can be down.
#[derive(Debug)]
struct Probe {
    memory: MemoryStore,
    calls: AtomicUsize,
    down: AtomicBool,
}

impl Probe {
    fn new(most: u32) -> Arc<Self> {
        let memory = MemoryStore::new(NonZeroU32::new(most).expect("not zero"));
        Arc::new(Self { memory, calls: AtomicUsize::new(0), down: AtomicBool::new(false) })
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    fn ask<'a, T, F>(
        &'a self,
        operation: impl FnOnce(&'a MemoryStore) -> F + Send + 'a,
    ) -> BoxFuture<'a, Result<T, StoreError>>
    where
        F: Future<Output = Result<T, StoreError>> + Send,
        T: Send,
    {
        Box::pin(async move {
            self.calls.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            if self.down.load(Ordering::SeqCst) {
                return Err(StoreError::Unavailable { source: "the probe is down".into() });
            }
            let outcome = operation(&self.memory).await;
            tokio::task::yield_now().await;
            outcome
        })
    }
}

impl Store for Probe {
    fn claim<'a>(&'a self, request: &'a ClaimRequest) -> BoxFuture<'a, Result<Claim, StoreError>> {
        self.ask(move |memory| memory.claim(request))
    }

    fn complete<'a>(&'a self, fence: &'a Fence) -> BoxFuture<'a, Result<Fenced, StoreError>> {
        self.ask(move |memory| memory.complete(fence))
    }

    fn dead<'a>(&'a self, fence: &'a Fence, reason: &'a Note) -> BoxFuture<'a, Result<Fenced, StoreError>> {
        self.ask(move |memory| memory.dead(fence, reason))
    }

    fn release<'a>(&'a self, fence: &'a Fence) -> BoxFuture<'a, Result<Fenced, StoreError>> {
        self.ask(move |memory| memory.release(fence))
    }

    fn extend<'a>(
        &'a self,
        fence: &'a Fence,
        lease_time: NonZeroDuration,
    ) -> BoxFuture<'a, Result<Fenced, StoreError>> {
        self.ask(move |memory| memory.extend(fence, lease_time))
    }

    fn purge(&self, most: NonZeroU32) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.ask(move |memory| memory.purge(most))
    }

    fn forget(&self, scope: Scope, key: IdempotencyKey) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.ask(move |memory| memory.forget(scope, key))
    }

    fn get(&self, scope: Scope, key: IdempotencyKey) -> BoxFuture<'_, Result<Option<Record>, StoreError>> {
        self.ask(move |memory| memory.get(scope, key))
    }

    fn list<'a>(&'a self, page: &'a Page) -> BoxFuture<'a, Result<Vec<Record>, StoreError>> {
        self.ask(move |memory| memory.list(page))
    }

    fn durability(&self) -> Survives {
        self.memory.durability()
    }
}

/// A receiver of one sender with a store, and the sender's side of it.
struct Desk {
    example: Example,
    clock: FixedClock,
    store: Arc<Probe>,
    receiver: Receiver,
    /// How often a handler was started.
    runs: AtomicUsize,
}

impl Desk {
    fn of(sender: &str) -> Self {
        Self::built(sender, Probe::new(1000), |builder| builder)
    }

    fn built(sender: &str, store: Arc<Probe>, settings: impl FnOnce(ReceiverBuilder) -> ReceiverBuilder) -> Self {
        let example = Example::of(sender);
        let clock = FixedClock::new(example.now);
        let builder = Receiver::builder(example.sender.clone()).secret(secret(&example.secret));
        let builder = builder.store(store.clone()).clock(clock.clone()).lease(LEASE).in_flight_wait(Duration::ZERO);
        let receiver = settings(builder).build().expect("a receiver");
        Self { example, clock, store, receiver, runs: AtomicUsize::new(0) }
    }

    fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }

    async fn receive(&self, headers: &HeaderMap, body: &Bytes) -> Result<Received, Answer> {
        receive(&self.receiver, &Method::POST, headers, [body.clone()]).await
    }

    /// Sends a request to a handler that answers `status`, and gives the answer: its status, and the code,
    /// `duplicate`, `conflict`, or `passed` for the handler's own.
    async fn send(&self, headers: &HeaderMap, body: &Bytes, status: u16) -> (u16, &'static str) {
        self.send_to(headers, body, |_| async move { StatusCode::from_u16(status).expect("a status") }).await
    }

    /// Sends the example.
    async fn example(&self, status: u16) -> (u16, &'static str) {
        self.send(&self.example.headers(), &self.example.body, status).await
    }

    async fn example_to<F: Future<Output = StatusCode>>(
        &self,
        handler: impl FnOnce(Delivery) -> F,
    ) -> (u16, &'static str) {
        self.send_to(&self.example.headers(), &self.example.body, handler).await
    }

    async fn send_to<F>(
        &self,
        headers: &HeaderMap,
        body: &Bytes,
        handler: impl FnOnce(Delivery) -> F,
    ) -> (u16, &'static str)
    where
        F: Future<Output = StatusCode>,
    {
        let received = match self.receive(headers, body).await {
            Ok(received) => received,
            Err(answer) => return told(&answer),
        };
        let processed = self.receiver.clone().process(Tokio, received, |delivery, _| async {
            self.runs.fetch_add(1, Ordering::SeqCst);
            let status = handler(delivery).await;
            Handled { status, reject: None, response: status }
        });
        match processed.await {
            Processed::Passed(status) => (status.as_u16(), "passed"),
            Processed::Answered(answer) => told(&answer),
        }
    }

    /// Another event of this sender.
    fn event(&self, id: &str) -> (HeaderMap, Bytes) {
        let body = self.example.with_member("id", format!("\"{id}\""));
        (self.example.signed(&self.example.secret, &self.example.stamp, &body), body)
    }

    async fn rows(&self) -> Vec<Record> {
        let page = Page { state: None, after: None, most: NonZeroU32::MAX };
        self.store.memory.list(&page).await.expect("memory answers")
    }
}

fn told(answer: &Answer) -> (u16, &'static str) {
    let what = match answer {
        Answer::Duplicate => "duplicate",
        Answer::Conflict => "conflict",
        Answer::Refused(rejection) => rejection.kind().code(),
        other => panic!("{other:?}"),
    };
    (answer.status().as_u16(), what)
}

const HANDLED: (u16, &str) = (200, "passed");
const DUPLICATE: (u16, &str) = (200, "duplicate");

#[tokio::test]
async fn t13_where_a_request_says_it_comes_from_proves_nothing() {
    for example in Example::all() {
        let desk = Desk::of(example.wire.sender);
        let mut headers = example.headers();
        headers.remove(example.wire.signature);
        for name in ["x-forwarded-for", "x-real-ip", "x-forwarded-host", "x-client-ip", "true-client-ip", "host"] {
            headers.insert(name, "127.0.0.1".parse().unwrap());
        }
        headers.insert("forwarded", "for=127.0.0.1;proto=https".parse().unwrap());
        headers.insert("x-forwarded-proto", "https".parse().unwrap());
        assert_eq!(
            desk.send(&headers, &example.body, 200).await,
            (401, "signature_missing"),
            "{}",
            example.wire.sender
        );
    }
}

#[tokio::test]
async fn t15_t49_a_request_that_does_not_verify_never_reaches_the_store() {
    for example in Example::all() {
        let desk = Desk::of(example.wire.sender);
        assert_eq!(desk.example(200).await, HANDLED);
        let (calls, rows) = (desk.store.calls(), desk.rows().await.len());
        for n in 0..100 {
            // The known event and new ones, under wrong secrets and with no signature at all.
            let (stamp, secret) = (&example.stamp, format!("a guess at the secret {n}"));
            let body = Bytes::from(format!(r#"{{"id":"evt_{n}"}}"#));
            for (body, status) in [(&example.body, 401), (&body, 401)] {
                let mut headers = example.signed(&secret, stamp, body);
                assert_eq!(desk.send(&headers, body, 200).await, (status, "signature_mismatch"));
                headers.remove(example.wire.signature);
                assert_eq!(desk.send(&headers, body, 200).await, (status, "signature_missing"));
            }
        }
        assert_eq!((desk.store.calls(), desk.rows().await.len()), (calls, rows), "{}", example.wire.sender);
        assert_eq!(desk.runs(), 1, "{}", example.wire.sender);
    }
}

#[tokio::test]
async fn t16_t39_whatever_fails_after_verification_is_handled_by_a_later_retry() {
    let failures = [
        (300, (500, "handler_failed")),
        (301, (500, "handler_failed")),
        (304, (500, "handler_failed")),
        (307, (500, "handler_failed")),
        (400, (400, "passed")),
        (401, (401, "passed")),
        (404, (404, "passed")),
        (409, (409, "passed")),
        (410, (410, "passed")),
        (422, (422, "passed")),
        (429, (429, "passed")),
        (500, (500, "passed")),
        (503, (503, "passed")),
    ];
    for wait in [1, 60, 3600].map(Duration::from_secs) {
        for (status, expected) in failures {
            let desk = Desk::of("handl");
            assert_eq!(desk.example(status).await, expected, "{status}");
            assert_eq!(desk.rows().await[0].state, State::Ready, "{status}");
            desk.clock.advance(wait);
            assert_eq!(desk.example(200).await, HANDLED, "{status}, retried after {wait:?}");
            assert_eq!(desk.example(200).await, DUPLICATE, "{status}");
            assert_eq!(desk.runs(), 2, "{status}");
        }
    }
}

#[tokio::test]
async fn t16_t42_a_panic_gives_the_event_back() {
    let desk = Desk::of("agiled");
    let panics = desk.example_to(|_| async { panic!("as the test wants") });
    assert_eq!(panics.await, (500, "handler_failed"));
    assert_eq!(desk.example(200).await, HANDLED);
    assert_eq!(desk.runs(), 2);
}

#[tokio::test]
async fn t16_a_handler_that_runs_out_of_time_gives_the_event_back() {
    let desk = Desk::of("angage");
    let hangs = desk.example_to(|_| pending());
    assert_eq!(hangs.await, (503, "handler_failed"));
    assert_eq!(desk.example(200).await, HANDLED);
}

#[tokio::test]
async fn t16_a_shutdown_gives_the_event_back() {
    let desk = Desk::of("handl");
    let (answer, ()) = tokio::join!(desk.example_to(|_| pending()), async {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(desk.runs(), 1);
        desk.receiver.shutdown(async {}).await;
    });
    assert_eq!(answer, (503, "shutting_down"));
    assert_eq!(desk.example(200).await, (503, "shutting_down"));
    let next = Desk::built("handl", desk.store.clone(), |builder| builder);
    assert_eq!(next.example(200).await, HANDLED);
}

#[tokio::test]
async fn t21_a_completed_event_under_a_revoked_secret_is_refused_and_no_duplicate() {
    for example in Example::all() {
        let desk = Desk::of(example.wire.sender);
        assert_eq!(desk.example(200).await, HANDLED);
        assert_eq!(desk.example(200).await, DUPLICATE);
        let new = vec![(secret("the_new_secret_of_the_rotation"), None)];
        desk.receiver.verifier().set_secrets(new, example.now).unwrap();
        let calls = desk.store.calls();
        assert_eq!(desk.example(200).await, (401, "signature_mismatch"), "{}", example.wire.sender);
        assert_eq!(desk.store.calls(), calls, "{}: the store was asked first", example.wire.sender);
        // Signed anew it is the same event still.
        let again = example.signed("the_new_secret_of_the_rotation", &example.stamp, &example.body);
        assert_eq!(desk.send(&again, &example.body, 200).await, DUPLICATE, "{}", example.wire.sender);
        assert_eq!(desk.runs(), 1);
    }
}

#[tokio::test]
async fn t31_an_unsigned_id_of_a_later_event_does_not_swallow_it() {
    let desk = Desk::of("agiled");
    let (mut headers, body) = desk.event("evt_a");
    headers.insert("x-agiled-webhook-id", "evt_b".parse().unwrap());
    assert_eq!(desk.send(&headers, &body, 200).await, HANDLED);
    let (mut headers, body) = desk.event("evt_b");
    headers.insert("x-agiled-webhook-id", "evt_b".parse().unwrap());
    assert_eq!(desk.send(&headers, &body, 200).await, HANDLED);
    headers.insert("x-agiled-webhook-id", "evt_c".parse().unwrap());
    assert_eq!(desk.send(&headers, &body, 200).await, DUPLICATE);
}

#[tokio::test]
async fn t37_one_secret_at_two_endpoints_makes_two_events() {
    for example in Example::all() {
        let store = Probe::new(10);
        let desks = ["shop-1", "shop-2"]
            .map(|name| Desk::built(example.wire.sender, store.clone(), |builder| builder.endpoint(name)));
        for desk in &desks {
            assert_eq!(desk.example(200).await, HANDLED, "{}", example.wire.sender);
            assert_eq!(desk.example(200).await, DUPLICATE, "{}", example.wire.sender);
        }
        assert_ne!(desks[0].receiver.verifier().scope(), desks[1].receiver.verifier().scope());
    }
}

#[tokio::test]
async fn t40_a_duplicate_of_a_delivery_that_dies_is_handled_once_its_lease_has_passed() {
    let desk = Desk::of("handl");
    {
        let mut first = pin!(desk.example_to(|_| pending()));
        while desk.runs() == 0 {
            assert!(step(first.as_mut()).await.is_none());
        }
        assert_eq!(desk.example(200).await, (503, "in_flight"));
    }
    assert_eq!(desk.example(200).await, (503, "in_flight"), "the process died, its lease has not");
    tokio::time::sleep(PAST_LEASE).await;
    assert_eq!(desk.example(200).await, HANDLED);
    assert_eq!(desk.runs(), 2);
}

#[tokio::test]
async fn t42_dropped_at_any_await_an_event_is_done_or_claimable_once_its_lease_has_passed() {
    let desk = Desk::of("agiled");
    let mut events = Vec::new();
    loop {
        let (headers, body) = desk.event(&format!("evt_{}", events.len()));
        let done = {
            let mut sending = pin!(desk.send_to(&headers, &body, |_| async {
                tokio::task::yield_now().await;
                StatusCode::OK
            }));
            let mut done = None;
            for _ in 0..events.len() {
                done = step(sending.as_mut()).await;
                if done.is_some() {
                    break;
                }
            }
            done
        };
        events.push((headers, body));
        if let Some(answer) = done {
            assert_eq!(answer, HANDLED);
            break;
        }
    }
    // One await before and one behind each of the claim, the completion, and the handler's own.
    assert!(events.len() > 5, "{} places to drop at", events.len());
    tokio::time::sleep(PAST_LEASE).await;
    let mut answers = Vec::new();
    for (headers, body) in &events {
        answers.push(desk.send(headers, body, 200).await);
        assert_eq!(desk.send(headers, body, 200).await, DUPLICATE);
    }
    assert!(answers.iter().all(|answer| [HANDLED, DUPLICATE].contains(answer)), "{answers:?}");
    assert_eq!((answers[0], answers.last()), (HANDLED, Some(&DUPLICATE)));
}

#[tokio::test]
async fn t44_without_its_store_a_receiver_handles_nothing() {
    let desk = Desk::of("handl");
    desk.store.set_down(true);
    assert_eq!(desk.example(200).await, (503, "store_unavailable"));
    assert_eq!(desk.runs(), 0);
    let late = Duration::from_secs(1_000_000);
    desk.clock.advance(late);
    assert_eq!(desk.example(200).await, (503, "store_unavailable"), "a stale delivery that cannot be looked up");
    desk.store.set_down(false);
    assert_eq!(desk.example(200).await, (401, "timestamp_stale"));
    assert_eq!(desk.runs(), 0);
}

#[tokio::test]
async fn t44_a_full_store_refuses_new_events_and_keeps_the_old() {
    let desk = Desk::built("agiled", Probe::new(1), |builder| builder);
    assert_eq!(desk.example(200).await, HANDLED);
    let (headers, body) = desk.event("evt_other");
    assert_eq!(desk.send(&headers, &body, 200).await, (503, "store_unavailable"));
    assert_eq!(desk.example(200).await, DUPLICATE);
    assert_eq!(desk.runs(), 1);
}

/// Leases are the store's affair. A day lies within this sender's window, and is longer than any lease.
#[tokio::test]
async fn t44_a_clock_that_jumps_frees_no_event_and_repeats_none() {
    let desk = Desk::of("handl");
    let ahead = Desk::built("handl", desk.store.clone(), |builder| builder);
    ahead.clock.advance(Duration::from_secs(86_400));
    let answer = desk.example_to(|_| async {
        assert_eq!(ahead.example(200).await, (503, "in_flight"), "another receiver, a day ahead");
        desk.clock.advance(Duration::from_secs(86_400));
        assert_eq!(desk.example(200).await, (503, "in_flight"), "the same, whose clock has jumped");
        StatusCode::OK
    });
    assert_eq!(answer.await, HANDLED);
    let behind = Desk::built("handl", desk.store.clone(), |builder| builder);
    for receiver in [&desk, &ahead, &behind] {
        assert_eq!(receiver.example(200).await, DUPLICATE);
    }
    assert_eq!((desk.runs(), ahead.runs(), behind.runs()), (1, 0, 0));
}

#[tokio::test]
async fn t44_t45_an_effect_is_acknowledged_though_the_store_is_down_and_completed_behind_it() {
    let desk = Desk::of("handl");
    let answer = desk.example_to(|_| async {
        desk.store.set_down(true);
        StatusCode::OK
    });
    // A refusal now would cause the repeat that it is meant to prevent.
    assert_eq!(answer.await, HANDLED);
    assert_eq!(desk.rows().await[0].state, State::Claimed);
    desk.store.set_down(false);
    for _ in 0..100 {
        if desk.rows().await[0].state == State::Done {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(desk.example(200).await, DUPLICATE);
    assert_eq!(desk.runs(), 1);
}

#[tokio::test]
async fn t45_nothing_is_acknowledged_before_it_is_completed() {
    let desk = Desk::of("angage");
    let mut sending = pin!(desk.example_to(|_| async { StatusCode::OK }));
    let answer = loop {
        let answer = step(sending.as_mut()).await;
        let state = desk.rows().await.first().map(|row| row.state);
        if let Some(answer) = answer {
            assert_eq!(state, Some(State::Done));
            break answer;
        }
    };
    assert_eq!(answer, HANDLED);
}

#[tokio::test]
async fn t46_nothing_is_read_of_what_is_too_large_or_encoded() {
    let desk = Desk::of("handl");
    let head = async |name: &'static str, value: &str| {
        let (mut headers, uri) = (desk.example.headers(), Uri::default());
        headers.append(name, value.parse().expect("a value"));
        let head = desk.receiver.head(&Tokio, &Head::new(&Method::POST, &uri, &headers)).await;
        head.map(drop).map_err(|answer| told(&answer).1)
    };
    for length in ["1048577", "18446744073709551615", "18446744073709551616", "999999999999999999999999999999"] {
        assert_eq!(head("content-length", length).await, Err("body_too_large"), "{length}");
    }
    assert_eq!(head("content-length", "1048576").await, Ok(()));
    for encoding in ["gzip", "x-gzip", "br", "deflate", "zstd", "identity, gzip", "gzip, identity", "*", "", "unknown"]
    {
        assert_eq!(head("content-encoding", encoding).await, Err("content_encoding"), "{encoding}");
    }
    for encoding in ["identity", "Identity"] {
        assert_eq!(head("content-encoding", encoding).await, Ok(()), "{encoding}");
    }
}

#[tokio::test]
async fn anything_but_a_post_is_refused_before_its_headers_are_looked_at() {
    let desk = Desk::of("handl");
    for method in [Method::GET, Method::HEAD, Method::PUT, Method::DELETE, Method::OPTIONS, "post".parse().unwrap()] {
        for headers in [desk.example.headers(), HeaderMap::new()] {
            let refused = receive(&desk.receiver, &method, &headers, []).await.unwrap_err();
            assert_eq!(told(&refused), (405, "method_not_allowed"), "{method}");
        }
    }
}

#[tokio::test]
async fn t47_one_byte_over_the_limit_is_413_and_not_401() {
    let limit = Example::of("agiled").body.len();
    for (limit, frame, expected) in [
        (limit, limit, HANDLED),
        (limit, 1, HANDLED),
        (limit - 1, limit, (413, "body_too_large")),
        (limit - 1, 1, (413, "body_too_large")),
        (limit - 1, limit - 1, (413, "body_too_large")),
        (0, 1, (413, "body_too_large")),
    ] {
        let desk = Desk::built("agiled", Probe::new(10), |builder| builder.body_limit(limit));
        let headers = desk.example.headers();
        let frames = desk.example.body.chunks(frame).map(Bytes::copy_from_slice);
        let outcome = receive(&desk.receiver, &Method::POST, &headers, frames).await;
        let answer = outcome.map_or_else(|answer| told(&answer), |_| HANDLED);
        assert_eq!(answer, expected, "{limit} bytes in frames of {frame}");
    }
}

#[tokio::test]
async fn t50_a_late_retry_of_a_completed_event_is_a_duplicate_and_of_any_other_is_refused() {
    let desk = Desk::of("handl");
    let late = Duration::from_secs(97_201);
    let (headers, body) = desk.event("evt_failed");
    assert_eq!(desk.example(200).await, HANDLED);
    assert_eq!(desk.send(&headers, &body, 500).await, (500, "passed"));
    desk.clock.advance(late);
    assert_eq!(desk.example(200).await, DUPLICATE);
    assert_eq!(desk.send(&headers, &body, 200).await, (401, "timestamp_stale"));
    assert_eq!(desk.runs(), 2);
}

#[tokio::test]
async fn t51_an_event_whose_check_is_asserted_days_later_is_the_same_event() {
    for example in Example::all() {
        let verifier = example.verifier();
        let delivery = verifier.verify_at(&example.headers(), example.body.clone(), example.now).unwrap();
        let later = example.now + Duration::from_secs(30 * 86_400);
        let replayed = Delivery::assertion(&verifier, example.body.clone(), later).unwrap();
        assert_eq!(replayed.key(), delivery.key(), "{}", example.wire.sender);
        assert_eq!((replayed.scope(), replayed.event_id()), (delivery.scope(), delivery.event_id()));
        assert_eq!(replayed.secret_index(), None);
    }
}

/// Polls once, and lets other tasks run.
async fn step<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    let polled = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
    tokio::task::yield_now().await;
    match polled {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}
