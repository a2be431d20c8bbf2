//! Extractors for handlers behind a [`WebhookMiddleware`](crate::WebhookMiddleware).

use std::fmt;
use std::future::{Ready, ready};
use std::ops::Deref;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpMessage, HttpRequest, ResponseError};
use counterfoil::EventError;
use serde::de::DeserializeOwned;

/// The verified delivery.
///
/// ```
/// use actix_web::HttpResponse;
/// use counterfoil_actix::Delivery;
///
/// async fn handler(delivery: Delivery) -> HttpResponse {
///     println!("{:?} {:?}", delivery.event_type(), delivery.event_id());
///     HttpResponse::Ok().finish()
/// }
/// # let _: actix_web::Route = actix_web::web::post().to(handler);
/// ```
#[derive(Debug, Clone)]
pub struct Delivery(pub counterfoil::Delivery);

impl Deref for Delivery {
    type Target = counterfoil::Delivery;

    fn deref(&self) -> &counterfoil::Delivery {
        &self.0
    }
}

impl FromRequest for Delivery {
    type Error = MissingMiddleware;
    type Future = Ready<Result<Self, MissingMiddleware>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(request.extensions().get().cloned().map(Self).ok_or(MissingMiddleware))
    }
}

/// The event's data as `T`, read from the verified bytes. Data of another shape is answered with 422, which
/// gives the event back.
#[derive(Debug, Clone, Copy)]
pub struct Event<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Event<T> {
    type Error = EventRejection;
    type Future = Ready<Result<Self, EventRejection>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let extensions = request.extensions();
        let delivery = extensions.get::<counterfoil::Delivery>().ok_or(EventRejection::MissingMiddleware);
        ready(delivery.and_then(|delivery| delivery.event().map(Self).map_err(shapeless)))
    }
}

fn shapeless(error: EventError) -> EventRejection {
    let reason: &dyn std::error::Error = &error;
    tracing::warn!(target: "counterfoil", error = reason, "the handler asked for another shape of data");
    EventRejection::Event(error)
}

/// The route has no [`WebhookMiddleware`](crate::WebhookMiddleware): 500, because it is our own mistake.
#[derive(Debug, Clone, Copy)]
pub struct MissingMiddleware;

impl fmt::Display for MissingMiddleware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no WebhookMiddleware is in front of this route: nothing was verified")
    }
}

impl std::error::Error for MissingMiddleware {}

// Without a method of its own: 500, and the text above.
impl ResponseError for MissingMiddleware {}

/// Why there is no [`Event`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum EventRejection {
    /// As [`MissingMiddleware`].
    MissingMiddleware,
    /// The data is absent or of another shape: 422.
    Event(EventError),
}

impl fmt::Display for EventRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingMiddleware => MissingMiddleware.fmt(f),
            Self::Event(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for EventRejection {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::MissingMiddleware => None,
            Self::Event(error) => Some(error),
        }
    }
}

impl ResponseError for EventRejection {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::MissingMiddleware => MissingMiddleware.status_code(),
            Self::Event(_) => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }
}
