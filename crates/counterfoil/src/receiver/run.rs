//! What surrounds the handler: claim, wait, time limit, settle. Written once, for every runtime.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use http::StatusCode;

use super::activity::Running;
use super::observe::Ending;
use super::signal::first;
use super::waiting::WAITER_BODY_BYTES;
use super::{Answer, Once, Received, Receiver};
use crate::idempotency::{
    BoxFuture, Claim, ClaimRequest, Fence, Fenced, Lease, Note, Outcome, State, Store, StoreError,
};
use crate::rejection::Failure;
use crate::time::monotonic;
use crate::verifier::{Stale, Verified};
use crate::{Delivery, Rejection};

/// What the receiver needs of a runtime. Each adapter supplies it in a few lines.
pub trait Runtime: Clone + Send + Sync + 'static {
    /// Ready after `duration`.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;

    /// Runs `task` on its own, to its end.
    fn spawn(&self, task: BoxFuture<'static, ()>);
}

/// What a handler may want to know besides the delivery.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Context {
    /// What tells this attempt from every other one; `None` without a store.
    pub fence: Option<Fence>,
    /// When the sender stops waiting for the answer; `None` where it does not say.
    pub deadline: Option<Instant>,
}

/// Put into a response's extensions, marks the event as one that no retry will make acceptable. It is buried
/// with the reason, never handled again, and answered with 500, because nothing keeps its body.
///
/// ```
/// use counterfoil::receiver::Reject;
///
/// let mut response = http::Response::new(());
/// response.extensions_mut().insert(Reject::new("no such customer"));
/// ```
#[derive(Debug, Clone)]
pub struct Reject(Note);

impl Reject {
    /// For this reason, which people read when they list the store.
    #[must_use]
    pub fn new(reason: impl Into<Arc<str>>) -> Self {
        Self(Note::new(reason))
    }

    /// The reason.
    #[must_use]
    pub fn reason(&self) -> &Note {
        &self.0
    }
}

/// What a handler made of a delivery.
#[derive(Debug)]
pub struct Handled<T> {
    /// The response's status: 2xx completes the event, anything else gives it back.
    pub status: StatusCode,
    /// Whether the event is never to be handled again.
    pub reject: Option<Reject>,
    /// The response.
    pub response: T,
}

/// How a delivery ended.
#[derive(Debug)]
pub enum Processed<T> {
    /// The handler's response goes out.
    Passed(T),
    /// The receiver answers in the handler's place.
    Answered(Answer),
}

/// What one claim came to.
enum Admission {
    New(Delivery, Lease),
    InFlight(Delivery, Duration),
    Answered(Answer),
}

/// How a handler's run ended.
enum Ran<T> {
    Finished(Handled<T>),
    Panicked,
    TimedOut,
    Stopped,
}

impl Receiver {
    /// Takes a verified delivery to its end: claims the event, runs `handler`, settles, and says what to
    /// answer.
    ///
    /// Run it in a task of its own where [`has_store`](Self::has_store) says so: a sender that hangs up must
    /// not cancel it. If the task ends early all the same, the event becomes claimable when its lease has
    /// passed.
    pub async fn process<R, H, F, T>(self, runtime: R, received: Received, handler: H) -> Processed<T>
    where
        R: Runtime,
        H: FnOnce(Delivery, Context) -> F,
        F: Future<Output = Handled<T>>,
    {
        let Received { verified, mut timings } = received;
        let Some(running) = self.inner.activity.begin() else {
            return Processed::Answered(self.refuse(Rejection::ShuttingDown));
        };
        let delivery = match verified {
            Verified::Fresh(delivery) => delivery,
            Verified::Stale(stale) => {
                let facts = stale.delivery().facts().clone();
                let answer = self.look_up(stale).await;
                self.observe(Some(&facts), Ending::Answered(&answer), &timings);
                return Processed::Answered(answer);
            }
        };
        let facts = delivery.facts().clone();
        let deadline = self.inner.verifier.sender().timing.deadline.and_then(|wait| timings.head_at.checked_add(wait));
        let Some(once) = &self.inner.once else {
            let handled = handler(delivery, Context { fence: None, deadline }).await;
            let ending = Ending::Handled { status: handled.status.as_u16(), attempt: 1 };
            self.observe(Some(&facts), ending, &timings);
            return Processed::Passed(handled.response);
        };
        let (delivery, lease) = match once.admit(&self, &runtime, delivery).await {
            Ok(won) => won,
            Err(answer) => {
                self.observe(Some(&facts), Ending::Answered(&answer), &timings);
                return Processed::Answered(answer);
            }
        };
        let context = Context { fence: Some(lease.fence()), deadline };
        let started = monotonic();
        let ran =
            run(&runtime, &running, handler_time(&lease, once), async move { handler(delivery, context).await }).await;
        timings.handle = started.elapsed();
        let settling = monotonic();
        let attempt = lease.fence().attempt;
        let processed = self.settle(once, &runtime, lease, ran).await;
        once.waiters.wake((facts.scope, facts.key));
        timings.settle = settling.elapsed();
        match &processed {
            Settled::Passed(handled) => {
                self.observe(Some(&facts), Ending::Handled { status: handled.status.as_u16(), attempt }, &timings);
            }
            Settled::Answered(answer) => self.observe(Some(&facts), Ending::Answered(answer), &timings),
        }
        match processed {
            Settled::Passed(handled) => Processed::Passed(handled.response),
            Settled::Answered(answer) => Processed::Answered(answer),
        }
    }

