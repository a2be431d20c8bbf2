//! The HTTP interface that the examples share, on this one's binary.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../../ledger/interface/mod.rs"]
mod interface;

fn program() -> std::process::Command {
    std::process::Command::new(env!("CARGO_BIN_EXE_axum-orders"))
}
