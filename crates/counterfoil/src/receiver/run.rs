//! What surrounds the handler: its time limit, its panics, and the settling of its event. Written once, for every
//! runtime.

use std::future::{Future, Pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use http::StatusCode;

use super::activity::Running;
use super::admit::{ask, failed, in_flight, unavailable};
use super::heartbeat::{Limit, is_long};
use super::observe::Ending;
use super::signal::first;
use super::{Answer, Once, Received, Receiver, Timings};
use crate::delivery::Facts;
use crate::idempotency::{BoxFuture, Fence, Fenced, Lease, Note, Outcome, State, Store, StoreError};
use crate::rejection::Failure;
use crate::time::monotonic;
use crate::verifier::{Stale, Verified};
use crate::{Delivery, Rejection};

/// What the receiver needs of a runtime. Each adapter supplies it in a few lines.
pub trait Runtime: Clone + Send + Sync + 'static {
    /// Ready after `duration`, whatever else the task it is polled in has used up.
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

/// How a handler's run ended.
pub(super) enum Ran<T> {
    Finished(Handled<T>),
    Panicked,
    /// It ended without a response, unasked.
    Unanswered,
    TimedOut,
    /// The event is not the handler's any more; with the answer for that.
    LostLease(Answer),
    Stopped,
}

/// What a run means for its event, and for the sender.
enum Settlement<T> {
    Complete(Handled<T>),
    Release(Result<Handled<T>, Answer>),
    Bury(Reject),
}

impl<T> Settlement<T> {
    fn of(ran: Ran<T>) -> Self {
        match ran {
            Ran::Finished(Handled { reject: Some(reject), .. }) => Self::Bury(reject),
            Ran::Finished(handled) => match handled.status.as_u16() {
                200..300 => Self::Complete(handled),
                400.. => Self::Release(Ok(handled)),
                _ => Self::Release(Err(failed(Failure::Redirected))),
            },
            Ran::Panicked => Self::Release(Err(failed(Failure::Panicked))),
            Ran::Unanswered => Self::Release(Err(failed(Failure::Unanswered))),
            Ran::TimedOut => Self::Release(Err(failed(Failure::TimedOut))),
            // Frees an event only whose lease has passed without anybody taking it: releasing is fenced.
            Ran::LostLease(answer) => Self::Release(Err(answer)),
            Ran::Stopped => Self::Release(Err(Answer::Refused(Rejection::ShuttingDown))),
        }
    }
}

impl Receiver {
    /// Takes a verified delivery to its end: claims the event, runs `handler`, settles, and says what to
    /// answer.
    ///
    /// Bring it to its end, in a task of its own at the latest when nobody waits for it any more: a sender that hangs up
    /// must not cancel it. If it is dropped all the same, the event becomes claimable when its lease has passed.
    pub fn process<R, H, F, T>(self, runtime: R, received: Received, handler: H) -> impl Future<Output = Processed<T>>
    where
        R: Runtime,
        H: FnOnce(Delivery, Context) -> F,
        F: Future<Output = Handled<T>>,
    {
        let handler = |delivery, context| {
            let handled = handler(delivery, context);
            async move { Some(handled.await) }
        };
        // Not an `async fn`: that would put one more state machine around it, and move it once more.
        self.process_by(runtime, received, Handler { call: handler, stopping: Stopping::Drop })
    }

    /// As [`process`](Self::process), for a handler that cannot be dropped, such as one in a thread or in another
    /// runtime's task. It is asked to stop, by a call of `stop`, and then awaited to its end, however long that takes:
    /// its event is never given away while it runs, except where its lease passes, because it is extended no more.
    ///
    /// What it did after it was asked still counts: a handler that finishes completes its event if nobody has taken
    /// that over. `None` says that it stopped as it was asked, or that it failed without a response.
    pub async fn process_to_end<R, S, H, F, T>(
        self,
        runtime: R,
        received: Received,
        stop: S,
        handler: H,
    ) -> Processed<T>
    where
        R: Runtime,
        S: FnOnce() + Send,
        H: FnOnce(Delivery, Context) -> F,
        F: Future<Output = Option<Handled<T>>>,
    {
        let stopping = Stopping::Ask(Box::new(stop));
        self.process_by(runtime, received, Handler { call: handler, stopping }).await
    }

    /// Catches what is not the handler's: a panic of the store, or one of ours. Nobody can say what became of the event then,
    /// so the sender keeps it.
    async fn process_by<R, H, F, T>(self, runtime: R, received: Received, handler: Handler<'_, H>) -> Processed<T>
    where
        R: Runtime,
        H: FnOnce(Delivery, Context) -> F,
        F: Future<Output = Option<Handled<T>>>,
    {
        let mut process = pin!(self.admit_and_handle(runtime, received, handler));
        poll_fn(|cx| {
            catch_unwind(AssertUnwindSafe(|| process.as_mut().poll(cx))).unwrap_or_else(|_| {
                let error = StoreError::Broken { source: "a panic that was not the handler's".into() };
                Poll::Ready(Processed::Answered(unavailable(&self, "process", error)))
            })
        })
        .await
    }

    async fn admit_and_handle<R, H, F, T>(
        &self,
        runtime: R,
        received: Received,
        handler: Handler<'_, H>,
    ) -> Processed<T>
    where
        R: Runtime,
        H: FnOnce(Delivery, Context) -> F,
        F: Future<Output = Option<Handled<T>>>,
    {
        // The future of an ordinary delivery is moved a few times: what is rare is boxed, to keep it small.
        let Received { verified, mut timings } = received;
        let Some(running) = self.inner.activity.begin() else {
            return Processed::Answered(self.refuse(Rejection::ShuttingDown));
        };
        let delivery = match verified {
            Verified::Fresh(delivery) => delivery,
            Verified::Stale(stale) => {
                return Processed::Answered(Box::pin(self.look_up(&runtime, stale, &timings)).await);
            }
            Verified::Ask(check) => match Box::pin(self.ask_sender(&runtime, &running, check, &mut timings)).await {
                Ok(delivery) => delivery,
                Err(rejection) => return Processed::Answered(self.refuse(rejection)),
            },
            Verified::Challenge(text) => return Processed::Answered(self.answer(Answer::Challenge(text))),
        };
        match &self.inner.once {
            None => self.pass(&runtime, &running, delivery, timings, handler).await,
            Some(once) => {
                let facts = delivery.facts().clone();
                match once.admit(self, &runtime, &running, delivery).await {
                    Ok(won) => self.handle(once, &runtime, &running, won, timings, handler).await,
                    Err(answer) => {
                        self.observe(Some(&facts), Ending::Answered { answer: &answer, attempt: 0 }, &timings);
                        Processed::Answered(answer)
                    }
                }
            }
        }
    }

    /// A delivery too old to be handled is a late retry if its event was completed: saying so loses nothing,
    /// and stops the sender.
    async fn look_up(&self, runtime: &impl Runtime, stale: Stale, timings: &Timings) -> Answer {
        let facts = stale.delivery().facts().clone();
        let answer = match &self.inner.once {
            None => Answer::Refused(stale.into_rejection()),
            Some(once) => match ask(runtime, once.store.get(facts.scope, facts.key)).await {
                Ok(Some(record)) if record.state == State::Done => {
                    let same_body = record.fingerprint == stale.delivery().fingerprint();
                    once.settled_answer(Outcome::Completed, same_body)
                }
                Ok(_) => Answer::Refused(stale.into_rejection()),
                Err(error) => unavailable(self, "get", error),
            },
        };
        self.observe(Some(&facts), Ending::Answered { answer: &answer, attempt: 0 }, timings);
        answer
    }

    /// Without a store there is nothing to claim and nothing to settle. The answers are the same.
    async fn pass<H, F, T>(
        &self,
        runtime: &impl Runtime,
        running: &Running,
        delivery: Delivery,
        mut timings: Timings,
        handler: Handler<'_, H>,
    ) -> Processed<T>
    where
        H: FnOnce(Delivery, Context) -> F,
        F: Future<Output = Option<Handled<T>>>,
    {
        let facts = delivery.facts().clone();
        let context = Context { fence: None, deadline: self.deadline(&timings) };
        let started = monotonic();
        let limit = self.inner.handler_time;
        let Handler { call, stopping } = handler;
        let handler = Box::pin(async move { call(delivery, context).await });
        let ran = run(runtime, running, limit, None::<Pin<Box<Pending<_>>>>, stopping, handler).await;
        timings.handle = Some(started.elapsed());
        let settled = match Settlement::of(ran) {
            Settlement::Complete(handled) => Ok(handled),
            Settlement::Release(outcome) => outcome,
            Settlement::Bury(_) => Err(failed(Failure::Dead)),
        };
        self.report(&facts, settled, 1, &timings)
    }

    /// Runs the handler under its lease, and settles.
    async fn handle<H, F, T>(
        &self,
        once: &Once,
        runtime: &impl Runtime,
        running: &Running,
        (delivery, mut lease): (Delivery, Lease),
        mut timings: Timings,
        handler: Handler<'_, H>,
    ) -> Processed<T>
    where
        H: FnOnce(Delivery, Context) -> F,
        F: Future<Output = Option<Handled<T>>>,
    {
        let facts = delivery.facts().clone();
        let fence = lease.fence();
        let context = Context { fence: Some(fence), deadline: self.deadline(&timings) };
        let declared = self.inner.handler_time.unwrap_or(Duration::MAX);
        let long = self.inner.handler_time.is_some_and(|limit| is_long(limit, once.lease_time));
        let limit = if long { declared } else { declared.min(once.time_left(&lease)) };
        let keep = long.then(|| Box::pin(self.keep(once, runtime, &mut lease)));
        let started = monotonic();
        let Handler { call, stopping } = handler;
        let handler = Box::pin(async move { call(delivery, context).await });
        let ran = run(runtime, running, Some(limit), keep, stopping, handler).await;
        timings.handle = Some(started.elapsed());
        let started = monotonic();
        let settled = self.settle(once, runtime, running, lease, ran).await;
        once.waiters.wake((fence.scope, fence.key));
        timings.settle = Some(started.elapsed());
        self.report(&facts, settled, fence.attempt, &timings)
    }

    fn report<T>(
        &self,
        facts: &Facts,
        settled: Result<Handled<T>, Answer>,
        attempt: u32,
        timings: &Timings,
    ) -> Processed<T> {
        match settled {
            Ok(handled) => {
                let status = handled.status.as_u16();
                self.observe(Some(facts), Ending::Handled { status, attempt }, timings);
                Processed::Passed(handled.response)
            }
            Err(answer) => {
                self.observe(Some(facts), Ending::Answered { answer: &answer, attempt }, timings);
                Processed::Answered(answer)
            }
        }
    }

    fn deadline(&self, timings: &Timings) -> Option<Instant> {
        timings.head_at.checked_add(self.inner.verifier.sender().timing.deadline?)
    }

    /// The handler's own response goes out, or the answer in its place.
    async fn settle<T>(
        &self,
        once: &Once,
        runtime: &impl Runtime,
        running: &Running,
        lease: Lease,
        ran: Ran<T>,
    ) -> Result<Handled<T>, Answer> {
        match Settlement::of(ran) {
            Settlement::Complete(handled) => self.complete(once, runtime, running, lease, handled).await,
            Settlement::Release(outcome) => {
                self.release(once, runtime, &lease).await;
                outcome
            }
            Settlement::Bury(reject) => {
                match ask(runtime, lease.bury(&once.store, reject.reason())).await {
                    Ok(Fenced::Applied) => {}
                    Ok(Fenced::Lost) => Box::pin(self.after_loss(once, runtime, lease.fence())).await?,
                    Err(error) => self.observe_store_error("dead", &error),
                }
                Err(failed(Failure::Dead))
            }
        }
    }

    async fn release(&self, once: &Once, runtime: &impl Runtime, lease: &Lease) {
        // A lost lease needs no release, and where the store is down the event is claimable once it has passed.
        if let Err(error) = ask(runtime, lease.release(&once.store)).await {
            self.observe_store_error("release", &error);
        }
    }

    async fn complete<T>(
        &self,
        once: &Once,
        runtime: &impl Runtime,
        running: &Running,
        lease: Lease,
        handled: Handled<T>,
    ) -> Result<Handled<T>, Answer> {
        match ask(runtime, lease.complete(&once.store)).await {
            Ok(Fenced::Applied) => Ok(handled),
            Ok(Fenced::Lost) => Box::pin(self.after_loss(once, runtime, lease.fence())).await.map(|()| handled),
            // The effect has happened: a refusal now would cause the very repeat that it is meant to prevent.
            Err(error) => {
                self.observe_store_error("complete", &error);
                let task = self.clone().keep_completing(once.store.clone(), runtime.clone(), running.also(), lease);
                runtime.spawn(Box::pin(task));
                Ok(handled)
            }
        }
    }

    /// What became of an event that could not be settled or kept under `fence`. Nothing went wrong if it was
    /// completed under it before, inside the handler's own transaction.
    pub(super) async fn after_loss(&self, once: &Once, runtime: &impl Runtime, fence: Fence) -> Result<(), Answer> {
        let record = ask(runtime, once.store.get(fence.scope, fence.key)).await;
        let record = record.map_err(|error| unavailable(self, "get", error))?;
        if let Some(record) = &record
            && record.state == State::Done
            && record.token == fence.token
        {
            return Ok(());
        }
        self.observe_lost_lease(&fence);
        match record {
            Some(record) if record.state == State::Done => Err(Answer::Duplicate),
            record => Err(in_flight(record.map_or(Duration::ZERO, |record| record.lease_left))),
        }
    }

    /// Tries to complete until the lease has passed, when a retry may have taken over, or until a shutdown's
    /// grace is over.
    async fn keep_completing(self, store: Arc<dyn Store>, runtime: impl Runtime, running: Running, lease: Lease) {
        let fence = lease.fence();
        let mut stop = running.stop();
        let mut pause = Duration::from_millis(50);
        while monotonic() < lease.until() && !running.is_stopped() {
            let left = lease.until().saturating_duration_since(monotonic());
            first(runtime.sleep(pause.min(left)), stop.fired()).await;
            pause = (pause * 2).min(Duration::from_secs(5));
            match ask(&runtime, lease.complete(&store)).await {
                Ok(Fenced::Applied | Fenced::Lost) => {
                    if let Some(once) = &self.inner.once {
                        once.waiters.wake((fence.scope, fence.key));
                    }
                    return;
                }
                Err(error) => self.observe_store_error("complete", &error),
            }
        }
        tracing::error!(target: "counterfoil", key = %fence.key, "an event was handled and could not be completed: a later retry will handle it again");
    }
}

/// A handler, and how it is stopped.
struct Handler<'a, H> {
    call: H,
    stopping: Stopping<'a>,
}

/// How a handler is stopped.
enum Stopping<'a> {
    /// By dropping it.
    Drop,
    /// By this call, once; then it is awaited to its end.
    Ask(Box<dyn FnOnce() + Send + 'a>),
    /// It was asked.
    Asked,
}

/// Runs the handler to its end, its panic, its time limit, the end of `keep`, or the end of a shutdown's grace. One that
/// can only be asked to stop runs to its end in any case.
async fn run<T>(
    runtime: &impl Runtime,
    running: &Running,
    limit: Option<Duration>,
    mut keep: Option<Pin<Box<impl Future<Output = Ran<T>>>>>,
    mut stopping: Stopping<'_>,
    mut handler: Pin<Box<impl Future<Output = Option<Handled<T>>>>>,
) -> Ran<T> {
    let mut limit = limit.map(Limit::new);
    let mut stop = None;
    let mut over = None;
    let ran = poll_fn(|cx| {
        if over.is_none() {
            over = if limit.as_ref().is_some_and(Limit::is_over) {
                Some(Ran::TimedOut)
            } else if running.is_stopped() {
                Some(Ran::Stopped)
            } else {
                // Ahead of the handler, which may use up what the runtime grants a task at one time.
                match keep.as_mut().map(|keep| keep.as_mut().poll(cx)) {
                    Some(Poll::Ready(ran)) => Some(ran),
                    Some(Poll::Pending) | None => None,
                }
            };
        }
        loop {
            if over.is_some() {
                match std::mem::replace(&mut stopping, Stopping::Asked) {
                    Stopping::Drop => return over.take().map_or(Poll::Pending, Poll::Ready),
                    Stopping::Ask(ask) => ask(),
                    Stopping::Asked => {}
                }
            }
            // The handler's state is not touched again after a panic: it is only dropped.
            match catch_unwind(AssertUnwindSafe(|| handler.as_mut().poll(cx))) {
                Err(_) => return Poll::Ready(Ran::Panicked),
                Ok(Poll::Ready(Some(handled))) => return Poll::Ready(Ran::Finished(handled)),
                Ok(Poll::Ready(None)) => return Poll::Ready(over.take().unwrap_or(Ran::Unanswered)),
                Ok(Poll::Pending) => {}
            }
            if over.is_some() {
                return Poll::Pending;
            }
            // A handler that never waits has cost neither a subscription nor a timer.
            let stop = stop.get_or_insert_with(|| running.stop());
            over = if running.is_stopped() || stop.poll_fired(cx).is_ready() {
                Some(Ran::Stopped)
            } else if limit.as_mut().is_some_and(|limit| limit.poll_over(runtime, cx).is_ready()) {
                Some(Ran::TimedOut)
            } else {
                return Poll::Pending;
            };
        }
    })
    .await;
    // Its destructors are the handler's code too, and may panic like the rest of it.
    match catch_unwind(AssertUnwindSafe(|| drop(handler))) {
        Ok(()) => ran,
        Err(_) => Ran::Panicked,
    }
}
