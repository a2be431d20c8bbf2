//! How long a handler may run, and what keeps the lease of one that is declared long.

use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::admit::ask;
use super::run::{Ran, Runtime};
use super::{Answer, Once, Receiver};
use crate::idempotency::{BoxFuture, Fenced, Lease, NonZeroDuration};
use crate::time::monotonic;

/// Kept free at the end of a lease: a handler must not be running when somebody else may begin.
fn margin(lease_time: NonZeroDuration) -> Duration {
    Duration::from_secs(1).max(lease_time.get() / 10)
}

/// Whether a handler of this time limit outlasts its lease, which is then extended while it runs.
pub(super) fn is_long(limit: Duration, lease_time: NonZeroDuration) -> bool {
    limit > lease_time.get().saturating_sub(margin(lease_time))
}

/// A time limit that also stops what never yields to its runtime, and so keeps the alarm from ringing.
pub(super) struct Limit {
    time: Duration,
    at: Option<Instant>,
    alarm: Option<BoxFuture<'static, ()>>,
}

impl Limit {
    /// One that is over after `time`.
    pub(super) fn new(time: Duration) -> Self {
        Self { time, at: monotonic().checked_add(time), alarm: None }
    }

    /// To be asked before each step of what is limited, the first included: a claim that was long in coming may
    /// have used up its lease.
    pub(super) fn is_over(&self) -> bool {
        self.at.is_some_and(|at| monotonic() >= at)
    }

    /// Ready when it is over. The alarm is set when this is asked for the first time.
    pub(super) fn poll_over(&mut self, runtime: &impl Runtime, cx: &mut Context<'_>) -> Poll<()> {
        let left = || self.at.map_or(self.time, |at| at.saturating_duration_since(monotonic()));
        self.alarm.get_or_insert_with(|| runtime.sleep(left())).as_mut().poll(cx)
    }
}

/// What a handler still needs its lease for.
enum Kept {
    Extended,
    /// The event was completed inside the handler's own transaction.
    Completed,
}

impl Once {
    /// How much longer a handler may run under `lease` as it is now.
    pub(super) fn time_left(&self, lease: &Lease) -> Duration {
        lease.until().saturating_duration_since(monotonic()).saturating_sub(margin(self.lease_time))
    }
}

impl Receiver {
    /// Extends the lease for as long as this is polled, and is ready when the handler has to stop.
    pub(super) async fn keep<T>(&self, once: &Once, runtime: &impl Runtime, lease: &mut Lease) -> Ran<T> {
        loop {
            let limit = Limit::new(once.time_left(lease));
            match before(runtime, limit, self.extend(once, runtime, lease)).await {
                None => return Ran::TimedOut,
                Some(Ok(Kept::Extended)) => {}
                Some(Ok(Kept::Completed)) => return pending().await,
                Some(Err(answer)) => return Ran::LostLease(answer),
            }
        }
    }

    /// Extends the lease once, when a third of it is used up. Fails with the answer for an event that is not
    /// ours any more.
    async fn extend(&self, once: &Once, runtime: &impl Runtime, lease: &mut Lease) -> Result<Kept, Answer> {
        let lease_time = once.lease_time.get();
        let left = lease.until().saturating_duration_since(monotonic());
        let mut pause = left.saturating_sub(lease_time - lease_time / 3);
        loop {
            runtime.sleep(pause).await;
            match ask(runtime, lease.extend(&once.store, once.lease_time)).await {
                Ok(Fenced::Applied) => return Ok(Kept::Extended),
                Ok(Fenced::Lost) => {
                    return self.after_loss(once, runtime, lease.fence()).await.map(|()| Kept::Completed);
                }
                Err(error) => self.observe_store_error("extend", &error),
            }
            // Sooner than the next third: a store that comes back while the lease lasts saves the handler.
            pause = lease_time / 10;
        }
    }
}

/// What `call` comes to, or `None` where the limit is over first.
async fn before<T>(runtime: &impl Runtime, mut limit: Limit, call: impl Future<Output = T>) -> Option<T> {
    let mut call = pin!(call);
    poll_fn(|cx| {
        if limit.is_over() {
            return Poll::Ready(None);
        }
        match call.as_mut().poll(cx) {
            Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
            Poll::Pending => limit.poll_over(runtime, cx).map(|()| None),
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(seconds: u64) -> NonZeroDuration {
        NonZeroDuration::new(Duration::from_secs(seconds)).unwrap()
    }

    #[test]
    fn a_tenth_of_a_lease_is_kept_free_and_never_less_than_a_second() {
        for (seconds, free) in [(2, 1), (10, 1), (20, 2), (600, 60)] {
            assert_eq!(margin(lease(seconds)), Duration::from_secs(free), "{seconds} s");
        }
    }

    #[test]
    fn a_handler_is_long_where_it_may_run_into_what_is_kept_free() {
        let most = Duration::from_secs(540);
        for (limit, long) in [(Duration::ZERO, false), (most, false), (most + Duration::from_nanos(1), true)] {
            assert_eq!(is_long(limit, lease(600)), long, "{limit:?}");
        }
        assert!(is_long(Duration::MAX, lease(600)));
    }

    #[test]
    fn a_limit_is_over_when_its_time_has_passed_and_one_beyond_all_time_never() {
        assert!(Limit::new(Duration::ZERO).is_over());
        assert!(!Limit::new(Duration::from_secs(3600)).is_over());
        assert!(!Limit::new(Duration::MAX).is_over());
    }
}
