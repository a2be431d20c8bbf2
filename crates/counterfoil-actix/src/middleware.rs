//! The middleware: configuration, cheap to clone.

use std::future::{Ready, ready};

use actix_web::Error;
use actix_web::body::EitherBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use counterfoil::Receiver;

use crate::Webhook;

/// Puts a [`Receiver`] in front of a resource or a scope. Give each worker a clone of one: see the
/// [crate's documentation](crate).
#[derive(Debug, Clone)]
#[must_use]
pub struct WebhookMiddleware {
    receiver: Receiver,
}

impl WebhookMiddleware {
    /// Middleware that admits what `receiver` admits.
    pub fn new(receiver: Receiver) -> Self {
        Self { receiver }
    }
}

impl<S, B> Transform<S, ServiceRequest> for WebhookMiddleware
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = Webhook<S>;
    type InitError = ();
    type Future = Ready<Result<Webhook<S>, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(Webhook::new(service, self.receiver.clone())))
    }
}
