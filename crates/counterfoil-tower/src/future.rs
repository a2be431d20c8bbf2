//! The layer's future: read the request, then handle the event.

use std::fmt;
use std::future::Future;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project_lite::pin_project;
use tokio::runtime::Handle;
use tracing::{Instrument, Span};

use crate::ResponseBody;

/// The response to one request. Where it is dropped early, because the sender hung up or a time limit outside us was
/// over, a request that is being read ends there, and a handler that has begun goes on in a task of its own.
pub struct ResponseFuture<B, E> {
    stages: Option<BoxedStages<Outcome<B, E>>>,
}

/// What every service of ours ends with.
pub(crate) type Outcome<B, E> = Result<Response<ResponseBody<B>>, E>;

impl<B, E> ResponseFuture<B, E> {
    /// Reads, and then does what `reading` says: answers, or handles.
    pub(crate) fn new<R, H>(reading: R) -> Self
    where
        R: Future<Output = ControlFlow<Outcome<B, E>, H>> + Send + 'static,
        H: Future<Output = Outcome<B, E>> + Send + 'static,
        B: Send + 'static,
        E: Send + 'static,
    {
        Self { stages: Some(Box::pin(Stage::Reading { reading })) }
    }
}

impl<B, E> fmt::Debug for ResponseFuture<B, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

impl<B, E> Future for ResponseFuture<B, E> {
    type Output = Outcome<B, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let stages = self.stages.as_mut().expect("polled after it was ready");
        let outcome = ready!(stages.as_mut().poll(cx));
        self.stages = None;
        Poll::Ready(outcome)
    }
}

impl<B, E> Drop for ResponseFuture<B, E> {
    fn drop(&mut self) {
        if let Some(stages) = self.stages.take() {
            stages.leave();
        }
    }
}

/// Boxed, because reading, verifying and handling are one state machine that has no name.
type BoxedStages<T> = Pin<Box<dyn Stages<Output = T>>>;

trait Stages: Future + Send {
    /// Goes on without whoever has waited so far, if a handler has begun.
    fn leave(self: Pin<Box<Self>>);
}

pin_project! {
    #[project = StageProject]
    enum Stage<R, H> {
        Reading { #[pin] reading: R },
        // With where it goes on, and the span that it began in. Dropped elsewhere, it finds neither there.
        Handling { #[pin] handling: H, runtime: Handle, span: Span },
    }
}

impl<R, H> Future for Stage<R, H>
where
    R: Future<Output = ControlFlow<H::Output, H>>,
    H: Future,
{
    type Output = H::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<H::Output> {
        if let StageProject::Reading { reading } = self.as_mut().project() {
            match ready!(reading.poll(cx)) {
                ControlFlow::Break(outcome) => return Poll::Ready(outcome),
                ControlFlow::Continue(handling) => {
                    self.set(Self::Handling { handling, runtime: Handle::current(), span: Span::current() });
                }
            }
        }
        match self.project() {
            StageProject::Handling { handling, .. } => handling.poll(cx),
            StageProject::Reading { .. } => unreachable!("what was read is handled"),
        }
    }
}

impl<R, H> Stages for Stage<R, H>
where
    R: Future<Output = ControlFlow<H::Output, H>> + Send + 'static,
    H: Future<Output: Send> + Send + 'static,
{
    fn leave(mut self: Pin<Box<Self>>) {
        if let StageProject::Handling { runtime, span, .. } = self.as_mut().project() {
            let (runtime, span) = (runtime.clone(), span.clone());
            // A runtime that is going down drops it.
            runtime.spawn(self.instrument(span));
        }
    }
}
