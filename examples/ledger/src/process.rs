//! How a service starts and stops.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use counterfoil::Receiver;
#[cfg(unix)]
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::BoxError;

/// How long deliveries that are under way may take to finish once the service is told to stop.
const GRACE: Duration = Duration::from_secs(20);

/// Runs a service to its end. Its log goes to stderr, and so does what ended it.
pub async fn run(service: impl Future<Output = Result<(), BoxError>>) -> ExitCode {
    // sqlx warns of parameters of a URL that it does not know, with their values: one may be a misspelt password.
    let filter = "info,sqlx_postgres::options=error";
    tracing_subscriber::fmt().with_writer(io::stderr).with_env_filter(filter).init();
    match service.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Says on stdout that connections are taken.
///
/// # Errors
/// Nobody reads it.
pub fn announce(address: SocketAddr) -> io::Result<()> {
    writeln!(io::stdout(), "listening on http://{address}")
}

/// Waits until the service is told to stop, by SIGTERM, which orchestrators send, or by Ctrl-C, and until the deliveries
/// under way have finished. It can be told so from this call on, whenever the future is polled.
///
/// # Errors
/// The operating system grants no signals.
pub fn stopped(receivers: Vec<Receiver>) -> io::Result<impl Future<Output = ()>> {
    let signal = stop_signal()?;
    Ok(async move {
        signal.await;
        // All at once: a receiver that is not told yet would go on accepting.
        let shutdowns = receivers.into_iter().map(|receiver| async move { receiver.shutdown(sleep(GRACE)).await });
        shutdowns.collect::<JoinSet<()>>().join_all().await;
    })
}

#[cfg(unix)]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[cfg(windows)]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let mut ctrl_c = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        ctrl_c.recv().await;
    })
}