    /// A delivery too old to be handled is a late retry if its event was completed: saying so loses nothing,
    /// and stops the sender.
    async fn look_up(&self, stale: Stale) -> Answer {
        let Some(once) = &self.inner.once else { return Answer::Refused(stale.into_rejection()) };
        match once.store.get(stale.scope(), stale.key()).await {
            Ok(Some(record)) if record.state == State::Done => Answer::Duplicate,
            Ok(_) => Answer::Refused(stale.into_rejection()),
            Err(error) => {
                self.observe_store_error("get", &error);
                Answer::Refused(Rejection::store(error))
            }
        }
    }

    async fn settle<T>(&self, once: &Once, runtime: &impl Runtime, lease: Lease, ran: Ran<T>) -> Settled<T> {
        let failed = |how| Settled::refused(Rejection::HandlerFailed { how });
        let handled = match ran {
            Ran::Finished(handled) => handled,
            Ran::Panicked => {
                self.release(once, &lease).await;
                return failed(Failure::Panicked);
            }
            Ran::TimedOut => {
                self.release(once, &lease).await;
                return failed(Failure::TimedOut);
            }
            Ran::Stopped => {
                self.release(once, &lease).await;
                return Settled::refused(Rejection::ShuttingDown);
            }
        };
        if let Some(reject) = &handled.reject {
            if let Err(error) = lease.bury(&once.store, reject.reason()).await {
                self.observe_store_error("dead", &error);
            }
            return failed(Failure::Dead);
        }
        if handled.status.is_success() {
            return self.complete(once, runtime, lease, handled).await;
        }
        self.release(once, &lease).await;
        if handled.status.is_redirection() || handled.status.is_informational() {
            failed(Failure::Redirected)
        } else {
            Settled::Passed(handled)
        }
    }

    async fn release(&self, once: &Once, lease: &Lease) {
        // A lost lease needs no release, and where the store is down the event is claimable once it has passed.
        if let Err(error) = lease.release(&once.store).await {
            self.observe_store_error("release", &error);
        }
    }

    async fn complete<T>(&self, once: &Once, runtime: &impl Runtime, lease: Lease, handled: Handled<T>) -> Settled<T> {
        let fence = lease.fence();
        match lease.complete(&once.store).await {
            Ok(Fenced::Applied) => Settled::Passed(handled),
            Ok(Fenced::Lost) => match once.store.get(fence.scope, fence.key).await {
                // Completed under our own token: inside the handler's transaction.
                Ok(Some(record)) if record.state == State::Done && record.token == fence.token => {
                    Settled::Passed(handled)
                }
                Ok(Some(record)) if record.state == State::Done => Settled::Answered(Answer::Duplicate),
                Ok(record) => Settled::refused(Rejection::InFlight {
                    retry_after: record.map_or(Duration::ZERO, |record| record.lease_left),
                }),
                Err(error) => {
                    self.observe_store_error("get", &error);
                    Settled::refused(Rejection::store(error))
                }
            },
            // The effect has happened: a refusal now would cause the very repeat that it is meant to prevent.
            Err(error) => {
                self.observe_store_error("complete", &error);
                runtime.spawn(Box::pin(keep_completing(self.clone(), once.store.clone(), runtime.clone(), lease)));
                Settled::Passed(handled)
            }
        }
    }
}

/// Tries to complete until the lease has passed, when a retry may have taken over.
async fn keep_completing(receiver: Receiver, store: Arc<dyn Store>, runtime: impl Runtime, lease: Lease) {
    let mut pause = Duration::from_millis(50);
    while monotonic() < lease.until() {
        runtime.sleep(pause.min(lease.until().saturating_duration_since(monotonic()))).await;
        pause = (pause * 2).min(Duration::from_secs(5));
        match lease.complete(&store).await {
            Ok(Fenced::Applied | Fenced::Lost) => return,
            Err(error) => receiver.observe_store_error("complete", &error),
        }
    }
    let key = lease.fence().key;
    tracing::error!(target: "counterfoil", %key, "an event was handled and could not be completed: a later retry will handle it again");
}

