//! A server of HTTP/1.1 and HTTP/2 with two workers on a free port of loopback.

use std::net::SocketAddr;

use actix_web::web::ServiceConfig;
use actix_web::{App, HttpServer};

/// Serves what `configure` sets up in each worker.
pub(crate) fn serve(configure: impl Fn(&mut ServiceConfig) + Clone + Send + 'static) -> SocketAddr {
    serve_half_closed(true, configure)
}

/// The same, saying whether a request is still served when its sender has closed its half of the connection.
pub(crate) fn serve_half_closed(
    allowed: bool,
    configure: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> SocketAddr {
    let server = HttpServer::new(move || App::new().configure(configure.clone())).workers(2).disable_signals();
    let server = server.h1_allow_half_closed(allowed).bind_auto_h2c(("127.0.0.1", 0)).unwrap();
    let address = server.addrs()[0];
    actix_web::rt::spawn(server.run());
    address
}
