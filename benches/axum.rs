//! A whole axum server over loopback, keep-alive, bodies of 1 KiB.
//!
//! Every contender gets the same bytes: one pool of requests, each a new event signed in advance, with the
//! signature under both names that are asked for. Every round starts each server afresh, and with it the
//! memory store, so that every claim is a new one; the connections are warmed up before the clock starts.
//! Every handler but the inline one is the same function over the whole body.
//!
//! The server's runtime has one worker and the load generator its own thread, which writes bytes made in
//! advance and looks for the end of an answer. That is half a core's work at most, so that on two cores it is
//! the server that limits the rate.
//!
//! The inline handler reads nothing from the body; the layer reads id, type and time. The row of the opaque
//! body, where it reads nothing either and hashes the body a second time for the key, tells what that costs.

use std::convert::Infallible;
use std::io::Write as _;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use bytes::Bytes;
use counterfoil::idempotency::MemoryStore;
use counterfoil::receiver::ReceiverBuilder;
use counterfoil::scheme::Sender;
use counterfoil::{Clock, Receiver, Secret, Signer, SystemClock, senders};
use counterfoil_benches::fixtures::{SECRET, event, opaque, stamp};
use counterfoil_benches::{Aim, BoxError, Contest, Extent, Unit};
use counterfoil_tower::WebhookLayer;
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::Full;
use sha2::Sha256;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tower::ServiceBuilder;
use webhook_verify::Provider;
use webhook_verify::tower::VerifyLayer;

const BODY: usize = 1024;
const CONNECTIONS: usize = 32;

/// Room in the memory store: more than one round needs.
const ROWS: NonZeroU32 = NonZeroU32::new(1_000_000).expect("not zero");

const BARE: &str = "handler that buffers the body";
const INLINE: &str = "handler that checks inline by hand";
const PEER: &str = "webhook-verify's layer";
const VERIFYING: &str = "WebhookLayer, verifying alone";
const OPAQUE: &str = "WebhookLayer, verifying alone, opaque body";
const ONCE: &str = "WebhookLayer, each event once, memory store";

fn main() -> Result<(), BoxError> {
    let extent = Extent::from_args();
    let warm_up = extent.pick(1024, CONNECTIONS);
    let requests = extent.pick(8192, CONNECTIONS);
    let bench = Bench {
        server: Builder::new_multi_thread().worker_threads(1).enable_all().build()?,
        client: Builder::new_current_thread().enable_all().build()?,
        pool: Arc::new(Pool::new(warm_up + requests)?),
        warm_up,
    };
    Contest::new(format!("axum over loopback, {CONNECTIONS} connections, requests a second"), Unit::Rate)
        .enter(BARE, || bench.round(Router::new().route("/", post(handler))))
        .enter(INLINE, || bench.round(Router::new().route("/", post(inline)).with_state(SECRET.into())))
        .enter(PEER, || bench.round(peer()))
        .enter(VERIFYING, || bench.round(ours(receiver(senders::HANDL)?)?))
        .enter(OPAQUE, || bench.round(ours(receiver(opaque())?)?))
        .enter(ONCE, || bench.round(ours(receiver(senders::HANDL)?.store(MemoryStore::new(ROWS)))?))
        .aim(VERIFYING, Aim::AtLeast(0.98), INLINE)
        .aim(ONCE, Aim::AtLeast(1.0), PEER)
        .run(extent, 41)?
        .print()
}

/// Counts runs, to prove that every request got as far as a handler.
static HANDLED: AtomicUsize = AtomicUsize::new(0);

