//! A whole small service on actix-web: `POST /webhooks/<sender>` for every sender whose secret is set, and what came of
//! it as JSON under `GET /orders`, `/invoices`, `/applied` and `/runs`.
//!
//! ```sh
//! export HANDL_SECRET=whsec_example_0123
//! STORE=memory: cargo run -p actix-invoices
//! ```
//!
#![doc = include_str!("../../ledger/service.md")]

use std::time::Duration;

use actix_web::error::ErrorInternalServerError;
use actix_web::web::{Data, Json, ReqData, ServiceConfig, get, post, resource};
use actix_web::{App, Error, HttpResponse, HttpServer, rt};
use counterfoil::Receiver;
use counterfoil::idempotency::Fence;
use counterfoil_actix::{Delivery, WebhookMiddleware};
use orders_ledger::{Ledger, announce, stopped};
use serde::Serialize;

pub use orders_ledger::{BoxError, Config};

/// Several even on a machine with one core, so that what they share is shared everywhere.
const WORKERS: usize = 4;

/// How long a client may take for the head of a request, and how long a connection may be idle. For the body there is the
/// receiver's own limit.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Of each worker; further ones wait until one of these ends. The process needs to be allowed as many open files for all
/// workers together (`ulimit -n`).
const CONNECTIONS: usize = 2048;

/// Deliveries have finished when the server is told to stop. What is left are idle connections.
const IDLE_SECONDS: u64 = 1;

/// Serves until it is told to stop, then finishes what is under way.
///
/// # Errors
/// The address cannot be had, or the operating system grants no signals.
pub async fn serve(config: Config) -> Result<(), BoxError> {
    let ledger = Data::new(config.ledger);
    let receivers = config.receivers.clone();
    // Runs once per worker: whatever is made in here would be another one for each.
    let app = move || App::new().app_data(ledger.clone()).configure(|app| routes(app, &receivers));
    let server = HttpServer::new(app)
        .workers(WORKERS)
        .client_request_timeout(HEAD_TIMEOUT)
        .keep_alive(HEAD_TIMEOUT)
        .max_connections(CONNECTIONS)
        // The receivers have to know before the server does.
        .disable_signals()
        .shutdown_timeout(IDLE_SECONDS)
        .bind(("127.0.0.1", config.port))?;
    let stopped = stopped(config.receivers)?;
    server.addrs().into_iter().try_for_each(announce)?;
    let server = server.run();
    let handle = server.handle();
    rt::spawn(async move {
        stopped.await;
        handle.stop(true).await;
    });
    Ok(server.await?)
}

fn routes(app: &mut ServiceConfig, receivers: &[Receiver]) {
    let orders = get().to(|ledger: Data<Ledger>| async move { answer(ledger.orders().await) });
    let invoices = get().to(|ledger: Data<Ledger>| async move { answer(ledger.invoices().await) });
    let applied = get().to(|ledger: Data<Ledger>| async move { answer(ledger.applied().await) });
    let runs = get().to(|ledger: Data<Ledger>| async move { answer(ledger.runs().await) });
    for (path, list) in [("/orders", orders), ("/invoices", invoices), ("/applied", applied), ("/runs", runs)] {
        app.service(resource(path).route(list));
    }
    for receiver in receivers {
        let path = format!("/webhooks/{}", receiver.endpoint());
        app.service(resource(path).wrap(WebhookMiddleware::new(receiver.clone())).route(post().to(receive)));
    }
}

/// A crash can make this run again for one event. How it is applied once all the same depends on where the effects are:
/// see [`Ledger`]. The fence says which claim of the event this is.
async fn receive(ledger: Data<Ledger>, fence: ReqData<Fence>, Delivery(delivery): Delivery) -> HttpResponse {
    match ledger.apply(fence.into_inner(), delivery).await {
        Ok(()) => HttpResponse::Ok().finish(),
        Err(error) => {
            tracing::error!(error, "the event could not be applied");
            HttpResponse::InternalServerError().finish()
        }
    }
}

fn answer<T: Serialize>(rows: Result<T, BoxError>) -> Result<Json<T>, Error> {
    rows.map(Json).map_err(ErrorInternalServerError)
}
