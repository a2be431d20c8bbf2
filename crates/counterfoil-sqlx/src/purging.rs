//! When expired rows go: some at a time, after claims.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Milliseconds between one time and the next, at the least.
const EVERY: u64 = 1000;

/// When a store purged last.
pub(crate) struct Purging {
    started: Instant,
    /// Milliseconds after `started`.
    last: AtomicU64,
}

impl Purging {
    /// Rows that go at a time.
    pub(crate) const ROWS: NonZeroU32 = NonZeroU32::new(500).expect("not zero");

    pub(crate) fn new() -> Self {
        Self { started: Instant::now(), last: AtomicU64::new(0) }
    }

    /// Whether it is time. Where it is, the next time counts from now.
    pub(crate) fn take_turn(&self) -> bool {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let due = now.saturating_sub(self.last.load(Ordering::Relaxed)) >= EVERY;
        if due {
            self.last.store(now, Ordering::Relaxed);
        }
        due
    }
}
