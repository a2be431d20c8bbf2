//! Reading a body as it arrives: in any frames, up to the limit, in its time.

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use bytes::Bytes;
use counterfoil::receiver::{Answer, DEFAULT_BODY_TIMEOUT, Head, Intake, ReceiverBuilder};
use counterfoil::testing::FixedClock;
use counterfoil::{Receiver, Rejection};
use counterfoil_tests::{Example, secret};
use counterfoil_tower::Tokio;
use http::{Method, Uri};

use crate::waiting::Sleeps;

type Frame = Poll<Option<Result<Bytes, Rejection>>>;

async fn intake(settings: impl FnOnce(ReceiverBuilder) -> ReceiverBuilder) -> Intake {
    let example = Example::of("handl");
    let builder = Receiver::builder(example.sender.clone()).secret(secret(&example.secret));
    let receiver = settings(builder.clock(FixedClock::new(example.now))).build().unwrap();
    let (headers, uri) = (example.headers(), Uri::default());
    receiver.head(&Tokio, &Head::new(&Method::POST, &uri, &headers)).await.unwrap()
}

fn told(answer: &Answer) -> (u16, &'static str) {
    (answer.status().as_u16(), answer.code().unwrap().code())
}

/// The example's body in frames of that many bytes, each of which comes when the one before it was taken.
fn in_frames_of(length: usize) -> impl FnMut(&mut Context<'_>) -> Frame {
    let body = Example::of("handl").body;
    let mut frames = body.chunks(length).map(Bytes::copy_from_slice).collect::<Vec<_>>().into_iter();
    let mut arrived = false;
    move |cx| {
        arrived = !arrived;
        if !arrived {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(frames.next().map(Ok))
    }
}

#[tokio::test]
async fn a_body_is_read_to_its_end_in_any_frames() {
    let example = Example::of("handl");
    for length in [1, 2, 63, example.body.len(), usize::MAX] {
        let mut intake = intake(|builder| builder.body_limit(example.body.len())).await;
        intake.read(&Tokio, in_frames_of(length)).await.unwrap();
        let received = intake.finish(&example.headers()).unwrap();
        assert_eq!(received.delivery().unwrap().body(), &example.body, "frames of {length} bytes");
    }
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_read_no_further() {
    let length = Example::of("handl").body.len();
    let mut intake = intake(|builder| builder.body_limit(length - 1)).await;
    let mut asked = 0;
    let endless = |_: &mut Context<'_>| {
        asked += 1;
        Poll::Ready(Some(Ok(Bytes::from_static(b"x"))))
    };
    assert_eq!(told(&intake.read(&Tokio, endless).await.unwrap_err()), (413, "body_too_large"));
    assert_eq!(asked, length);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_refused_for_its_reason() {
    let mut intake = intake(|builder| builder).await;
    let broken = |_: &mut Context<'_>| {
        let rejection = Rejection::BodyUnreadable { reason: "the connection was reset".into() };
        Poll::Ready(Some(Err(rejection)))
    };
    assert_eq!(told(&intake.read(&Tokio, broken).await.unwrap_err()), (400, "body_unreadable"));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stalls_is_given_its_time_and_no_more() {
    let limit = Duration::from_secs(17);
    let mut intake = intake(|builder| builder.body_timeout(limit)).await;
    let started = tokio::time::Instant::now();
    let refused = intake.read(&Tokio, |_: &mut Context<'_>| Poll::Pending).await.unwrap_err();
    assert_eq!(told(&refused), (408, "body_timeout"));
    assert!((limit..limit * 2).contains(&started.elapsed()), "{:?}", started.elapsed());
}

#[tokio::test]
async fn only_a_body_that_keeps_us_waiting_costs_a_timer() {
    for (waits, timers) in [(0, 0), (1, 0), (2, 1), (5, 1)] {
        let mut intake = intake(|builder| builder).await;
        let (runtime, mut left) = (Sleeps::default(), waits);
        let late = |cx: &mut Context<'_>| {
            if left == 0 {
                return Poll::Ready(None);
            }
            left -= 1;
            cx.waker().wake_by_ref();
            Poll::Pending
        };
        intake.read(&runtime, late).await.unwrap();
        assert_eq!(runtime.all(), vec![DEFAULT_BODY_TIMEOUT; timers], "asked {waits} times in vain");
    }
}

/// Counts how often what waits is woken.
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_body_that_always_has_one_more_frame_lets_others_run() {
    let mut intake = intake(|builder| builder).await;
    let mut taken = 0;
    let endless = |_: &mut Context<'_>| {
        taken += 1;
        assert!(taken < 1000, "taken in one go");
        Poll::Ready(Some(Ok(Bytes::new())))
    };
    let woken = Arc::new(Woken(AtomicUsize::new(0)));
    let waker = Waker::from(woken.clone());
    {
        let mut reading = pin!(intake.read(&Tokio, endless));
        let polled = poll_fn(|_| Poll::Ready(reading.as_mut().poll(&mut Context::from_waker(&waker)))).await;
        assert!(polled.is_pending());
    }
    assert!(taken > 0);
    assert_eq!(woken.0.load(Ordering::SeqCst), 1, "it goes on by itself");
}
