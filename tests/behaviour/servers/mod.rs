//! A receiver and a handler behind each framework, on a free port of loopback.

pub(crate) mod actix;
pub(crate) mod axum;
pub(crate) mod python;
pub(crate) mod tower;

use std::net::SocketAddr;

use bytes::Bytes;
use counterfoil::Receiver;
use tokio::task::AbortHandle;

use crate::handler::{Act, Handler};
use crate::setup::Setup;

/// What a receiver can stand behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stack {
    Axum,
    /// A tower service without a router, on hyper.
    Tower,
    Actix,
    Python(python::Stack),
}

impl Stack {
    pub(crate) const RUST: [Self; 3] = [Self::Axum, Self::Tower, Self::Actix];

    /// Whether it has a router, which tells a receiver what stands in a path.
    pub(crate) fn has_routes(self) -> bool {
        self != Self::Tower
    }
}

/// The receiver that is to stand behind a framework.
pub(crate) enum Wanted {
    Setup(Setup),
    /// One that only this process can have.
    Here(Receiver),
}

impl From<Setup> for Wanted {
    fn from(setup: Setup) -> Self {
        Self::Setup(setup)
    }
}

impl From<Receiver> for Wanted {
    fn from(receiver: Receiver) -> Self {
        Self::Here(receiver)
    }
}

/// A framework that serves one receiver after the other.
pub(crate) struct Host {
    pub(crate) stack: Stack,
    /// Runs for all of them.
    pub(crate) python: Option<python::Process>,
}

impl Host {
    pub(crate) async fn start(stack: Stack) -> Self {
        let python = match stack {
            Stack::Python(stack) => Some(python::Process::start(stack).await),
            _ => None,
        };
        Self { stack, python }
    }

    /// Serves `/webhooks/{sender}` and `/webhooks/{tenant}/{sender}`, in Rust over HTTP/1.1 and over HTTP/2 by prior
    /// knowledge.
    pub(crate) async fn serve(&self, wanted: Wanted, acts: Vec<Act>) -> Served {
        let receiver = match (wanted, &self.python) {
            (Wanted::Setup(setup), Some(process)) => return Served::There(process.serve(&setup, &acts).await),
            (Wanted::Here(_), Some(_)) => panic!("no receiver of this process can stand in another"),
            (Wanted::Setup(setup), None) => setup.receiver(),
            (Wanted::Here(receiver), None) => receiver,
        };
        let handler = Handler::new(acts);
        let server = match self.stack {
            Stack::Axum => axum::start(axum::app(receiver.clone(), handler.clone())).await,
            Stack::Tower => tower::start(receiver.clone(), handler.clone()).await,
            Stack::Actix => actix::start(actix::app(receiver.clone(), handler.clone())),
            Stack::Python(_) => unreachable!("its process has been started"),
        };
        Served::Here { server, receiver, handler }
    }
}

/// A receiver and a handler that are served, until this is dropped or its host serves others.
pub(crate) enum Served {
    Here { server: Server, receiver: Receiver, handler: Handler },
    There(python::Control),
}

impl Served {
    pub(crate) fn address(&self) -> SocketAddr {
        match self {
            Self::Here { server, .. } => server.address,
            Self::There(control) => control.address,
        }
    }

    /// How often the handler began.
    pub(crate) async fn runs(&self) -> usize {
        match self {
            Self::Here { handler, .. } => handler.runs(),
            Self::There(control) => control.state().await.runs,
        }
    }

    /// How often it came to its end.
    pub(crate) async fn finished(&self) -> usize {
        match self {
            Self::Here { handler, .. } => handler.finished(),
            Self::There(control) => control.state().await.finished,
        }
    }

    /// The bodies it saw.
    pub(crate) async fn bodies(&self) -> Vec<Bytes> {
        match self {
            Self::Here { handler, .. } => handler.bodies(),
            Self::There(control) => control.bodies().await,
        }
    }

    /// Lets every run go on that holds, or will.
    pub(crate) async fn release(&self) {
        match self {
            Self::Here { handler, .. } => handler.release(),
            Self::There(control) => control.release().await,
        }
    }

    /// How many copies wait for the first delivery of their event.
    pub(crate) async fn waiting(&self) -> usize {
        match self {
            Self::Here { receiver, .. } => receiver.health().await.waiting,
            Self::There(control) => control.state().await.waiting,
        }
    }

    pub(crate) async fn is_ready(&self) -> bool {
        match self {
            Self::Here { receiver, .. } => receiver.health().await.is_ready(),
            Self::There(control) => control.state().await.is_ready,
        }
    }

    /// Shuts the receiver down, and waits until whatever runs has ended.
    pub(crate) async fn shut_down(&self) {
        match self {
            Self::Here { receiver, .. } => receiver.shutdown(std::future::pending()).await,
            Self::There(control) => control.shut_down().await,
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
