//! Waking futures without a runtime.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::sync::{Mutex, MutexGuard};

/// Something that happens again and again, and that futures wait for.
#[derive(Debug, Default)]
pub(super) struct Signal {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    fired: u64,
    next_id: u64,
    wakers: HashMap<u64, Waker>,
}

impl Signal {
    pub(super) fn fire(&self) {
        let wakers = {
            let mut state = self.lock();
            state.fired += 1;
            std::mem::take(&mut state.wakers)
        };
        wakers.into_values().for_each(Waker::wake);
    }

    /// From here on no firing is missed.
    pub(super) fn subscribe(self: &Arc<Self>) -> Subscription {
        let mut state = self.lock();
        state.next_id += 1;
        Subscription { id: state.next_id, seen: state.fired, signal: self.clone() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One listener of a [`Signal`].
#[derive(Debug)]
pub(super) struct Subscription {
    signal: Arc<Signal>,
    id: u64,
    seen: u64,
}

impl Subscription {
    /// Ready once the signal has fired since the last time this was ready, or since the subscription.
    pub(super) fn poll_fired(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.signal.lock();
        if state.fired != self.seen {
            self.seen = state.fired;
            return Poll::Ready(());
        }
        state.wakers.entry(self.id).or_insert_with(|| cx.waker().clone()).clone_from(cx.waker());
        Poll::Pending
    }

    pub(super) async fn fired(&mut self) {
        poll_fn(|cx| self.poll_fired(cx)).await;
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.signal.lock().wakers.remove(&self.id);
    }
}

/// Waits for the first of two futures and drops the other.
pub(super) async fn first(a: impl Future<Output = ()>, b: impl Future<Output = ()>) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    poll_fn(|cx| if a.as_mut().poll(cx).is_ready() { Poll::Ready(()) } else { b.as_mut().poll(cx) }).await;
}
