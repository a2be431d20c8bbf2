//! The server: axum's app on hyper, with limits. `axum::serve` has none, so that whoever never ends the head of a request
//! keeps a connection for ever.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// How long a client may take for the head of a request, and how long a connection may be idle. For the body there is the
/// receiver's own limit.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes of a head; more of them are answered 431.
const HEAD_LIMIT: usize = 32 * 1024;

/// Further connections wait until one of these ends. The process needs to be allowed as many open files (`ulimit -n`).
const CONNECTIONS: usize = 8192;

/// How long a client may take, once the server stops, to read its answer.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// Serves until `stopped`, then closes idle connections and finishes what is under way.
///
/// Nothing limits how slowly a client reads its answer. The answers of a receiver are small enough for the operating system to
/// take them at once; a proxy takes care of the others.
pub(crate) async fn run(mut listener: TcpListener, app: Router, stopped: impl Future<Output = ()>) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(HEAD_LIMIT);
    let service = TowerToHyperService::new(app);
    let (places, connections) = (Arc::new(Semaphore::new(CONNECTIONS)), GracefulShutdown::new());
    let mut stopped = pin!(stopped);
    loop {
        let next = async {
            let place = places.clone().acquire_owned().await;
            // It tries again where the operating system has no connection to give.
            (place, Listener::accept(&mut listener).await)
        };
        let (place, (socket, _)) = tokio::select! {
            next = next => next,
            () = &mut stopped => break,
        };
        let connection = connections.watch(http.serve_connection(TokioIo::new(socket), service.clone()));
        tokio::spawn(async move {
            // A client that hangs up, or is cut off, ends it with an error.
            let _ = connection.await;
            drop(place);
        });
    }
    drop(listener);
    // The receivers have finished by then: what is left are answers on their way.
    let _ = tokio::time::timeout(LAST_ANSWERS, connections.shutdown()).await;
}
