//! The receiver of `tests/soak`: one sender, and a store that forgets after seconds.
//!
//! `soak-receiver STORE RETENTION EFFECTS`, where the store is a file of SQLite's or a URL of PostgreSQL's.

mod brief;
#[path = "../terms.rs"]
mod terms;

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Extension, Router};
use counterfoil::idempotency::{Fence, NonZeroDuration, Store};
use counterfoil::{Receiver, Secret, senders};
use counterfoil_sqlite::SqliteStore;
use counterfoil_sqlx::PostgresStore;
use counterfoil_tower::{Delivery, WebhookLayer};
use orders_ledger::{BoxError, announce, stopped};
use sqlx::postgres::PgPoolOptions;
use tokio::net::TcpListener;

use terms::{FAILS_FIRST, LINE, PATH, SECRET};

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().with_writer(io::stderr).with_ansi(false).with_env_filter("error").init();
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error, "the receiver cannot go on");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), BoxError> {
    let [url, retention, effects]: [String; 3] =
        std::env::args().skip(1).collect::<Vec<_>>().try_into().map_err(|_| "STORE RETENTION EFFECTS")?;
    let retention = Duration::from_secs(retention.parse()?);
    let retention = NonZeroDuration::new(retention).ok_or("a store remembers for longer than no time")?;
    let store = brief::Brief { store: open(&url).await?, retention };
    let receiver = Receiver::builder(senders::HANDL).secret(Secret::new(SECRET)?).store(store).build()?;
    let effects = Arc::new(OpenOptions::new().create(true).append(true).open(effects)?);
    let app = Router::new().route(PATH, post(handle).layer(WebhookLayer::new(receiver.clone()))).with_state(effects);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let stopped = stopped(vec![receiver])?;
    announce(listener.local_addr()?)?;
    axum::serve(listener, app).with_graceful_shutdown(stopped).await?;
    Ok(())
}

async fn open(url: &str) -> Result<Arc<dyn Store>, BoxError> {
    if !url.starts_with("postgres") {
        return Ok(Arc::new(SqliteStore::open(url)?));
    }
    let pool = PgPoolOptions::new().max_connections(6).connect_lazy(url)?;
    Ok(Arc::new(PostgresStore::builder(pool).migrate().open().await?))
}

/// One effect, or a failure before it.
async fn handle(
    State(effects): State<Arc<File>>,
    Extension(fence): Extension<Fence>,
    Delivery(delivery): Delivery,
) -> StatusCode {
    let Some(id) = delivery.event_id() else { return StatusCode::BAD_REQUEST };
    if fence.attempt == 1 && delivery.event_type() == Some(FAILS_FIRST) {
        return StatusCode::BAD_GATEWAY;
    }
    let line = format!("{:<width$}\n", id.as_str(), width = LINE - 1);
    match (&*effects).write_all(line.as_bytes()) {
        Ok(()) => StatusCode::OK,
        Err(error) => {
            tracing::error!(%error, "the file of effects cannot be written to");
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }
}
