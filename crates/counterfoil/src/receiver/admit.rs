//! Claiming an event, and waiting a moment for the delivery that has claimed it first.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use super::activity::Running;
use super::run::Runtime;
use super::signal::first;
use super::waiting::WAITER_BODY_BYTES;
use super::{Answer, Once, Receiver};
use crate::idempotency::{Claim, ClaimRequest, Lease, Note, Outcome, State, Store, StoreError};
use crate::rejection::Failure;
use crate::time::monotonic;
use crate::{Delivery, Rejection};

/// How long a store may take for one answer: as long as the least patient sender waits.
const STORE_TIME: Duration = Duration::from_secs(5);

/// How long a claim that was answered for lost may still take once nobody waits for it any more.
const LAST_CHANCE: Duration = Duration::from_secs(1);

/// What one claim came to.
enum Admission {
    New(Delivery, Lease),
    InFlight(Delivery, Duration),
    Answered(Answer),
}

impl Once {
    /// Claims the event, waiting a moment where a first delivery is under way.
    pub(super) async fn admit(
        &self,
        receiver: &Receiver,
        runtime: &impl Runtime,
        running: &Running,
        delivery: Delivery,
    ) -> Result<(Delivery, Lease), Answer> {
        match self.claim(receiver, runtime, running, delivery).await {
            Admission::New(delivery, lease) => Ok((delivery, lease)),
            Admission::InFlight(delivery, retry_after) => {
                Box::pin(self.wait(receiver, runtime, running, delivery, retry_after)).await
            }
            Admission::Answered(answer) => Err(answer),
        }
    }

    async fn claim(
        &self,
        receiver: &Receiver,
        runtime: &impl Runtime,
        running: &Running,
        delivery: Delivery,
    ) -> Admission {
        let request = ClaimRequest {
            scope: delivery.scope(),
            key: delivery.key(),
            fingerprint: delivery.fingerprint(),
            lease_time: self.lease_time,
            retention: self.retention,
            on_expired: self.on_expired,
            note: Note::from(&delivery),
        };
        match self.ask_claim(runtime, running, request).await {
            Ok(Claim::Won(lease)) => Admission::New(delivery, lease),
            Ok(Claim::InFlight { retry_after }) => Admission::InFlight(delivery, retry_after),
            Ok(Claim::Duplicate(outcome)) => Admission::Answered(self.settled_answer(outcome, true)),
            Ok(Claim::Conflict(outcome)) => Admission::Answered(self.settled_answer(outcome, false)),
            Err(error) => Admission::Answered(unavailable(receiver, "claim", error)),
        }
    }

    async fn ask_claim(
        &self,
        runtime: &impl Runtime,
        running: &Running,
        request: ClaimRequest,
    ) -> Result<Claim, StoreError> {
        let store = self.store.clone();
        let mut claim = Box::pin(async move { (store.claim(&request).await, store) });
        if let Some((claimed, _)) = within(runtime, STORE_TIME, &mut claim).await {
            return claimed;
        }
        // It may still be won, with nobody here to handle it. Where it is not given back in time, the event is
        // claimable once the lease has passed.
        let (clock, counted, lease_time) = (runtime.clone(), running.also(), self.lease_time.get());
        runtime.spawn(Box::pin(async move {
            let mut stop = counted.stop();
            let give_back = async {
                if let (Ok(Claim::Won(lease)), store) = claim.await {
                    let _ = lease.release(&store).await;
                }
            };
            let give_up = async {
                if !counted.is_stopped() {
                    first(clock.sleep(lease_time), stop.fired()).await;
                }
                clock.sleep(LAST_CHANCE).await;
            };
            first(give_back, give_up).await;
        }));
        Err(no_answer())
    }

