//! A receiver and a handler behind each framework, on a free port of loopback.

pub(crate) mod actix;
pub(crate) mod axum;
pub(crate) mod tower;

use std::net::SocketAddr;

use counterfoil::Receiver;
use tokio::task::AbortHandle;

use crate::handler::Handler;

/// What a receiver can stand behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stack {
    Axum,
    /// A tower service without a router, on hyper.
    Tower,
    Actix,
}

impl Stack {
    pub(crate) const ALL: [Self; 3] = [Self::Axum, Self::Tower, Self::Actix];

    /// Whether it has a router, which tells a receiver what stands in a path.
    pub(crate) fn has_routes(self) -> bool {
        self != Self::Tower
    }

    /// Serves `/webhooks/{sender}` and `/webhooks/{tenant}/{sender}`, over HTTP/1.1 and over HTTP/2 by prior knowledge.
    pub(crate) async fn serve(self, receiver: Receiver, handler: &Handler) -> Server {
        let handler = handler.clone();
        match self {
            Self::Axum => axum::start(axum::app(receiver, handler)).await,
            Self::Tower => tower::start(receiver, handler).await,
            Self::Actix => actix::start(actix::app(receiver, handler)),
        }
    }
}

/// A running server, which stops when it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    _running: Running,
}

enum Running {
    Task(#[expect(dead_code, reason = "its drop is what it is for")] Task),
    Thread(#[expect(dead_code, reason = "its drop is what it is for")] actix::Thread),
}

/// A task that ends with its handle.
struct Task(AbortHandle);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Server {
    fn task(address: SocketAddr, task: impl Future<Output = ()> + Send + 'static) -> Self {
        Self { address, _running: Running::Task(Task(tokio::spawn(task).abort_handle())) }
    }
}
