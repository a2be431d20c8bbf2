//! How long a handler may run, and how the lease of one that is declared long is kept.
//!
//! Where the runtime's clock is paused, it jumps ahead whenever all are waiting: seconds of a handler take no time,
//! and the leases of the memory store, which keeps to the real clock, do not pass. Tests in which a lease has to pass
//! take a short one, in real time.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use counterfoil::idempotency::{Claim, Fenced, NonZeroDuration, OnExpired, State, Store};
use counterfoil::receiver::{Answer, Context, Handled, Processed};
use counterfoil::{Delivery, Receiver, Secret, senders};
use counterfoil_tests::receive;
use counterfoil_tower::Tokio;
use http::{Method, Response, StatusCode};
use metrics_util::debugging::{DebugValue, DebuggingRecorder};

use crate::handler::{Act, Handler, SECRET, body, code, memory, receiver, request, send, service, signed, until};
use crate::settle::{Faulty, elsewhere, event, state};

/// Short, and still with a second between an extension and the end of the handler's time.
const SHORT: Duration = Duration::from_secs(3);
const HOUR: Duration = Duration::from_secs(3600);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn told(response: &Response<Bytes>) -> (u16, Option<String>) {
    (response.status().as_u16(), code(response))
}

fn refused(status: u16, code: &str) -> (u16, Option<String>) {
    (status, Some(code.to_owned()))
}

fn extended(store: &Faulty) -> usize {
    store.extended.load(Ordering::Relaxed)
}

/// Delivers `body` to `handler` without an adapter around it.
async fn process<F: Future<Output = StatusCode>>(
    receiver: Receiver,
    body: Bytes,
    handler: impl FnOnce(Delivery, Context) -> F,
) -> Processed<()> {
    let headers = signed(&body);
    let received = receive(&receiver, &Method::POST, &headers, [body]).await.unwrap();
    let handler = |delivery, context| {
        let status = handler(delivery, context);
        async move { Handled { status: status.await, reject: None, response: () } }
    };
    receiver.process(Tokio, received, handler).await
}

