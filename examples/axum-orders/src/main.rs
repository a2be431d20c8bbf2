//! See the library's documentation: `cargo doc -p axum-orders --open`, or `src/lib.rs`.

use std::process::ExitCode;

use axum_orders::{Config, serve};

#[tokio::main]
async fn main() -> ExitCode {
    orders_ledger::run(async { serve(Config::from_env().await?).await }).await
}
