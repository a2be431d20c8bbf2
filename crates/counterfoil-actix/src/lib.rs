//! counterfoil as actix-web middleware: verifies webhooks in front of a handler, and hands it each event once.
//!
//! Build the receiver **outside** the closure that [`HttpServer::new`](actix_web::HttpServer::new) is given. That
//! closure runs once per worker: a receiver or a store made inside would be one per worker, and a duplicate that meets
//! another worker would be handled again.
//!
//! A request reaches the inner service exactly when
//!
//! 1. it is a POST without a content encoding, within the size limit, and arrives in time;
//! 2. its signature is the sender's, over the bytes on the wire, within the tolerance;
//! 3. no earlier delivery of the event was completed, is being handled, or was rejected for good.
//!
//! The inner service then runs **to its end**, on the worker that received the request. A sender that hangs up does not
//! cancel it: whenever the response is dropped early, what is left of the handling goes on in a task of its own, where
//! it finds no task-locals of middleware outside. A 2xx completes the event; any other status, an error, a panic, or
//! running out of time gives it back for the next retry.
//!
//! ```no_run
//! use std::num::NonZeroU32;
//! use actix_web::{web, App, HttpResponse, HttpServer};
//! use counterfoil::{idempotency::MemoryStore, payloads::handl::Order, senders, Receiver, Secret};
//! use counterfoil_actix::{Event, WebhookMiddleware};
//!
//! async fn order(Event(order): Event<Order>) -> HttpResponse {
//!     println!("order {} is {:?}", order.id, order.status);
//!     HttpResponse::Ok().finish()
//! }
//!
//! # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
//! let receiver = Receiver::builder(senders::HANDL)
//!     .secret(Secret::new("whsec_example_0123")?)
//!     .store(MemoryStore::new(NonZeroU32::new(1_000_000).ok_or("not zero")?))
//!     .build()?;
//! let webhook = WebhookMiddleware::new(receiver);
//! HttpServer::new(move || {
//!     App::new().service(web::resource("/webhooks/handl").wrap(webhook.clone()).route(web::post().to(order)))
//! })
//! .bind(("127.0.0.1", 8080))?
//! .run()
//! .await?;
//! # Ok(())
//! # }
//! ```
//!
//! # What to wrap, and in which order
//! Wrap a [`Resource`](actix_web::Resource), as above, or a [`Scope`](actix_web::Scope): then a path inside it that
//! leads nowhere is answered by the receiver as well. The path parameters that
//! [tenants](counterfoil::tenants) are told by have to be in what is wrapped.
//!
//! Of several `wrap`s on one level **the last is the outermost**, and those of an `App` are outside those of its
//! scopes and resources. Whatever rewrites or decompresses the body before it gets here breaks the signature. Put time
//! limits inside where you can: a timeout outside drops the response, though not the handler. Who is outside polls the
//! response or drops it: kept and left alone, it keeps the handler waiting, and its lease from being extended. Middleware
//! outside must not keep a clone of the `HttpRequest` while it waits: actix-web panics where a request is routed, or
//! given limits, that is held twice.
//!
//! # What the handler finds
//! In the request's extensions, where [`web::ReqData`](actix_web::web::ReqData) looks: the
//! [`Delivery`](counterfoil::Delivery), a [`Context`](counterfoil::receiver::Context) with the sender's deadline, and,
//! with a store, the [`Fence`](counterfoil::idempotency::Fence) of this attempt. A response with a
//! [`Reject`](counterfoil::receiver::Reject) in its extensions buries the event.
//!
//! ```
//! use actix_web::{web, HttpResponse};
//! use counterfoil::{idempotency::Fence, receiver::Reject};
//! use counterfoil_actix::Delivery;
//!
//! async fn handler(delivery: Delivery, fence: web::ReqData<Fence>) -> HttpResponse {
//!     println!("{:?}, attempt {}", delivery.event_type(), fence.attempt);
//!     let mut response = HttpResponse::Gone().finish();
//!     response.extensions_mut().insert(Reject::new("no such customer"));
//!     response
//! }
//! # let _: actix_web::Route = web::post().to(handler);
//! ```
//!
//! The body can be read again: [`Event`] reads the verified bytes, and `web::Bytes`, `web::Json`, `web::Form`, `String`
//! and `web::Payload` find it as it was sent. Their limits are raised to what the receiver has accepted, unless they
//! are set on something inside what is wrapped.
//!
//! # What middleware around finds
//! A refusal carries its [`Answer`](counterfoil::receiver::Answer) in the response's extensions: middleware outside can
//! count failures by peer and refuse before verification. A handler that panics, or is stopped, takes its `HttpRequest`
//! with it, and without one there is no `ServiceResponse`: then middleware outside gets an
//! [`Error`](actix_web::Error), whose [response](actix_web::Error::error_response) is the same answer. An error from
//! inside reaches it under a type of ours, with the response that decided about the event.
//!
//! # Shutting down
//! A server that stops waits for its connections. A handler whose connection is gone is dropped with its worker, and
//! its event is free again only when the lease has passed. Take the signals yourself
//! ([`HttpServer::disable_signals`](actix_web::HttpServer::disable_signals)), and before
//! [`ServerHandle::stop`](actix_web::dev::ServerHandle::stop) call
//! [`Receiver::shutdown`](counterfoil::Receiver::shutdown), which waits for such handlers too.

mod body;
mod convert;
mod error;
mod extract;
mod future;
mod limits;
mod middleware;
mod runtime;
mod service;

pub use extract::{Delivery, Event, EventRejection, MissingMiddleware};
pub use future::ResponseFuture;
pub use middleware::WebhookMiddleware;
pub use service::Webhook;
