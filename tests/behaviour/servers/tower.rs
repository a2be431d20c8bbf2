//! A plain tower service behind hyper.

use std::convert::Infallible;

use counterfoil::Receiver;
use counterfoil_tower::{VerifiedBody, WebhookLayer};
use http::Request;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tower::{Layer, service_fn};

use super::Server;
use crate::handler::Handler;

/// Serves every path.
pub(super) async fn start(receiver: Receiver, handler: Handler) -> Server {
    let inner = service_fn(move |request: Request<VerifiedBody>| {
        let handler = handler.clone();
        async move { Ok::<_, Infallible>(handler.run(request).await) }
    });
    let service = TowerToHyperService::new(WebhookLayer::new(receiver).layer(inner));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    Server::task(address, async move {
        let mut connections = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let service = service.clone();
            connections.spawn(async move {
                let connection = Builder::new(TokioExecutor::new());
                // A client that hangs up is an error here, and no matter to anybody.
                let _ = connection.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    })
}
