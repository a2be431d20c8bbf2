//! The HTTP interface that the examples share, on this one's binary.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../../ledger/interface/mod.rs"]
mod interface;

const PROGRAM: &str = env!("CARGO_BIN_EXE_axum-orders");
