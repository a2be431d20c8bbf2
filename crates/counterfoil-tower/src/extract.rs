//! Extractors for axum handlers behind a [`WebhookLayer`](crate::WebhookLayer).

use std::fmt;
use std::ops::Deref;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use counterfoil::EventError;
use http::StatusCode;
use http::request::Parts;
use serde::de::DeserializeOwned;

/// The verified delivery.
///
/// ```
/// use axum::http::StatusCode;
/// use counterfoil_tower::Delivery;
///
/// async fn handler(delivery: Delivery) -> StatusCode {
///     println!("{:?} {:?}", delivery.event_type(), delivery.event_id());
///     StatusCode::OK
/// }
/// # let _: axum::routing::MethodRouter = axum::routing::post(handler);
/// ```
#[derive(Debug, Clone)]
pub struct Delivery(pub counterfoil::Delivery);

impl Deref for Delivery {
    type Target = counterfoil::Delivery;

    fn deref(&self) -> &counterfoil::Delivery {
        &self.0
    }
}

impl<S: Sync> FromRequestParts<S> for Delivery {
    type Rejection = MissingLayer;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, MissingLayer> {
        parts.extensions.get().cloned().map(Self).ok_or(MissingLayer)
    }
}

/// The event's data as `T`, read from the verified bytes. Data of another shape is answered with 422, which
/// gives the event back.
#[derive(Debug, Clone, Copy)]
pub struct Event<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Event<T> {
    type Rejection = EventRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, EventRejection> {
        let delivery = parts.extensions.get::<counterfoil::Delivery>().ok_or(EventRejection::MissingLayer)?;
        delivery.event().map(Self).map_err(EventRejection::Event)
    }
}

/// The route has no [`WebhookLayer`](crate::WebhookLayer): 500, because it is our own mistake.
#[derive(Debug, Clone, Copy)]
pub struct MissingLayer;

impl fmt::Display for MissingLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no WebhookLayer is in front of this route: nothing was verified")
    }
}

impl std::error::Error for MissingLayer {}

impl IntoResponse for MissingLayer {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, self.to_string()).into_response()
    }
}

/// Why there is no [`Event`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum EventRejection {
    /// As [`MissingLayer`].
    MissingLayer,
    /// The data is absent or of another shape: 422.
    Event(EventError),
}

impl fmt::Display for EventRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingLayer => MissingLayer.fmt(f),
            Self::Event(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for EventRejection {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::MissingLayer => None,
            Self::Event(error) => Some(error),
        }
    }
}

impl IntoResponse for EventRejection {
    fn into_response(self) -> Response {
        match self {
            Self::MissingLayer => MissingLayer.into_response(),
            Self::Event(error) => {
                let reason: &dyn std::error::Error = &error;
                tracing::warn!(target: "counterfoil", error = reason, "the handler asked for another shape of data");
                (StatusCode::UNPROCESSABLE_ENTITY, error.to_string()).into_response()
            }
        }
    }
}
