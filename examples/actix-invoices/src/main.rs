//! See the library's documentation: `cargo doc -p actix-invoices --open`, or `src/lib.rs`.

use std::process::ExitCode;

use actix_invoices::{Config, serve};

#[actix_web::main]
async fn main() -> ExitCode {
    orders_ledger::run(async { serve(Config::from_env().await?).await }).await
}
