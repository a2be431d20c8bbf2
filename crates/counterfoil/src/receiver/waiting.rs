//! Duplicates that wait a moment for the first delivery to finish, instead of failing at once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use super::signal::{Signal, Subscription};
use crate::idempotency::{IdempotencyKey, Scope};
use crate::sync::{AtomicUsize, Mutex, MutexGuard};

/// Each waiter holds a connection and a task: a storm of duplicates must not hold all of them.
pub(super) const MAX_WAITERS: usize = 256;

/// A waiter keeps a body up to this size, so that it can handle the event if the first delivery gives it
/// back. Larger bodies are dropped for the wait: 256 of these bound the memory of all waiters to 16 MiB.
pub(super) const WAITER_BODY_BYTES: usize = 64 * 1024;

type Event = (Scope, IdempotencyKey);

#[derive(Debug, Default)]
pub(super) struct Waiters {
    count: AtomicUsize,
    events: Mutex<HashMap<Event, (Arc<Signal>, usize)>>,
}

impl Waiters {
    /// Takes a place, unless all are taken.
    pub(super) fn enter(self: &Arc<Self>, event: Event) -> Option<Place> {
        if self.count.fetch_add(1, Ordering::Relaxed) >= MAX_WAITERS {
            self.count.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        let mut events = self.lock();
        let (signal, waiting) = events.entry(event).or_default();
        *waiting += 1;
        Some(Place { settled: signal.subscribe(), waiters: self.clone(), event })
    }

    /// Tells those who wait for `event` that it was settled in this process.
    pub(super) fn wake(&self, event: Event) {
        // Nearly always nobody waits: then the lock is not taken.
        if self.count.load(Ordering::Relaxed) == 0 {
            return;
        }
        let signal = self.lock().get(&event).map(|(signal, _)| signal.clone());
        if let Some(signal) = signal {
            signal.fire();
        }
    }

    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Event, (Arc<Signal>, usize)>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One waiter's place.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) settled: Subscription,
    waiters: Arc<Waiters>,
    event: Event,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.waiters.count.fetch_sub(1, Ordering::Relaxed);
        if let Entry::Occupied(mut entry) = self.waiters.lock().entry(self.event) {
            entry.get_mut().1 -= 1;
            if entry.get().1 == 0 {
                entry.remove();
            }
        }
    }
}
