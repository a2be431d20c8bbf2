//! The middleware's future.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::Error;
use actix_web::body::EitherBody;
use actix_web::dev::ServiceResponse;

/// What every service of actix-web's ends with.
pub(crate) type Response<B> = Result<ServiceResponse<B>, Error>;

/// The response to one request.
pub struct ResponseFuture<B> {
    // Boxed: reading, verifying and waiting for a task are one state machine that has no name.
    future: Pin<Box<dyn Future<Output = Response<EitherBody<B>>>>>,
}

impl<B> ResponseFuture<B> {
    pub(crate) fn new(future: impl Future<Output = Response<EitherBody<B>>> + 'static) -> Self {
        Self { future: Box::pin(future) }
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
        self.future.as_mut().poll(cx)
    }
}
