//! A whole axum server over loopback, keep-alive, bodies of 1 KiB: see [`counterfoil_benches::load`].
//!
//! Every handler but the inline one is the same function over the whole body. The inline handler reads nothing from the
//! body; the layer reads id, type and time. The row of the opaque body, where it reads nothing either and hashes the
//! body a second time for the key, tells what that costs.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use bytes::Bytes;
use counterfoil::idempotency::MemoryStore;
use counterfoil::receiver::ReceiverBuilder;
use counterfoil::scheme::Sender;
use counterfoil::{Receiver, Secret, senders};
use counterfoil_benches::fixtures::{SECRET, opaque};
use counterfoil_benches::load::{BODY, CONNECTIONS, Load, ROWS, handled};
use counterfoil_benches::{Aim, BoxError, Contest, Extent, Sheet, Unit};
use counterfoil_tower::WebhookLayer;
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::Full;
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tower::ServiceBuilder;
use webhook_verify::Provider;
use webhook_verify::tower::VerifyLayer;

const BARE: &str = "handler that buffers the body";
const INLINE: &str = "handler that checks inline by hand";
const PEER: &str = "webhook-verify's layer";
const VERIFYING: &str = "WebhookLayer, verifying alone";
const OPAQUE: &str = "WebhookLayer, verifying alone, opaque body";
const ONCE: &str = "WebhookLayer, each event once, memory store";

fn main() -> Result<(), BoxError> {
    let extent = Extent::from_args();
    let server = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let bench = Bench { server, load: Load::new(extent)? };
    let contest = Contest::new(format!("axum over loopback, {CONNECTIONS} connections, requests a second"), Unit::Rate)
        .enter(BARE, || bench.round(Router::new().route("/", post(handler))))
        .enter(INLINE, || bench.round(Router::new().route("/", post(inline)).with_state(SECRET.into())))
        .enter(PEER, || bench.round(peer()))
        .ours(VERIFYING, || bench.round(ours(receiver(senders::HANDL)?)?))
        .ours(OPAQUE, || bench.round(ours(receiver(opaque())?)?))
        .ours(ONCE, || bench.round(ours(receiver(senders::HANDL)?.store(MemoryStore::new(ROWS)))?))
        .aim(VERIFYING, Aim::AtLeast(0.98), INLINE)
        .aim(ONCE, Aim::AtLeast(1.0), PEER);
    let mut sheet = Sheet::new(extent);
    sheet.contest(contest.run(extent, 41)?)?;
    sheet.finish()
}

async fn handler(body: Bytes) -> StatusCode {
    if body.len() == BODY {
        handled();
    }
    StatusCode::OK
}

/// What people write by hand.
async fn inline(State(secret): State<Arc<str>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let Some(tag) = headers.get("x-handl-signature").and_then(|value| hex::decode(value.as_bytes()).ok()) else {
        return StatusCode::UNAUTHORIZED;
    };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return StatusCode::INTERNAL_SERVER_ERROR;
    };
    mac.update(&body);
    match mac.verify_slice(&tag) {
        Ok(()) => handler(body).await,
        Err(_) => StatusCode::UNAUTHORIZED,
    }
}

fn peer() -> Router {
    let layer = VerifyLayer::<Full<Bytes>>::new(Provider::GitHub, webhook_verify::Secret::new(SECRET));
    // The layer's error is a box, and axum takes none. This is the cheapest way out: nothing at run time.
    let layers = ServiceBuilder::new().map_err(|error: BoxError| -> Infallible { panic!("{error}") }).layer(layer);
    Router::new().route("/", post(handler).layer::<_, Infallible>(layers))
}

fn receiver(sender: Sender) -> Result<ReceiverBuilder, BoxError> {
    Ok(Receiver::builder(sender).secret(Secret::new(SECRET)?))
}

fn ours(receiver: ReceiverBuilder) -> Result<Router, BoxError> {
    Ok(Router::new().route("/", post(handler).layer(WebhookLayer::new(receiver.build()?))))
}

struct Bench {
    server: Runtime,
    load: Load,
}

impl Bench {
    /// Requests a second against a fresh server.
    fn round(&self, app: Router) -> Result<f64, BoxError> {
        let listener = self.server.block_on(TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))))?;
        let address = listener.local_addr()?;
        let server = self.server.spawn(async move { axum::serve(listener, app).await });
        let rate = self.load.run(address);
        server.abort();
        rate
    }
}
