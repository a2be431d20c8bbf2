//! axum's own server.

use ::axum::Router;
use ::axum::body::Body;
use ::axum::extract::{Request, State};
use ::axum::routing::any;
use counterfoil::Receiver;
use counterfoil_tower::WebhookLayer;
use tokio::net::TcpListener;

use super::Server;
use crate::handler::Handler;

pub(super) fn app(receiver: Receiver, handler: Handler) -> Router {
    let run = async |State(handler): State<Handler>, request: Request| handler.run(request).await.map(Body::new);
    let hook = any(run).layer(WebhookLayer::new(receiver));
    Router::new()
        .route("/webhooks/{sender}", hook.clone())
        .route("/webhooks/{tenant}/{sender}", hook)
        .with_state(handler)
}

/// Serves any router.
pub(crate) async fn start(app: Router) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    Server::task(address, async move { ::axum::serve(listener, app).await.unwrap() })
}
