//! actix-web's own server, with two workers, on a thread of its own.

use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::rt::System;
use actix_web::web::{self, Bytes, Data, ServiceConfig};
use actix_web::{App, HttpResponse, HttpServer};
use counterfoil::Receiver;
use counterfoil_actix::WebhookMiddleware;

use super::{Running, Server};
use crate::handler::{HANDLED, Handler};

pub(super) fn app(receiver: Receiver, handler: Handler) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    let (webhook, handler) = (WebhookMiddleware::new(receiver), Data::new(handler));
    move |app| {
        let hook = web::resource(["/webhooks/{sender}", "/webhooks/{tenant}/{sender}"]);
        app.app_data(handler.clone()).service(hook.wrap(webhook.clone()).to(run));
    }
}

/// The handler as a service of actix-web's.
pub(crate) async fn run(handler: Data<Handler>, body: Bytes) -> HttpResponse {
    let (status, reject) = handler.perform(body).await;
    let mut response = HttpResponse::build(StatusCode::from_u16(status.as_u16()).unwrap()).body(HANDLED);
    if let Some(reject) = reject {
        response.extensions_mut().insert(reject);
    }
    response
}

/// Serves what `configure` sets up in each worker.
pub(crate) fn start(configure: impl Fn(&mut ServiceConfig) + Clone + Send + 'static) -> Server {
    let (started, start) = mpsc::channel();
    let thread = thread::spawn(move || {
        System::new().block_on(async move {
            let server = HttpServer::new(move || App::new().configure(configure.clone()));
            let server = server.workers(2).disable_signals().bind_auto_h2c(("127.0.0.1", 0)).unwrap();
            let address = server.addrs()[0];
            let server = server.run();
            started.send((address, server.handle())).unwrap();
            server.await.unwrap();
        });
    });
    let (address, server) = start.recv().unwrap();
    Server { address, _running: Running::Thread(Thread { server, thread: Some(thread) }) }
}

/// The thread that the server and its workers live on.
pub(super) struct Thread {
    server: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Thread {
    fn drop(&mut self) {
        // The command is given at once; what is awaited is its end, and so is the thread's.
        drop(self.server.stop(false));
        if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join)
            && !thread::panicking()
        {
            std::panic::resume_unwind(panic);
        }
    }
}
