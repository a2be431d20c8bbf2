//! What keeps the lease of a handler that is declared long.

use std::sync::atomic::Ordering;
use std::time::Duration;

use counterfoil::receiver::ReceiverBuilder;
use counterfoil_tests::Example;

use crate::waiting::{Sleeps, Slow, code, receiver, send, with};

const LEASE: Duration = Duration::from_secs(600);

fn long(builder: ReceiverBuilder) -> ReceiverBuilder {
    builder.lease(LEASE).handler_time(Duration::from_secs(100_000))
}

/// Whether it was asked to sleep so long, less what the test itself took.
fn about(asked: Duration, expected: Duration) -> bool {
    (expected - Duration::from_secs(60)..=expected).contains(&asked)
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_extended_whenever_a_third_of_it_is_used_up() {
    let store = Slow::with_permits(1);
    let (receiver, runtime) = (receiver(store.clone(), long), Sleeps::default());
    let body = Example::of("handl").body;
    let outcome = send(&receiver, &runtime, &body, async {
        tokio::time::sleep(LEASE).await;
        with(200)
    });
    assert_eq!(code(&outcome.await), "handled");
    assert!((2..=3).contains(&store.extensions.load(Ordering::SeqCst)));
    let thirds = runtime.all().iter().filter(|asked| about(**asked, LEASE / 3)).count();
    assert!((3..=4).contains(&thirds), "{:?}", runtime.all());
}

#[tokio::test(start_paused = true)]
async fn an_extension_that_fails_is_tried_again_sooner() {
    let store = Slow::with_permits(1);
    store.failing.store(2, Ordering::SeqCst);
    let (receiver, runtime) = (receiver(store.clone(), long), Sleeps::default());
    let body = Example::of("handl").body;
    let outcome = send(&receiver, &runtime, &body, async {
        tokio::time::sleep(LEASE / 2).await;
        with(200)
    });
    assert_eq!(code(&outcome.await), "handled");
    let sleeps = runtime.all();
    let tenths = sleeps.iter().filter(|asked| **asked == LEASE / 10).count();
    assert_eq!(tenths, 2, "{sleeps:?}");
    assert_eq!(store.extensions.load(Ordering::SeqCst), 2, "{sleeps:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_cannot_be_extended_ends_its_handler_in_time() {
    let store = Slow::with_permits(1);
    store.failing.store(usize::MAX, Ordering::SeqCst);
    let (receiver, runtime) = (receiver(store.clone(), long), Sleeps::default());
    let started = tokio::time::Instant::now();
    let hangs = std::future::pending();
    let outcome = send(&receiver, &runtime, &Example::of("handl").body, hangs).await;
    assert_eq!(code(&outcome), "handler_failed");
    assert!(about(started.elapsed(), LEASE - LEASE / 10), "{:?}", started.elapsed());
}
