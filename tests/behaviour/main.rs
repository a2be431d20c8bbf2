//! What a server that adds the layer promises: the same table of requests through a plain tower service and
//! through axum on a real socket, and what each of the two adds.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod axum;
mod disk;
mod handler;
mod heartbeat;
mod layer;
mod reports;
mod settle;
mod table;
mod tower_http;
mod transaction;
