//! A whole small service: `POST /webhooks/<sender>` for every sender whose secret is set, and what came of it
//! as JSON under `GET /orders`, `/invoices`, `/applied` and `/runs`.
//!
//! | variable | meaning | default |
//! | --- | --- | --- |
//! | `HANDL_SECRET`, `AGILED_SECRET`, `ANGAGE_SECRET`, `ANGAGE_MARKETPLACE_SECRET`, `AGENCY_OS_AI_SECRET`, `AGENCY_OS_AI_PLUGIN_SECRET` | the sender's secret; at least one | |
//! | `PORT` | where to listen; 0 takes a free port | `3000` |
//! | `STORE` | where events are claimed: `memory:`, `sqlite:FILE`, `postgres://...` or `redis://...` | `sqlite:webhooks.db` |
//! | `DB` | the SQLite file of the orders and invoices; not used with PostgreSQL | `orders.db` |
//! | `LEASE_SECONDS` | how long an event stays claimed when the process dies | `60` |
//!
//! With PostgreSQL the orders and invoices are in the same database, in the schema `axum_orders`, and an event is
//! completed in the transaction that books it. With the other stores the ledger remembers which events it has applied.
//! Either way each is applied once. `postgresql://`, `rediss://` and `redis+unix://` are understood too; TLS as the URL
//! says, such as with `?sslmode=verify-full`.

mod ledger;
mod store;

use std::io::Write as _;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use counterfoil::idempotency::Fence;
use counterfoil::{Receiver, Secret, senders};
use counterfoil_tower::{Delivery, WebhookLayer};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{Duration, sleep};

use ledger::Ledger;

/// How long deliveries that are under way may take to finish once the service is told to stop.
const GRACE: Duration = Duration::from_secs(20);

/// Any error, for a service that can only stop and say why.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What the environment says.
#[derive(Debug)]
pub struct Config {
    port: u16,
    ledger: Ledger,
    receivers: Vec<Receiver>,
}

impl Config {
    /// Reads the variables in the crate's documentation, and opens what they name.
    ///
    /// # Errors
    /// No secret is set, or a variable cannot be used; says which.
    pub async fn from_env() -> Result<Self, BoxError> {
        let var = |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
        let (store, ledger) = store::open(&var("STORE", "sqlite:webhooks.db"), &var("DB", "orders.db")).await?;
        let seconds = var("LEASE_SECONDS", "60").parse().map_err(|error| format!("LEASE_SECONDS: {error}"))?;
        let lease = Duration::from_secs(seconds);
        let mut receivers = Vec::new();
        for sender in &senders::ALL {
            let name = format!("{}_SECRET", sender.name.to_uppercase().replace('-', "_"));
            if let Ok(text) = std::env::var(&name) {
                let secret = Secret::new(text).map_err(|error| format!("{name}: {error}"))?;
                let receiver = Receiver::builder(sender.clone()).secret(secret).store(store.clone()).lease(lease);
                receivers.push(receiver.build()?);
            }
        }
        if receivers.is_empty() {
            return Err("no secret is set: give at least one, such as HANDL_SECRET=whsec_...".into());
        }
        let port = var("PORT", "3000").parse().map_err(|error| format!("PORT: {error}"))?;
        Ok(Self { port, ledger, receivers })
    }
}

/// Serves until it is told to stop, then finishes what is under way.
///
/// # Errors
/// The address cannot be had.
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
    writeln!(std::io::stdout(), "listening on http://{}", listener.local_addr()?)?;
    let stop = async move {
        stop_signal().await;
        // All at once: a receiver that is not told yet would go on accepting.
        let receivers = config.receivers.into_iter();
        let shutdowns = receivers.map(|receiver| async move { receiver.shutdown(sleep(GRACE)).await });
        shutdowns.collect::<JoinSet<()>>().join_all().await;
    };
    axum::serve(listener, app.with_state(config.ledger)).with_graceful_shutdown(stop).await?;
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

/// SIGTERM, which orchestrators send, or Ctrl-C.
async fn stop_signal() {
    #[cfg(unix)]
    if let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        return;
    }
    let _ = tokio::signal::ctrl_c().await;
}
