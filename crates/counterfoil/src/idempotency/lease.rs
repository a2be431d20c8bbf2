//! The right to handle one event, for a while.

use std::time::{Duration, Instant};

use super::{Fenced, IdempotencyKey, Note, Scope, Store, StoreError};
use crate::ConfigError;
use crate::time::monotonic;

/// A duration that is not zero: a lease or a retention of zero would mean "none" to one reader and "over"
/// to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NonZeroDuration(Duration);

impl NonZeroDuration {
    /// `duration`, unless it is shorter than a millisecond, which is the finest that stores keep.
    #[must_use]
    pub const fn new(duration: Duration) -> Option<Self> {
        if duration.as_millis() == 0 { None } else { Some(Self(duration)) }
    }

    /// The duration.
    #[must_use]
    pub const fn get(self) -> Duration {
        self.0
    }

    /// Whole milliseconds, at least one; stores count in these.
    #[must_use]
    pub fn as_millis(self) -> i64 {
        i64::try_from(self.0.as_millis()).unwrap_or(i64::MAX)
    }
}

impl TryFrom<Duration> for NonZeroDuration {
    type Error = ZeroDuration;

    fn try_from(duration: Duration) -> Result<Self, ZeroDuration> {
        Self::new(duration).ok_or(ZeroDuration)
    }
}

/// The duration is shorter than a millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a duration of at least a millisecond is needed")]
pub struct ZeroDuration;

impl From<ZeroDuration> for ConfigError {
    fn from(_: ZeroDuration) -> Self {
        Self::Zero { setting: "duration" }
    }
}

/// What tells this attempt at an event from every other one.
///
/// Tokens grow per key, so a resource that remembers the highest token it has seen can refuse a holder that
/// lost its lease without noticing. Pass it downstream as an idempotency key where effects leave the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fence {
    /// The part of the store.
    pub scope: Scope,
    /// The event.
    pub key: IdempotencyKey,
    /// Grows with every claim of this key.
    pub token: i64,
    /// 1 for the first attempt.
    pub attempt: u32,
}

/// A claim that was won: whoever holds it handles the event, until it runs out.
///
/// A plain value; dropping it changes nothing in the store, where the event becomes claimable again when the
/// lease has passed. Settling a second time changes nothing: the store compares the token.
#[derive(Debug)]
#[must_use = "settle the lease, or the event stays claimed until it has passed"]
pub struct Lease {
    fence: Fence,
    until: Instant,
}

impl Lease {
    /// A lease as a store hands it out. `asked_at` is from **before** the claim was sent, so that a slow
    /// network shortens the lease and never lengthens it.
    pub fn new(fence: Fence, asked_at: Instant, lease_time: NonZeroDuration) -> Self {
        Self { fence, until: end(asked_at, lease_time) }
    }

    /// What tells this attempt from every other one.
    #[must_use]
    pub const fn fence(&self) -> Fence {
        self.fence
    }

    /// When the store may give the event to somebody else, by this process's own clock. Extending moves it.
    #[must_use]
    pub const fn until(&self) -> Instant {
        self.until
    }

    /// Lets the lease end `lease_time` from now: from **before** the store is asked, as in [`new`](Self::new).
    /// Where that is [`Fenced::Lost`], the lease has passed, or the event is not claimed under it any more;
    /// completing it in a transaction of your own is one way to get there.
    ///
    /// # Errors
    /// The store could not be asked. The lease may or may not have been extended in the store; here it ends as
    /// before, which is the safe side.
    pub async fn extend(&mut self, store: &dyn Store, lease_time: NonZeroDuration) -> Result<Fenced, StoreError> {
        let asked_at = monotonic();
        let fenced = store.extend(&self.fence, lease_time).await?;
        if fenced == Fenced::Applied {
            self.until = end(asked_at, lease_time);
        }
        Ok(fenced)
    }

    /// Settles as completed.
    ///
    /// # Errors
    /// The store could not be asked; the event may or may not be completed.
    pub async fn complete(&self, store: &dyn Store) -> Result<Fenced, StoreError> {
        store.complete(&self.fence).await
    }

