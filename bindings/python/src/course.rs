//! One delivery's way through the engine, from its claim to its settlement, with the Python handler in between.
//!
//! The engine's future is polled where it is quickest. The thread that brings a delivery, or settles it, polls at once: with
//! a store in memory, or none, that is all, and no other thread learns of it. What has to wait is woken on the runtime.

use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context as TaskContext, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use counterfoil::idempotency::BoxFuture;
use counterfoil::receiver::{Answer, Context, Handled, Processed, Received, Reject};
use counterfoil::{Delivery, Receiver, Rejection};
use http::StatusCode;
use pyo3::prelude::*;
use tokio::runtime::Handle;

use crate::completion::{Letter, Letters, Slot};
use crate::outcome::Outcome;
use crate::process::PerProcess;
use crate::runtime::Tokio;

/// Settlements under way, which the interpreter's exit waits for.
static SETTLING: PerProcess<AtomicUsize> = PerProcess::new();

/// One delivery.
pub(crate) struct Course {
    /// A fork takes a copy along, which must not touch what the parent still uses.
    process: u32,
    engine: Mutex<Option<BoxFuture<'static, ()>>>,
    runtime: Handle,
    /// For what the claim came to, a lease or an answer. Left at once: a lease leads back here.
    admitted: Mutex<Option<Arc<Slot>>>,
    /// What the settlement came to.
    ended: Arc<Slot>,
    handler: Mutex<Handler>,
}

/// What the engine and the handler tell each other.
#[derive(Default)]
struct Handler {
    has_settled: bool,
    verdict: Option<Verdict>,
    waker: Option<Waker>,
    must_stop: bool,
    on_stop: Vec<(Weak<Letters>, Py<PyAny>)>,
}

/// What a handler made of its delivery: a status, unless it never came to an end of its own.
type Verdict = Option<Handled<()>>;

impl Course {
    /// Lets the engine process what was received, as far as it goes without waiting.
    pub(crate) fn begin(receiver: Receiver, runtime: Handle, received: Received) -> Arc<Slot> {
        let admitted = Arc::<Slot>::default();
        let course = Arc::new_cyclic(|course: &Weak<Self>| Self {
            process: std::process::id(),
            engine: Mutex::new(Some(Box::pin(process(course.clone(), receiver, Tokio(runtime.clone()), received)))),
            runtime,
            admitted: Mutex::new(Some(admitted.clone())),
            ended: Arc::default(),
            handler: Mutex::default(),
        });
        course.step();
        admitted
    }

    /// Polls the engine once. Nothing in there waits for the interpreter, whether or not this thread has it.
    fn step(self: &Arc<Self>) {
        let mut engine = self.engine.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(future) = engine.as_mut() else { return };
        let _context = self.runtime.enter();
        if future.as_mut().poll(&mut TaskContext::from_waker(&Waker::from(self.clone()))).is_ready() {
            let ended = engine.take();
            drop(engine);
            // Both lead back here, and would keep this alive for ever. Let go with no lock held: what goes with a callback
            // may run code of the application's.
            let gone = {
                let mut handler = self.handler();
                (handler.waker.take(), std::mem::take(&mut handler.on_stop))
            };
            drop((ended, gone));
        }
    }

    fn offer(self: &Arc<Self>, delivery: Delivery, context: Context) {
        self.admit(Outcome::Offered(Arc::new(Held { course: self.clone(), delivery, context })));
    }

    fn admit(&self, outcome: Outcome) {
        let slot = self.admitted.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(slot) = slot {
            slot.fill(outcome);
        }
    }

