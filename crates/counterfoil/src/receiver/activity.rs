//! What is going on in a receiver: how many deliveries are being handled, and whether new ones may begin.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::signal::{Signal, Subscription, first};
use crate::sync::{AtomicBool, AtomicUsize};

#[derive(Debug, Default)]
pub(super) struct Activity {
    running: AtomicUsize,
    closing: AtomicBool,
    stopped: AtomicBool,
    idle: Arc<Signal>,
    stop: Arc<Signal>,
}

impl Activity {
    /// Counts one delivery in; `None` once the receiver is closing.
    pub(super) fn begin(self: &Arc<Self>) -> Option<Running> {
        // Counted before the flag is read: `shutdown` sets the flag before it reads the count, so that one of
        // the two always sees the other.
        self.running.fetch_add(1, Ordering::SeqCst);
        let running = Running { activity: self.clone() };
        (!self.is_closing()).then_some(running)
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::SeqCst)
    }

    pub(super) fn running(&self) -> usize {
        self.running.load(Ordering::SeqCst)
    }

    pub(super) async fn shutdown(&self, grace: impl Future<Output = ()>) {
        self.closing.store(true, Ordering::SeqCst);
        first(self.until_idle(), grace).await;
        self.stopped.store(true, Ordering::SeqCst);
        self.stop.fire();
        self.until_idle().await;
    }

    async fn until_idle(&self) {
        let mut idle = self.idle.subscribe();
        while self.running() > 0 {
            idle.fired().await;
        }
    }
}

/// One delivery that is being handled.
#[derive(Debug)]
pub(super) struct Running {
    activity: Arc<Activity>,
}

impl Running {
    /// Counts work in that goes on after this delivery was answered.
    pub(super) fn also(&self) -> Self {
        self.activity.running.fetch_add(1, Ordering::SeqCst);
        Self { activity: self.activity.clone() }
    }

    /// Fires when the grace of a shutdown is over.
    pub(super) fn stop(&self) -> Subscription {
        self.activity.stop.subscribe()
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.activity.stopped.load(Ordering::SeqCst)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Counted before the flag is read, as in `begin`: nobody but a shutdown waits for the last one.
        if self.activity.running.fetch_sub(1, Ordering::SeqCst) == 1 && self.activity.is_closing() {
            self.activity.idle.fire();
        }
    }
}
