//! The receiver's waiters and its shutdown. A wake-up that is lost shows as a deadlock.

#[path = "../../crates/counterfoil/src/receiver/activity.rs"]
mod activity;
#[path = "../../crates/counterfoil/src/receiver/signal.rs"]
mod signal;
#[expect(dead_code, reason = "the receiver uses the rest of it")]
#[path = "../../crates/counterfoil/src/receiver/waiting.rs"]
mod waiting;

use std::future::{pending, ready};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use shuttle::future::block_on;
use shuttle::thread;

use self::activity::Activity;
use self::waiting::Waiters;
use crate::idempotency::{IdempotencyKey, Scope};
use crate::sample;
use crate::sync::AtomicBool;

const EVENT: (Scope, IdempotencyKey) = (Scope::from_i32(1), IdempotencyKey::from_bytes([1; 16]));

const SCHEDULES: usize = 2000;

/// Two that look at the row once they have a place, one that goes away at once, and the one they wait for.
#[test]
fn nobody_with_a_place_waits_for_ever() {
    sample(SCHEDULES, || {
        let (waiters, settled) = (Arc::new(Waiters::default()), Arc::new(AtomicBool::new(false)));
        let waiting = [true, true, false].map(|stays| {
            let (waiters, settled) = (waiters.clone(), settled.clone());
            thread::spawn(move || {
                let mut place = waiters.enter(EVENT).unwrap();
                if stays && !settled.load(SeqCst) {
                    block_on(place.settled.fired());
                    assert!(settled.load(SeqCst), "woken for nothing");
                }
            })
        });
        settled.store(true, SeqCst);
        waiters.wake(EVENT);
        waiting.into_iter().for_each(|waiter| waiter.join().unwrap());
        assert_eq!(waiters.count(), 0);
    });
}

/// Handling goes on in the background after a delivery has been answered.
#[test]
fn a_shutdown_ends_when_everything_has_ended() {
    sample(SCHEDULES, || {
        let (activity, over) = (Arc::new(Activity::default()), Arc::new(AtomicBool::new(false)));
        let deliveries = [(), ()].map(|()| {
            let (activity, over) = (activity.clone(), over.clone());
            thread::spawn(move || {
                let Some(running) = activity.begin() else { return };
                let background = running.also();
                let task = thread::spawn(move || {
                    assert!(!over.load(SeqCst), "handled after the shutdown");
                    drop(background);
                });
                drop(running);
                task.join().unwrap();
            })
        });
        block_on(activity.shutdown(pending()));
        over.store(true, SeqCst);
        assert!(activity.begin().is_none());
        deliveries.into_iter().for_each(|delivery| delivery.join().unwrap());
        assert_eq!(activity.running(), 0);
    });
}

/// Handlers that would run for ever.
#[test]
fn the_end_of_the_grace_stops_every_handler() {
    sample(SCHEDULES, || {
        let (activity, over) = (Arc::new(Activity::default()), Arc::new(AtomicBool::new(false)));
        let deliveries = [(), ()].map(|()| {
            let (activity, over) = (activity.clone(), over.clone());
            thread::spawn(move || {
                let Some(running) = activity.begin() else { return };
                let mut stop = running.stop();
                if !running.is_stopped() {
                    block_on(stop.fired());
                }
                assert!(!over.load(SeqCst), "handled after the shutdown");
            })
        });
        block_on(activity.shutdown(ready(())));
        over.store(true, SeqCst);
        deliveries.into_iter().for_each(|delivery| delivery.join().unwrap());
        assert_eq!(activity.running(), 0);
    });
}