/// The lease less a margin: a handler must not be running when somebody else may begin.
fn handler_time(lease: &Lease, once: &Once) -> Duration {
    let margin = Duration::from_secs(1).max(once.lease_time.get() / 10);
    lease.until().saturating_duration_since(monotonic()).saturating_sub(margin)
}

async fn run<T>(
    runtime: &impl Runtime,
    running: &Running,
    limit: Duration,
    handler: impl Future<Output = Handled<T>>,
) -> Ran<T> {
    let mut handler = pin!(handler);
    let mut limit = runtime.sleep(limit);
    let mut stop = running.stop();
    poll_fn(|cx| {
        // The handler's state is not touched again after a panic: it is only dropped.
        match catch_unwind(AssertUnwindSafe(|| handler.as_mut().poll(cx))) {
            Err(_) => return Poll::Ready(Ran::Panicked),
            Ok(Poll::Ready(handled)) => return Poll::Ready(Ran::Finished(handled)),
            Ok(Poll::Pending) => {}
        }
        if running.is_stopped() || stop.poll_fired(cx).is_ready() {
            return Poll::Ready(Ran::Stopped);
        }
        limit.as_mut().poll(cx).map(|()| Ran::TimedOut)
    })
    .await
}

/// A settled delivery, before it is reported.
enum Settled<T> {
    Passed(Handled<T>),
    Answered(Answer),
}

impl<T> Settled<T> {
    fn refused(rejection: Rejection) -> Self {
        Self::Answered(Answer::Refused(rejection))
    }
}

impl Once {
    /// Claims the event, waiting a moment where a first delivery is under way.
    async fn admit(
        &self,
        receiver: &Receiver,
        runtime: &impl Runtime,
        delivery: Delivery,
    ) -> Result<(Delivery, Lease), Answer> {
        match self.claim(receiver, delivery).await {
            Admission::New(delivery, lease) => Ok((delivery, lease)),
            Admission::InFlight(delivery, retry_after) => self.wait(receiver, runtime, delivery, retry_after).await,
            Admission::Answered(answer) => Err(answer),
        }
    }

    async fn claim(&self, receiver: &Receiver, delivery: Delivery) -> Admission {
        let request = ClaimRequest {
            scope: delivery.scope(),
            key: delivery.key(),
            fingerprint: delivery.fingerprint(),
            lease_time: self.lease_time,
            retention: self.retention,
            on_expired: self.on_expired,
            note: note(&delivery),
        };
        match self.store.claim(&request).await {
            Ok(Claim::Won(lease)) => Admission::New(delivery, lease),
            Ok(Claim::InFlight { retry_after }) => Admission::InFlight(delivery, retry_after),
            Ok(Claim::Duplicate(outcome)) => Admission::Answered(self.settled_answer(outcome, true)),
            Ok(Claim::Conflict(outcome)) => Admission::Answered(self.settled_answer(outcome, false)),
            Err(error) => Admission::Answered(unavailable(receiver, "claim", error)),
        }
    }

    /// Waits for the first delivery: woken when it settles in this process, and looking at the row at growing
    /// intervals in case it settles in another.
    async fn wait(
        &self,
        receiver: &Receiver,
        runtime: &impl Runtime,
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
            first(place.settled.fired(), runtime.sleep(pause.min(left))).await;
            pause *= 2;
            let record = self.store.get(scope, key).await.map_err(|error| unavailable(receiver, "get", error))?;
            let Some(record) = record.filter(|record| record.state != State::Ready) else {
                let Some(delivery) = kept else { return Err(in_flight(Duration::ZERO)) };
                return match self.claim(receiver, delivery).await {
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
    fn settled_answer(&self, outcome: Outcome, same_body: bool) -> Answer {
        match (outcome, same_body) {
            (Outcome::Dead, _) => Answer::Refused(Rejection::HandlerFailed { how: Failure::Dead }),
            (Outcome::Completed, true) => Answer::Duplicate,
            (Outcome::Completed, false) if self.refuse_conflicts => Answer::Refused(Rejection::Conflict),
            (Outcome::Completed, false) => Answer::Conflict,
        }
    }
}

fn in_flight(retry_after: Duration) -> Answer {
    Answer::Refused(Rejection::InFlight { retry_after })
}

fn unavailable(receiver: &Receiver, operation: &'static str, error: StoreError) -> Answer {
    receiver.observe_store_error(operation, &error);
    Answer::Refused(Rejection::store(error))
}

/// The event in words, for people who list the store.
fn note(delivery: &Delivery) -> Note {
    let event_type = delivery.event_type().unwrap_or("event");
    Note::new(match delivery.event_id() {
        Some(id) => format!("{} {event_type} {id}", delivery.endpoint()),
        None => format!("{} {event_type}", delivery.endpoint()),
    })
}
