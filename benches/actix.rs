//! A whole actix-web server over loopback, keep-alive, bodies of 1 KiB: see [`counterfoil_benches::load`].
//!
//! Every handler but the inline one is the same function over the whole body. The inline handler reads nothing from the
//! body; the middleware reads id, type and time. The row of the opaque body, where it reads nothing either and hashes the
//! body a second time for the key, tells what that costs.

use std::net::SocketAddr;
use std::sync::{Arc, mpsc};

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, Route, rt, web};
use bytes::Bytes;
use counterfoil::idempotency::MemoryStore;
use counterfoil::receiver::ReceiverBuilder;
use counterfoil::scheme::Sender;
use counterfoil::{Receiver, Secret, senders};
use counterfoil_actix::WebhookMiddleware;
use counterfoil_benches::fixtures::{SECRET, opaque};
use counterfoil_benches::load::{BODY, CONNECTIONS, Load, ROWS, handled};
use counterfoil_benches::{Aim, BoxError, Contest, Extent, Sheet, Unit};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use webhook_verify::Provider;
use webhook_verify::actix::{VerifiedBody, WebhookConfig};

const BARE: &str = "handler that buffers the body";
const INLINE: &str = "handler that checks inline by hand";
const PEER: &str = "webhook-verify's extractor";
const VERIFYING: &str = "WebhookMiddleware, verifying alone";
const OPAQUE: &str = "WebhookMiddleware, verifying alone, opaque body";
const ONCE: &str = "WebhookMiddleware, each event once, memory store";

fn main() -> Result<(), BoxError> {
    let extent = Extent::from_args();
    let load = Load::new(extent)?;
    let round = |app: Contender| load.run(serve(app)?.address);
    let contest =
        Contest::new(format!("actix-web over loopback, {CONNECTIONS} connections, requests a second"), Unit::Rate)
            .enter(BARE, || round(Contender::of(|| web::post().to(handler))))
            .enter(INLINE, || round(Contender::of(|| web::post().to(inline))))
            .enter(PEER, || round(Contender::of(|| web::post().to(peer))))
            .ours(VERIFYING, || round(ours(receiver(senders::HANDL)?)?))
            .ours(OPAQUE, || round(ours(receiver(opaque())?)?))
            .ours(ONCE, || round(ours(receiver(senders::HANDL)?.store(MemoryStore::new(ROWS)))?))
            .aim(VERIFYING, Aim::AtLeast(0.98), INLINE)
            .aim(ONCE, Aim::AtLeast(1.0), PEER);
    let mut sheet = Sheet::new(extent);
    sheet.contest(contest.run(extent, 41)?)?;
    sheet.finish()
}

async fn handler(body: web::Bytes) -> HttpResponse {
    answer(&body)
}

fn answer(body: &Bytes) -> HttpResponse {
    if body.len() == BODY {
        handled();
    }
    HttpResponse::Ok().finish()
}

/// What people write by hand.
async fn inline(request: HttpRequest, body: web::Bytes) -> HttpResponse {
    let tag = request.headers().get("x-handl-signature").and_then(|value| hex::decode(value.as_bytes()).ok());
    let (Some(tag), Ok(mut mac)) = (tag, Hmac::<Sha256>::new_from_slice(SECRET.as_bytes())) else {
        return HttpResponse::Unauthorized().finish();
    };
    mac.update(&body);
    match mac.verify_slice(&tag) {
        Ok(()) => answer(&body),
        Err(_) => HttpResponse::Unauthorized().finish(),
    }
}

async fn peer(body: VerifiedBody) -> HttpResponse {
    answer(&body.into_inner())
}

fn receiver(sender: Sender) -> Result<ReceiverBuilder, BoxError> {
    Ok(Receiver::builder(sender).secret(Secret::new(SECRET)?))
}

fn ours(receiver: ReceiverBuilder) -> Result<Contender, BoxError> {
    let webhook = WebhookMiddleware::new(receiver.build()?);
    Ok(Contender { webhook: Some(webhook), ..Contender::of(|| web::post().to(handler)) })
}

/// What an application is made of, once for each worker.
#[derive(Clone)]
struct Contender {
    route: Arc<dyn Fn() -> Route + Send + Sync>,
    webhook: Option<WebhookMiddleware>,
}

impl Contender {
    fn of(route: impl Fn() -> Route + Send + Sync + 'static) -> Self {
        Self { route: Arc::new(route), webhook: None }
    }
}

/// A server with one worker, which stops when this is dropped.
struct Server {
    address: SocketAddr,
    handle: ServerHandle,
    thread: Option<std::thread::JoinHandle<std::io::Result<()>>>,
}

fn serve(contender: Contender) -> Result<Server, BoxError> {
    let (started, start) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        rt::System::new().block_on(async move {
            let server = HttpServer::new(move || {
                let resource = web::resource("/").route((contender.route)());
                let config = WebhookConfig::new(Provider::GitHub, webhook_verify::Secret::new(SECRET));
                App::new().app_data(config).configure(|app| {
                    match &contender.webhook {
                        Some(webhook) => app.service(resource.wrap(webhook.clone())),
                        None => app.service(resource),
                    };
                })
            });
            let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0))?;
            let address = server.addrs()[0];
            let server = server.run();
            let _ = started.send((address, server.handle()));
            server.await
        })
    });
    let (address, handle) = start.recv()?;
    Ok(Server { address, handle, thread: Some(thread) })
}

impl Drop for Server {
    fn drop(&mut self) {
        // The server's own thread does the stopping; the future is only its answer.
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
