//! What a server that adds the middleware promises, on real sockets.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod around;
mod client;
mod dropped;
mod event;
mod extract;
mod handler;
mod head;
mod http2;
mod serve;
mod tenants;
mod workers;
