//! What a server that adds a receiver promises: one table of requests and answers on every framework, and what comes with
//! each of them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod actix;
mod axum;
mod client;
mod differences;
mod disk;
mod dropped;
mod handler;
mod heartbeat;
mod layer;
mod log;
mod python;
mod reports;
mod servers;
mod settle;
mod setup;
mod sockets;
mod table;
mod to_end;
mod tower_http;
mod transaction;