async fn handler(body: Bytes) -> StatusCode {
    if body.len() == BODY {
        HANDLED.fetch_add(1, Ordering::Relaxed);
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

/// Requests as they go over the wire, all of one length.
struct Pool {
    bytes: Vec<u8>,
    length: usize,
}

impl Pool {
    fn new(requests: usize) -> Result<Self, BoxError> {
        let now = SystemClock.now();
        let stamp = stamp()?;
        let signer = Signer::new(&senders::HANDL, &Secret::new(SECRET)?)?;
        let mut bytes = Vec::new();
        for number in 0..requests {
            let envelope =
                format!(r#""id":"evt_{number:010}","object":"event","type":"order.created","created_at":"{stamp}""#);
            let body = event(&envelope, BODY);
            let headers = signer.sign(body.as_bytes(), now)?;
            let tag = headers["x-handl-signature"].to_str()?;
            write!(
                bytes,
                "POST / HTTP/1.1\r\nhost: shop.example\r\nuser-agent: Webhooks/1.0\r\naccept: */*\r\n\
                 content-type: application/json\r\ncontent-length: {BODY}\r\nx-forwarded-for: 203.0.113.7\r\n\
                 x-handl-signature: {tag}\r\nx-hub-signature-256: sha256={tag}\r\n\r\n{body}"
            )?;
        }
        Ok(Self { length: bytes.len() / requests, bytes })
    }

    fn len(&self) -> usize {
        self.bytes.len() / self.length
    }

    fn request(&self, number: usize) -> &[u8] {
        &self.bytes[number * self.length..][..self.length]
    }
}

struct Bench {
    server: Runtime,
    client: Runtime,
    pool: Arc<Pool>,
    warm_up: usize,
}

impl Bench {
    /// Requests a second against a fresh server.
    fn round(&self, app: Router) -> Result<f64, BoxError> {
        let listener = self.server.block_on(TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))))?;
        let address = listener.local_addr()?;
        let server = self.server.spawn(async move { axum::serve(listener, app).await });
        HANDLED.store(0, Ordering::Relaxed);
        let rate = self.client.block_on(async {
            let mut connections = Vec::new();
            for _ in 0..CONNECTIONS {
                let connection = TcpStream::connect(address).await?;
                connection.set_nodelay(true)?;
                connections.push(connection);
            }
            let connections = self.drive(connections, 0..self.warm_up).await?;
            let started = Instant::now();
            self.drive(connections, self.warm_up..self.pool.len()).await?;
            let requests = u32::try_from(self.pool.len() - self.warm_up)?;
            Ok::<_, BoxError>(f64::from(requests) / started.elapsed().as_secs_f64())
        })?;
        server.abort();
        if HANDLED.load(Ordering::Relaxed) == self.pool.len() {
            Ok(rate)
        } else {
            Err("not every request was handled once".into())
        }
    }

    /// Sends each request of `numbers` once, on whichever connection is free.
    async fn drive(&self, connections: Vec<TcpStream>, numbers: Range<usize>) -> Result<Vec<TcpStream>, BoxError> {
        let next = Arc::new(AtomicUsize::new(numbers.start));
        let mut senders = JoinSet::new();
        for connection in connections {
            senders.spawn(send(connection, self.pool.clone(), next.clone(), numbers.end));
        }
        let mut connections = Vec::new();
        while let Some(sender) = senders.join_next().await {
            connections.push(sender??);
        }
        Ok(connections)
    }
}

async fn send(
    mut connection: TcpStream,
    pool: Arc<Pool>,
    next: Arc<AtomicUsize>,
    end: usize,
) -> Result<TcpStream, BoxError> {
    let mut answer = [0; 1024];
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= end {
            return Ok(connection);
        }
        connection.write_all(pool.request(number)).await?;
        let mut filled = 0;
        // No answer here has a body.
        while !answer[..filled].ends_with(b"\r\n\r\n") {
            match connection.read(&mut answer[filled..]).await? {
                0 => return Err("the server hung up".into()),
                read => filled += read,
            }
        }
        if !answer.starts_with(b"HTTP/1.1 200 ") {
            return Err(String::from_utf8_lossy(&answer[..filled]).into());
        }
    }
}
