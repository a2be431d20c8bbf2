//! A whole small service on axum: `POST /webhooks/<sender>` for every sender whose secret is set, and what came of it
//! as JSON under `GET /orders`, `/invoices`, `/applied` and `/runs`.
//!
//! ```sh
//! export HANDL_SECRET=whsec_example_0123
//! STORE=memory: cargo run -p axum-orders
//! ```
//!
#![doc = include_str!("../../ledger/service.md")]

mod server;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use counterfoil::idempotency::Fence;
use counterfoil_tower::{Delivery, WebhookLayer};
use orders_ledger::{Ledger, announce, stopped};
use tokio::net::TcpListener;

pub use orders_ledger::{BoxError, Config};

/// Serves until it is told to stop, then finishes what is under way.
///
/// # Errors
/// The address cannot be had, or the operating system grants no signals.
pub async fn serve(config: Config) -> Result<(), BoxError> {
    let mut app = Router::new()
        .route("/orders", get(|State(ledger): State<Ledger>| async move { answer(ledger.orders().await) }))
        .route("/invoices", get(|State(ledger): State<Ledger>| async move { answer(ledger.invoices().await) }))
        .route("/applied", get(|State(ledger): State<Ledger>| async move { answer(ledger.applied().await) }))
        .route("/runs", get(|State(ledger): State<Ledger>| async move { answer(ledger.runs().await) }));
    for receiver in &config.receivers {
        let path = format!("/webhooks/{}", receiver.endpoint());
        app = app.route(&path, post(receive).layer(WebhookLayer::new(receiver.clone())));
    }
    let listener = TcpListener::bind(("127.0.0.1", config.port)).await?;
    let stopped = stopped(config.receivers)?;
    announce(listener.local_addr()?)?;
    server::run(listener, app.with_state(config.ledger), stopped).await;
    Ok(())
}

/// A crash can make this run again for one event. How it is applied once all the same depends on where the effects are:
/// see [`Ledger`]. The fence says which claim of the event this is.
async fn receive(
    State(ledger): State<Ledger>,
    Extension(fence): Extension<Fence>,
    Delivery(delivery): Delivery,
) -> StatusCode {
    match ledger.apply(fence, delivery).await {
        Ok(()) => StatusCode::OK,
        Err(error) => {
            tracing::error!(error, "the event could not be applied");
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }
}

fn answer<T>(rows: Result<T, BoxError>) -> Result<Json<T>, (StatusCode, String)> {
    rows.map(Json).map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}
