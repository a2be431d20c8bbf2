//! The middleware's future: read the request, then handle the event.

use std::fmt;
use std::future::Future;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::body::EitherBody;
use actix_web::dev::ServiceResponse;
use actix_web::{Error, rt};
use pin_project_lite::pin_project;
use tokio::runtime::Handle;
use tracing::{Instrument, Span};

/// What every service of actix-web's ends with.
pub(crate) type Response<B> = Result<ServiceResponse<B>, Error>;

/// The response to one request. Where it is dropped early, because the sender hung up or a time limit outside us was
/// over, a request that is being read ends there, and a handler that has begun goes on in a task of its own.
pub struct ResponseFuture<B> {
    stages: Option<BoxedStages<Response<EitherBody<B>>>>,
}

impl<B> ResponseFuture<B> {
    /// Reads, and then does what `reading` says: answers, or handles.
    pub(crate) fn new<R, H>(reading: R) -> Self
    where
        R: Future<Output = ControlFlow<Response<EitherBody<B>>, H>> + 'static,
        H: Future<Output = Response<EitherBody<B>>> + 'static,
        B: 'static,
    {
        Self { stages: Some(Box::pin(Stage::Reading { reading })) }
    }
}

impl<B> fmt::Debug for ResponseFuture<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

impl<B> Future for ResponseFuture<B> {
    type Output = Response<EitherBody<B>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let stages = self.stages.as_mut().expect("polled after it was ready");
        let response = ready!(stages.as_mut().poll(cx));
        self.stages = None;
        Poll::Ready(response)
    }
}

impl<B> Drop for ResponseFuture<B> {
    fn drop(&mut self) {
        if let Some(stages) = self.stages.take() {
            stages.leave();
        }
    }
}

/// Boxed, because reading, verifying and handling are one state machine that has no name.
type BoxedStages<T> = Pin<Box<dyn Stages<Output = T>>>;

trait Stages: Future {
    /// Goes on without whoever has waited so far, if a handler has begun.
    fn leave(self: Pin<Box<Self>>);
}

pin_project! {
    #[project = StageProject]
    enum Stage<R, H> {
        Reading { #[pin] reading: R },
        // With the span that it began in. Dropped elsewhere, it does not find it there.
        Handling { #[pin] handling: H, span: Span },
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
                ControlFlow::Break(response) => return Poll::Ready(response),
                ControlFlow::Continue(handling) => self.set(Self::Handling { handling, span: Span::current() }),
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
    R: Future<Output = ControlFlow<H::Output, H>> + 'static,
    H: Future + 'static,
{
    fn leave(mut self: Pin<Box<Self>>) {
        let StageProject::Handling { span, .. } = self.as_mut().project() else { return };
        let span = span.clone();
        // A worker that is going down drops it. Outside of one there is nowhere to go on, and no way to ask beforehand:
        // a panic, that of a handler's destructor included, must not leave a destructor. Where panics abort, responses have
        // to be dropped on their worker.
        let _ = catch_unwind(AssertUnwindSafe(|| {
            if Handle::try_current().is_ok() {
                rt::spawn(self.instrument(span));
            }
        }));
    }
}