    /// Waits for the first delivery: woken when it settles in this process, and looking at the row at growing
    /// intervals in case it settles in another.
    async fn wait(
        &self,
        receiver: &Receiver,
        runtime: &impl Runtime,
        running: &Running,
        delivery: Delivery,
        mut retry_after: Duration,
    ) -> Result<(Delivery, Lease), Answer> {
        let (scope, key, fingerprint) = (delivery.scope(), delivery.key(), delivery.fingerprint());
        let place = if self.wait.is_zero() { None } else { self.waiters.enter((scope, key)) };
        let Some(mut place) = place else { return Err(in_flight(retry_after)) };
        let kept = Some(delivery).filter(|delivery| delivery.body().len() <= WAITER_BODY_BYTES);
        let give_up = monotonic() + self.wait;
        let mut pause = Duration::from_millis(20);
        loop {
            let left = give_up.saturating_duration_since(monotonic());
            if left.is_zero() {
                return Err(in_flight(retry_after));
            }
            if receiver.inner.activity.is_closing() {
                return Err(Answer::Refused(Rejection::ShuttingDown));
            }
            first(place.settled.fired(), runtime.sleep(pause.min(left))).await;
            pause *= 2;
            let record = ask(runtime, self.store.get(scope, key)).await;
            let record = record.map_err(|error| unavailable(receiver, "get", error))?;
            let Some(record) = record.filter(|record| record.state != State::Ready) else {
                let Some(delivery) = kept else { return Err(in_flight(Duration::ZERO)) };
                return match self.claim(receiver, runtime, running, delivery).await {
                    Admission::New(delivery, lease) => Ok((delivery, lease)),
                    Admission::InFlight(_, retry_after) => Err(in_flight(retry_after)),
                    Admission::Answered(answer) => Err(answer),
                };
            };
            let same_body = record.fingerprint == fingerprint;
            match record.state {
                State::Done => return Err(self.settled_answer(Outcome::Completed, same_body)),
                State::Dead => return Err(self.settled_answer(Outcome::Dead, same_body)),
                State::Claimed | State::Ready => retry_after = record.lease_left,
            }
        }
    }

    /// The answer for an event that was settled before.
    pub(super) fn settled_answer(&self, outcome: Outcome, same_body: bool) -> Answer {
        match (outcome, same_body) {
            (Outcome::Dead, _) => failed(Failure::Dead),
            (Outcome::Completed, true) => Answer::Duplicate,
            (Outcome::Completed, false) if self.refuse_conflicts => Answer::Refused(Rejection::Conflict),
            (Outcome::Completed, false) => Answer::Conflict,
        }
    }
}

/// Asks the store, and takes no answer within [`STORE_TIME`] for a store that is down.
pub(super) async fn ask<T>(
    runtime: &impl Runtime,
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    within(runtime, STORE_TIME, call).await.unwrap_or_else(|| Err(no_answer()))
}

/// What `call` gives within `limit`.
pub(crate) async fn within<T>(runtime: &impl Runtime, limit: Duration, call: impl Future<Output = T>) -> Option<T> {
    let mut call = pin!(call);
    let mut alarm = None;
    poll_fn(|cx| match call.as_mut().poll(cx) {
        Poll::Ready(answer) => Poll::Ready(Some(answer)),
        // What answers at once costs no timer.
        Poll::Pending => alarm.get_or_insert_with(|| runtime.sleep(limit)).as_mut().poll(cx).map(|()| None),
    })
    .await
}

fn no_answer() -> StoreError {
    StoreError::Unavailable { source: format!("no answer within {} s", STORE_TIME.as_secs()).into() }
}

pub(super) fn failed(how: Failure) -> Answer {
    Answer::Refused(Rejection::HandlerFailed { how })
}

pub(super) fn in_flight(retry_after: Duration) -> Answer {
    Answer::Refused(Rejection::InFlight { retry_after })
}

pub(super) fn unavailable(receiver: &Receiver, operation: &'static str, error: StoreError) -> Answer {
    receiver.observe_store_error(operation, &error);
    Answer::Refused(Rejection::store(error))
}