    fn poll_verdict(&self, cx: &TaskContext<'_>) -> Poll<Verdict> {
        let mut handler = self.handler();
        match handler.verdict.take() {
            Some(verdict) => Poll::Ready(verdict),
            None => {
                handler.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Takes the handler's verdict; false where there was one before.
    fn settle(&self, verdict: Verdict) -> bool {
        let mut handler = self.handler();
        let is_first = !std::mem::replace(&mut handler.has_settled, true);
        if is_first {
            SETTLING.get().fetch_add(1, Ordering::SeqCst);
            handler.verdict = Some(verdict);
        }
        is_first
    }

    fn ask_to_stop(&self) {
        let callbacks = {
            let mut handler = self.handler();
            handler.must_stop = true;
            std::mem::take(&mut handler.on_stop)
        };
        for (letters, callback) in callbacks {
            if let Some(letters) = letters.upgrade() {
                letters.post(Letter::Call(callback));
            }
        }
    }

    fn end(&self, processed: Processed<()>) {
        let outcome = match processed {
            Processed::Passed(()) => Outcome::Nothing,
            Processed::Answered(answer) => Outcome::Answered(answer),
        };
        if self.handler().has_settled {
            SETTLING.get().fetch_sub(1, Ordering::SeqCst);
        }
        self.admit(outcome.clone());
        self.ended.fill(outcome);
    }

    fn handler(&self) -> MutexGuard<'_, Handler> {
        self.handler.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Course {
    fn wake(self: Arc<Self>) {
        let runtime = self.runtime.clone();
        runtime.spawn(async move { self.step() });
    }
}

async fn process(course: Weak<Course>, receiver: Receiver, runtime: Tokio, received: Received) {
    let (stopped, offered) = (course.clone(), course.clone());
    let stop = move || {
        if let Some(course) = stopped.upgrade() {
            course.ask_to_stop();
        }
    };
    let handle = move |delivery, context| {
        if let Some(course) = offered.upgrade() {
            course.offer(delivery, context);
        }
        poll_fn(move |cx| offered.upgrade().map_or(Poll::Ready(None), |course| course.poll_verdict(cx)))
    };
    let processed = receiver.process_to_end(runtime, received, stop, handle).await;
    if let Some(course) = course.upgrade() {
        course.end(processed);
    }
}

/// A delivery that waits for its verdict. Given up without one, its event is released.
pub(crate) struct Held {
    course: Arc<Course>,
    pub(crate) delivery: Delivery,
    pub(crate) context: Context,
}

impl Held {
    /// Settles, as far as it goes without waiting. A second settlement comes to what the first one came to, and one by a
    /// forked child to nothing: the delivery is its parent's.
    pub(crate) fn settle(&self, status: Option<StatusCode>, reject: Option<String>) -> Arc<Slot> {
        if !self.is_ours() {
            return Slot::filled(Outcome::Answered(Answer::Refused(Rejection::ShuttingDown)));
        }
        let reject = reject.map(Reject::new);
        if self.course.settle(status.map(|status| Handled { status, reject, response: () })) {
            self.course.step();
        }
        self.course.ended.clone()
    }

    /// Completes the event.
    pub(crate) fn complete(&self) -> Arc<Slot> {
        self.settle(Some(StatusCode::OK), None)
    }

    /// Gives the event back.
    pub(crate) fn release(&self) -> Arc<Slot> {
        self.settle(None, None)
    }

    /// Buries the event.
    pub(crate) fn bury(&self, reason: String) -> Arc<Slot> {
        self.settle(Some(StatusCode::INTERNAL_SERVER_ERROR), Some(reason))
    }

    fn is_ours(&self) -> bool {
        self.course.process == std::process::id()
    }

    pub(crate) fn must_stop(&self) -> bool {
        self.course.handler().must_stop
    }

    /// Has `callback` called by the loop of `letters` when the handler has to stop, which may be now.
    pub(crate) fn on_stop(&self, letters: &Arc<Letters>, callback: Py<PyAny>) {
        let mut handler = self.course.handler();
        if handler.must_stop {
            drop(handler);
            letters.post(Letter::Call(callback));
        } else if !handler.has_settled {
            handler.on_stop.push((Arc::downgrade(letters), callback));
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if !self.is_ours() {
            std::mem::forget(self.course.clone());
        } else if self.course.settle(None) {
            // Not here: this may be the engine's own poll, which has let an outcome go that nobody waits for.
            self.course.clone().wake();
        }
    }
}

/// Lets settlements that are under way come to their end, for at most `longest`.
#[pyfunction]
pub(crate) fn flush(py: Python<'_>, longest: Duration) {
    const PAUSE: Duration = Duration::from_millis(2);
    let settling = SETTLING.get();
    py.detach(|| {
        let began = Instant::now();
        while settling.load(Ordering::SeqCst) > 0 && began.elapsed() < longest {
            std::thread::sleep(PAUSE);
        }
    });
}