#[tokio::test]
async fn a_long_handler_keeps_its_event_and_completes_it_once() {
    let store = Faulty::new();
    let handler = Handler::new([Act::Sleep(seconds(4))]);
    let receiver = receiver(store.clone()).lease(SHORT).handler_time(HOUR).in_flight_wait(Duration::ZERO);
    let receiver = receiver.build().unwrap();
    let service = service(receiver.clone(), &handler);
    let body = body("evt_1");
    let first = tokio::spawn({
        let (service, body) = (service.clone(), body.clone());
        async move { send(&service, request(body)).await }
    });
    until(|| handler.runs() == 1).await;
    while !first.is_finished() {
        let copy = send(&service, request(body.clone())).await;
        assert!(told(&copy) == refused(503, "in_flight") || handler.finished() == 1, "nobody else may have it");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let response = first.await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers().get("x-webhook-duplicate")), (200, None));
    assert_eq!(state(&store, &event(&receiver, &body)).await, Some((State::Done, 1)));
    assert!(send(&service, request(body)).await.headers().contains_key("x-webhook-duplicate"));
    assert_eq!(handler.runs(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_handler_that_keeps_its_task_busy_keeps_its_event_too() {
    let handler = Handler::new([Act::Spin(seconds(4))]);
    let store = Faulty::new();
    let receiver = receiver(store.clone()).lease(SHORT).handler_time(HOUR).build().unwrap();
    let service = service(receiver, &handler);
    assert_eq!(send(&service, request(body("evt_1"))).await.status(), 200);
    assert!(extended(&store) >= 3, "{}", extended(&store));
}

#[tokio::test]
async fn a_crashed_holder_frees_its_event_after_one_lease() {
    let store = Faulty::new();
    let receiver = receiver(store.clone()).lease(SHORT).handler_time(HOUR).build().unwrap();
    let body = body("evt_1");
    let delivery = event(&receiver, &body);
    let holder = tokio::spawn(process(receiver, body, |_, _| std::future::pending()));
    until(|| extended(&store) == 2).await;
    holder.abort();
    assert!(holder.await.unwrap_err().is_cancelled());
    let record = store.get(delivery.scope(), delivery.key()).await.unwrap().unwrap();
    assert!(record.state == State::Claimed && record.lease_left <= SHORT, "{record:?}");
    tokio::time::sleep(record.lease_left + Duration::from_millis(10)).await;
    assert!(matches!(store.claim(&elsewhere(&delivery)).await.unwrap(), Claim::Won(_)));
    assert_eq!(extended(&store), 2, "nothing keeps it any more");
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_extended_every_third_of_it_and_only_for_handlers_declared_long() {
    for (limit, took, asked) in [
        (None, seconds(50), 0),
        (Some(seconds(54)), seconds(50), 0),
        (Some(seconds(55)), seconds(15), 0),
        (Some(seconds(55)), seconds(50), 2),
        (Some(HOUR), seconds(1790), 89),
    ] {
        let store = Faulty::new();
        let mut builder = receiver(store.clone());
        if let Some(limit) = limit {
            builder = builder.handler_time(limit);
        }
        let service = service(builder.build().unwrap(), &Handler::new([Act::Sleep(took)]));
        assert_eq!(send(&service, request(body("evt_1"))).await.status(), 200, "{limit:?} {took:?}");
        assert_eq!(extended(&store), asked, "{limit:?} {took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_gets_the_time_that_was_set() {
    let with_store = || receiver(memory());
    let without = || Receiver::builder(senders::HANDL).secret(Secret::new(SECRET).unwrap());
    for (builder, limit) in
        [(with_store(), seconds(5)), (with_store(), HOUR), (without(), seconds(5)), (without(), HOUR)]
    {
        let handler = Handler::new([Act::Sleep(2 * limit)]);
        let service = service(builder.handler_time(limit).build().unwrap(), &handler);
        let (began, really_began) = (tokio::time::Instant::now(), std::time::Instant::now());
        let response = send(&service, request(body("evt_1"))).await;
        assert_eq!(told(&response), refused(503, "handler_failed"));
        assert!(response.headers().contains_key("retry-after"));
        // What the handler's first step took on the real clock is taken off.
        let (took, slack) = (began.elapsed(), Duration::from_millis(500));
        let least = limit.saturating_sub(really_began.elapsed() + slack);
        assert!((least..limit + slack).contains(&took), "{took:?} of {limit:?}");
        assert_eq!(send(&service, request(body("evt_1"))).await.status(), 200, "its event is free");
        assert_eq!((handler.runs(), handler.finished()), (2, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_whose_event_is_gone_is_stopped_at_once() {
    enum Gone {
        Forgotten,
        Taken,
        Completed,
    }
    for (gone, answer) in [
        (Gone::Forgotten, refused(503, "in_flight")),
        (Gone::Taken, refused(503, "in_flight")),
        (Gone::Completed, (200, None)),
    ] {
        let store = Faulty::new();
        let handler = Handler::new([Act::Sleep(HOUR)]);
        let receiver = receiver(store.clone()).handler_time(2 * HOUR).build().unwrap();
        let service = service(receiver.clone(), &handler);
        let body = body("evt_1");
        let delivery = event(&receiver, &body);
        let began = tokio::time::Instant::now();
        let holder = tokio::spawn({
            let (service, body) = (service.clone(), body.clone());
            async move { send(&service, request(body)).await }
        });
        until(|| handler.runs() == 1).await;
        assert!(store.forget(delivery.scope(), delivery.key()).await.unwrap());
        let mut expected = None;
        if !matches!(gone, Gone::Forgotten) {
            let Claim::Won(lease) = store.claim(&elsewhere(&delivery)).await.unwrap() else { panic!("a new key") };
            expected = Some((State::Claimed, 1));
            if matches!(gone, Gone::Completed) {
                assert_eq!(lease.complete(&store).await.unwrap(), Fenced::Applied);
                expected = Some((State::Done, 1));
            }
        }
        let response = holder.await.unwrap();
        assert_eq!(told(&response), answer);
        assert_eq!(response.headers().contains_key("x-webhook-duplicate"), matches!(gone, Gone::Completed));
        assert!(began.elapsed() < seconds(21), "as soon as an extension is lost: {:?}", began.elapsed());
        assert_eq!((handler.finished(), extended(&store)), (0, 1));
        assert_eq!(state(&store, &delivery).await, expected, "the event is left to whoever has it");
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_panics_when_it_is_stopped_is_a_panic() {
    let store = Faulty::new();
    let handler = Handler::new([Act::PanicWhenDropped]);
    let receiver = receiver(store.clone()).handler_time(HOUR).build().unwrap();
    let service = service(receiver.clone(), &handler);
    let body = body("evt_1");
    let delivery = event(&receiver, &body);
    let holder = tokio::spawn(async move { send(&service, request(body)).await });
    until(|| handler.runs() == 1).await;
    assert!(store.forget(delivery.scope(), delivery.key()).await.unwrap());
    assert_eq!(told(&holder.await.unwrap()), refused(500, "handler_failed"));
}

#[tokio::test(start_paused = true)]
async fn an_event_completed_by_its_own_handler_needs_no_lease_any_more() {
    for (tail, finishes) in [(HOUR, true), (3 * HOUR, false)] {
        let store = Faulty::new();
        let receiver = receiver(store.clone()).handler_time(2 * HOUR).build().unwrap();
        let body = body("evt_1");
        let delivery = event(&receiver, &body);
        let inside = store.clone();
        let processed = process(receiver, body, |_, context| async move {
            assert_eq!(inside.complete(&context.fence.unwrap()).await.unwrap(), Fenced::Applied);
            tokio::time::sleep(tail).await;
            StatusCode::CREATED
        });
        match processed.await {
            Processed::Passed(()) => assert!(finishes),
            Processed::Answered(answer) => {
                assert!(!finishes, "{answer:?}");
                assert_eq!(answer.status(), 503);
            }
        }
        assert_eq!(extended(&store), 1, "one extension finds it completed");
        assert_eq!(state(&store, &delivery).await, Some((State::Done, 1)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_the_store_let_pass_early_frees_the_event() {
    let store = Faulty::new();
    let receiver = receiver(store.clone()).handler_time(HOUR).on_expired(OnExpired::Park).build().unwrap();
    let body = body("evt_1");
    let delivery = event(&receiver, &body);
    let inside = store.clone();
    let processed = process(receiver, body, |_, context| async move {
        // As where the store's clock jumps ahead: the lease is over there, and nobody has taken the event yet.
        let moment = NonZeroDuration::new(Duration::from_millis(1)).unwrap();
        assert_eq!(inside.extend(&context.fence.unwrap(), moment).await.unwrap(), Fenced::Applied);
        std::thread::sleep(Duration::from_millis(2));
        std::future::pending().await
    });
    let Processed::Answered(answer) = processed.await else { panic!("the handler has no end") };
    assert_eq!(answer.code().map(|kind| kind.code()), Some("in_flight"));
    assert_eq!(state(&store, &delivery).await, Some((State::Ready, 1)), "its holder did not vanish: it is not parked");
}

#[tokio::test(start_paused = true)]
async fn a_loss_that_cannot_be_looked_into_stops_the_handler() {
    let store = Faulty::new();
    let receiver = receiver(store.clone()).handler_time(HOUR).build().unwrap();
    let inside = store.clone();
    let processed = process(receiver, body("evt_1"), |delivery, _| async move {
        assert!(inside.forget(delivery.scope(), delivery.key()).await.unwrap());
        inside.gets.store(1, Ordering::Relaxed);
        std::future::pending().await
    });
    let Processed::Answered(answer) = processed.await else { panic!("the handler has no end") };
    assert_eq!(answer.code().map(|kind| kind.code()), Some("store_unavailable"));
    assert_eq!(extended(&store), 1);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_stops_the_handler_before_its_lease_ends() {
    for hangs in [false, true] {
        let store = Faulty::new();
        let receiver = receiver(store.clone()).handler_time(HOUR).build().unwrap();
        let handler = Handler::new([Act::Sleep(HOUR / 2)]);
        let service = service(receiver.clone(), &handler);
        let body = body("evt_1");
        let began = tokio::time::Instant::now();
        let holder = tokio::spawn({
            let body = body.clone();
            async move { send(&service, request(body)).await }
        });
        until(|| handler.runs() == 1).await;
        // The first extension is the last that the store makes.
        tokio::time::sleep(seconds(25)).await;
        assert_eq!(extended(&store), 1);
        if hangs {
            store.gate.forget_permits(tokio::sync::Semaphore::MAX_PERMITS);
        } else {
            store.extensions.store(usize::MAX, Ordering::Relaxed);
        }
        let response = holder.await.unwrap();
        assert_eq!(told(&response), refused(503, "handler_failed"));
        assert!((73..75).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
        assert_eq!(handler.finished(), 0);
        assert_eq!(extended(&store), if hangs { 5 } else { 7 }, "a failed extension is tried again");
        assert_eq!(state(&store, &event(&receiver, &body)).await, Some((State::Ready, 1)));
    }
}

#[tokio::test]
async fn a_handler_that_blocked_its_thread_too_long_is_stopped_at_its_next_step() {
    let store = Faulty::new();
    let receiver = receiver(store.clone()).lease(seconds(2)).handler_time(HOUR).build().unwrap();
    let went_on = AtomicBool::new(false);
    let processed = process(receiver, body("evt_1"), |_, _| async {
        tokio::task::yield_now().await;
        std::thread::sleep(Duration::from_millis(1200));
        tokio::task::yield_now().await;
        went_on.store(true, Ordering::Relaxed);
        StatusCode::OK
    });
    let Processed::Answered(answer) = processed.await else { panic!("it has used up its lease less the margin") };
    assert_eq!(answer.code().map(|kind| kind.code()), Some("handler_failed"));
    assert!(!went_on.into_inner());
    assert_eq!(extended(&store), 0);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_comes_back_in_time_saves_the_handler() {
    let store = Faulty::new();
    let handler = Handler::new([Act::Sleep(HOUR)]);
    let service = service(receiver(store.clone()).handler_time(2 * HOUR).build().unwrap(), &handler);
    store.extensions.store(5, Ordering::Relaxed);
    assert_eq!(send(&service, request(body("evt_1"))).await.status(), 200);
    assert!(extended(&store) > 100);
}

#[tokio::test(start_paused = true)]
async fn the_grace_of_a_shutdown_ends_long_handlers_too() {
    let store = Faulty::new();
    let handler = Handler::new([Act::Sleep(HOUR)]);
    let receiver = receiver(store.clone()).handler_time(2 * HOUR).build().unwrap();
    let service = service(receiver.clone(), &handler);
    let body = body("evt_1");
    let holder = tokio::spawn({
        let body = body.clone();
        async move { send(&service, request(body)).await }
    });
    until(|| handler.runs() == 1).await;
    let began = tokio::time::Instant::now();
    receiver.shutdown(tokio::time::sleep(seconds(100))).await;
    assert_eq!(began.elapsed().as_secs(), 100);
    assert_eq!(told(&holder.await.unwrap()), refused(503, "shutting_down"));
    assert_eq!((handler.finished(), extended(&store)), (0, 5), "until then its lease is kept");
    assert_eq!(state(&store, &event(&receiver, &body)).await, Some((State::Ready, 1)));
}

#[tokio::test]
async fn a_completion_is_retried_until_the_extended_lease_has_passed() {
    let store = Faulty::new();
    let handler = Handler::new([Act::Sleep(seconds(4))]);
    let receiver = receiver(store.clone()).lease(SHORT).handler_time(HOUR).build().unwrap();
    let service = service(receiver.clone(), &handler);
    let body = body("evt_1");
    store.completions.store(2, Ordering::Relaxed);
    assert_eq!(send(&service, request(body.clone())).await.status(), 200);
    receiver.shutdown(std::future::pending()).await;
    assert_eq!(state(&store, &event(&receiver, &body)).await, Some((State::Done, 1)));
}

#[tokio::test]
async fn a_lease_is_extended_from_before_the_store_was_asked() {
    let store = Faulty::new();
    let delivery = event(&receiver(memory()).build().unwrap(), &body("evt_1"));
    let Claim::Won(mut lease) = store.claim(&elsewhere(&delivery)).await.unwrap() else { panic!("a new key") };
    let hour = NonZeroDuration::new(HOUR).unwrap();
    let (granted, asked) = (lease.until(), Instant::now());

    store.extensions.store(1, Ordering::Relaxed);
    assert!(lease.extend(&store, hour).await.is_err());
    assert_eq!(lease.until(), granted, "it may not have been extended");

    store.gate.forget_permits(tokio::sync::Semaphore::MAX_PERMITS);
    let slow = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        store.gate.add_permits(1);
        Instant::now()
    };
    let (fenced, answered) = tokio::join!(lease.extend(&store, hour), slow);
    assert_eq!(fenced.unwrap(), Fenced::Applied);
    assert!(lease.until() >= asked + HOUR && lease.until() <= answered + HOUR - Duration::from_millis(50));

    let extended = lease.until();
    assert!(store.forget(delivery.scope(), delivery.key()).await.unwrap());
    assert_eq!(lease.extend(&store, hour).await.unwrap(), Fenced::Lost);
    assert_eq!(lease.until(), extended);
}

#[test]
fn lost_leases_and_failed_extensions_are_counted() {
    let recorder = DebuggingRecorder::new();
    let snapshots = recorder.snapshotter();
    metrics::with_local_recorder(&recorder, || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let store = Faulty::new();
            let receiver = receiver(store.clone()).handler_time(HOUR).build().unwrap();
            store.extensions.store(2, Ordering::Relaxed);
            let inside = store.clone();
            let processed = process(receiver, body("evt_1"), |delivery, _| async move {
                assert!(inside.forget(delivery.scope(), delivery.key()).await.unwrap());
                std::future::pending().await
            });
            assert!(matches!(processed.await, Processed::Answered(Answer::Refused(_))));
        });
    });
    let mut counted = Vec::new();
    for (key, _, _, value) in snapshots.snapshot().into_vec() {
        let operation = key.key().labels().find(|label| label.key() == "operation");
        let operation = operation.map(|label| label.value().to_owned()).unwrap_or_default();
        if let DebugValue::Counter(count) = value {
            counted.push((key.key().name().to_owned(), operation, count));
        }
    }
    let is_counted = |name: &str, operation: &str, count| {
        let wanted = (name.to_owned(), operation.to_owned(), count);
        assert!(counted.contains(&wanted), "{wanted:?} in {counted:?}");
    };
    is_counted("counterfoil_store_errors_total", "extend", 2);
    is_counted("counterfoil_leases_lost_total", "", 1);
}