    /// Gives the event back, so that the next retry is handled at once.
    ///
    /// # Errors
    /// The store could not be asked; the event becomes claimable when the lease has passed.
    pub async fn release(&self, store: &dyn Store) -> Result<Fenced, StoreError> {
        store.release(&self.fence).await
    }

    /// Settles as dead: never to be handled again unless a person forgets the event.
    ///
    /// # Errors
    /// The store could not be asked.
    pub async fn bury(&self, store: &dyn Store, reason: &Note) -> Result<Fenced, StoreError> {
        store.dead(&self.fence, reason).await
    }
}

/// Only a lease of many centuries overflows; it then ends at once, which is safe.
fn end(asked_at: Instant, lease_time: NonZeroDuration) -> Instant {
    asked_at.checked_add(lease_time.get()).unwrap_or(asked_at)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::idempotency::{Claim, ClaimRequest, Fingerprint, MemoryStore, OnExpired};

    fn fence() -> Fence {
        Fence { scope: Scope::from_i32(1), key: IdempotencyKey::from_bytes([7; 16]), token: 3, attempt: 2 }
    }

    #[test]
    fn a_duration_is_at_least_a_millisecond() {
        let millisecond = Duration::from_millis(1);
        for short in [Duration::ZERO, millisecond - Duration::from_nanos(1)] {
            assert_eq!(NonZeroDuration::try_from(short), Err(ZeroDuration));
        }
        assert_eq!(NonZeroDuration::try_from(millisecond).unwrap().as_millis(), 1);
        let long = NonZeroDuration::new(Duration::from_micros(2_500_999)).unwrap();
        assert_eq!((long.as_millis(), long.get()), (2500, Duration::from_micros(2_500_999)));
        assert_eq!(NonZeroDuration::new(Duration::MAX).unwrap().as_millis(), i64::MAX);
        assert!(matches!(ConfigError::from(ZeroDuration), ConfigError::Zero { setting: "duration" }));
    }

    #[test]
    fn a_lease_ends_its_time_after_the_store_was_asked() {
        let asked_at = monotonic();
        let minute = NonZeroDuration::new(Duration::from_secs(60)).unwrap();
        let lease = Lease::new(fence(), asked_at, minute);
        assert_eq!((lease.fence(), lease.until()), (fence(), asked_at + Duration::from_secs(60)));
    }

    #[test]
    fn a_lease_moves_where_the_store_has_extended_it_and_nowhere_else() {
        let store = MemoryStore::new(NonZeroU32::MIN);
        let [minute, hour] = [60, 3600].map(|seconds| NonZeroDuration::new(Duration::from_secs(seconds)).unwrap());
        let request = ClaimRequest {
            scope: fence().scope,
            key: fence().key,
            fingerprint: Fingerprint::of(b"{}"),
            lease_time: minute,
            retention: hour,
            on_expired: OnExpired::Takeover,
            note: Note::new(""),
        };
        let Claim::Won(mut lease) = at_once(store.claim(&request)).unwrap() else { panic!("the store is empty") };
        let until = lease.until();
        assert_eq!(at_once(lease.extend(&store, hour)).unwrap(), Fenced::Applied);
        assert!(lease.until() >= until + Duration::from_secs(3000));

        let mut lost = Lease::new(Fence { token: lease.fence().token + 1, ..lease.fence() }, monotonic(), minute);
        let until = lost.until();
        assert_eq!(at_once(lost.extend(&store, hour)).unwrap(), Fenced::Lost);
        assert_eq!(lost.until(), until);
    }

    fn at_once<T>(future: impl Future<Output = T>) -> T {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => panic!("the memory waits for nothing"),
        }
    }

    #[test]
    fn a_lease_that_overflows_ends_at_once() {
        let asked_at = monotonic();
        assert_eq!(Lease::new(fence(), asked_at, NonZeroDuration::new(Duration::MAX).unwrap()).until(), asked_at);
    }
}
