//! counterfoil as a tower layer: verifies webhooks in front of a service, and hands it each event once.
//!
//! A request reaches the inner service exactly when
//!
//! 1. it is a POST without a content encoding, within the size limit, and arrives in time;
//! 2. its signature is the sender's, over the bytes on the wire, within the tolerance;
//! 3. no earlier delivery of the event was completed, is being handled, or was rejected for good.
//!
//! The inner service then runs **to its end**. A sender that hangs up does not cancel it: whenever the response is
//! dropped early, what is left of the handling goes on in a task of its own, where it finds no task-locals of layers
//! outside. A 2xx completes the event; any other status, a panic, or running out of time gives it back for the next
//! retry.
//!
//! ```
//! # #[cfg(feature = "axum")]
//! # fn app() -> Result<axum::Router, Box<dyn std::error::Error>> {
//! use std::num::NonZeroU32;
//! use axum::{Router, http::StatusCode, routing::post};
//! use counterfoil::{idempotency::MemoryStore, payloads::handl::Order, senders, Receiver, Secret};
//! use counterfoil_tower::{Event, WebhookLayer};
//!
//! async fn order(Event(order): Event<Order>) -> StatusCode {
//!     println!("order {} is {:?}", order.id, order.status);
//!     StatusCode::OK
//! }
//!
//! let receiver = Receiver::builder(senders::HANDL)
//!     .secret(Secret::new("whsec_example_0123")?)
//!     .store(MemoryStore::new(NonZeroU32::new(1_000_000).ok_or("not zero")?))
//!     .build()?;
//! let app = Router::new().route("/webhooks/handl", post(order).layer(WebhookLayer::new(receiver)));
//! # Ok(app)
//! # }
//! ```
//!
//! Any tower service over `http` 1 will do; the delivery is in the request's extensions:
//!
//! ```
//! use bytes::Bytes;
//! use counterfoil::{senders, Delivery, Receiver, Secret};
//! use counterfoil_tower::{VerifiedBody, WebhookLayer};
//! use http::{Request, Response};
//! use tower::{service_fn, Layer};
//!
//! let receiver = Receiver::builder(senders::AGILED).secret(Secret::new("agiled_secret_example")?).build()?;
//! let service = WebhookLayer::new(receiver).layer(service_fn(|request: Request<VerifiedBody>| async move {
//!     let delivery = request.extensions().get::<Delivery>();
//!     println!("{:?}", delivery.and_then(Delivery::event_type));
//!     Ok::<_, std::convert::Infallible>(Response::new(VerifiedBody::default()))
//! }));
//! # let _ = service;
//! # Ok::<(), counterfoil::ConfigError>(())
//! ```
//!
//! # Order of layers
//! Outermost first: trace, timeout, body limit, **this layer**, handler. Whatever rewrites or
//! decompresses the body before it gets here breaks the signature. Put time limits inside where you can: a
//! timeout outside drops the response, though not the handler. Who is outside polls the response or drops it: kept and
//! left alone, it keeps the handler waiting, and its lease from being extended. While a body arrives, a slot of an inner
//! concurrency limit is held; the receiver's body timeout bounds that.
//!
//! # What the handler finds
//! In the request's extensions: the [`Delivery`](counterfoil::Delivery), a
//! [`Context`](counterfoil::receiver::Context) with the sender's deadline, and, with a store, the
//! [`Fence`](counterfoil::idempotency::Fence) of this attempt. A response with a
//! [`Reject`](counterfoil::receiver::Reject) in its extensions buries the event.
//!
//! # Tenants
//! With the feature `axum`, the path parameters of axum's router are told to
//! [tenants](counterfoil::tenants). On another stack there are none: name the tenant by the request's address or a header.
//!
//! # What layers around find
//! A refusal carries its [`Answer`](counterfoil::receiver::Answer) in the response's extensions: a layer
//! outside can count failures by peer and refuse before verification.

mod body;
#[cfg(feature = "axum")]
mod extract;
mod future;
mod layer;
mod runtime;
mod service;

pub use body::{ResponseBody, VerifiedBody};
#[cfg(feature = "axum")]
pub use extract::{Delivery, Event, EventRejection, MissingLayer};
pub use future::ResponseFuture;
pub use layer::WebhookLayer;
pub use runtime::Tokio;
pub use service::Webhook;
