//! Handlers that cannot be dropped: they are asked to stop, and awaited to their end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use counterfoil::Receiver;
use counterfoil::idempotency::{Claim, State, Store};
use counterfoil::receiver::{Answer, Handled, Processed};
use counterfoil_tests::receive;
use counterfoil_tower::Tokio;
use http::{Method, StatusCode};
use tokio::sync::Notify;

use crate::handler::{body, memory, receiver, signed, until};
use crate::settle::{Faulty, elsewhere, event, state};

const SHORT: Duration = Duration::from_secs(2);

/// A handler in somebody else's hands.
#[derive(Debug, Clone, Default)]
struct Foreign {
    asked: Arc<AtomicUsize>,
    began: Arc<AtomicUsize>,
    told: Arc<Notify>,
}

impl Foreign {
    fn is_asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Has `receiver` process one event by this handler, which ends when it is told to, or when it is asked to and
    /// `obeys`.
    async fn process(self, receiver: Receiver, body: bytes::Bytes, obeys: bool, status: Option<u16>) -> Processed<()> {
        let headers = signed(&body);
        let received = receive(&receiver, &Method::POST, &headers, [body]).await.unwrap();
        let (asked, told, began) = (self.asked.clone(), self.told.clone(), self.began);
        let stop = move || {
            asked.fetch_add(1, Ordering::SeqCst);
            if obeys {
                told.notify_one();
            }
        };
        let handler = |_, _| async move {
            began.fetch_add(1, Ordering::SeqCst);
            self.told.notified().await;
            let status = StatusCode::from_u16(status?).unwrap();
            Some(Handled { status, reject: None, response: () })
        };
        receiver.process_to_end(Tokio, received, stop, handler).await
    }
}

fn refused(processed: &Processed<()>) -> (u16, &'static str) {
    match processed {
        Processed::Answered(answer @ Answer::Refused(_)) => (answer.status().as_u16(), answer.code().unwrap().code()),
        other => panic!("{other:?} is no refusal"),
    }
}

#[tokio::test]
async fn one_that_finishes_after_its_time_still_completes_its_event() {
    let (store, foreign) = (Faulty::new(), Foreign::default());
    let receiver = receiver(store.clone()).lease(SHORT).build().unwrap();
    let body = body("evt_1");
    let delivery = event(&receiver, &body);
    let running = tokio::spawn(foreign.clone().process(receiver, body, false, Some(200)));
    until(|| foreign.is_asked() == 1).await;
    // It has been asked, it goes on, and so its event is nobody else's while its lease lasts.
    assert_eq!(state(&store, &delivery).await, Some((State::Claimed, 1)));
    tokio::time::sleep(SHORT).await;
    assert_eq!(foreign.is_asked(), 1, "once");
    foreign.told.notify_one();
    assert!(matches!(running.await.unwrap(), Processed::Passed(())));
    assert_eq!(state(&store, &delivery).await, Some((State::Done, 1)));
}

#[tokio::test]
async fn one_that_stops_as_asked_is_answered_for_what_it_was_asked_for() {
    let (store, foreign) = (Faulty::new(), Foreign::default());
    let receiver = receiver(store.clone()).lease(SHORT).build().unwrap();
    let body = body("evt_1");
    let delivery = event(&receiver, &body);
    let processed = foreign.clone().process(receiver, body, true, None).await;
    assert_eq!(refused(&processed), (503, "handler_failed"));
    assert_eq!(state(&store, &delivery).await, Some((State::Ready, 1)));
    assert_eq!(foreign.is_asked(), 1);
}

#[tokio::test]
async fn one_that_fails_unasked_is_answered_with_500() {
    let (store, foreign) = (Faulty::new(), Foreign::default());
    let receiver = receiver(store.clone()).build().unwrap();
    let body = body("evt_1");
    let delivery = event(&receiver, &body);
    foreign.told.notify_one();
    let processed = foreign.clone().process(receiver, body, true, None).await;
    assert_eq!(refused(&processed), (500, "handler_failed"));
    assert_eq!(state(&store, &delivery).await, Some((State::Ready, 1)));
    assert_eq!(foreign.is_asked(), 0);
}

#[tokio::test]
async fn one_whose_event_was_taken_over_changes_nothing() {
    let (store, foreign) = (Faulty::new(), Foreign::default());
    let receiver = receiver(store.clone()).lease(SHORT).build().unwrap();
    let body = body("evt_1");
    let delivery = event(&receiver, &body);
    let running = tokio::spawn(foreign.clone().process(receiver, body, false, Some(200)));
    until(|| foreign.is_asked() == 1).await;
    tokio::time::sleep(SHORT).await;
    let Claim::Won(other) = store.claim(&elsewhere(&delivery)).await.unwrap() else { panic!("its lease has passed") };
    foreign.told.notify_one();
    assert_eq!(refused(&running.await.unwrap()), (503, "in_flight"));
    assert_eq!(state(&store, &delivery).await, Some((State::Claimed, 2)));
    assert!(matches!(other.complete(&store).await, Ok(counterfoil::idempotency::Fenced::Applied)));
}

#[tokio::test]
async fn one_that_loses_its_event_is_asked_at_once() {
    let (store, foreign) = (Faulty::new(), Foreign::default());
    let receiver = receiver(store.clone()).lease(SHORT).handler_time(Duration::from_secs(3600)).build().unwrap();
    let body = body("evt_1");
    let delivery = event(&receiver, &body);
    let running = tokio::spawn(foreign.clone().process(receiver, body, true, None));
    until(|| foreign.began.load(Ordering::SeqCst) == 1).await;
    assert!(store.forget(delivery.scope(), delivery.key()).await.unwrap());
    assert_eq!(refused(&running.await.unwrap()), (503, "in_flight"));
    assert_eq!(foreign.is_asked(), 1);
}

#[tokio::test]
async fn a_shutdown_asks_and_waits() {
    let foreign = Foreign::default();
    let receiver = receiver(memory()).build().unwrap();
    let running = tokio::spawn(foreign.clone().process(receiver.clone(), body("evt_1"), false, None));
    until(|| foreign.began.load(Ordering::SeqCst) == 1).await;
    let stopping = tokio::spawn(async move { receiver.shutdown(std::future::ready(())).await });
    until(|| foreign.is_asked() == 1).await;
    assert!(!stopping.is_finished(), "the handler still runs");
    foreign.told.notify_one();
    assert_eq!(refused(&running.await.unwrap()), (503, "shutting_down"));
    stopping.await.unwrap();
}
