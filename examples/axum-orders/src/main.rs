//! `HANDL_SECRET=whsec_... PORT=3000 STORE=sqlite:webhooks.db cargo run -p axum-orders`

use std::process::ExitCode;

use axum_orders::{BoxError, Config, serve};

#[tokio::main]
async fn main() -> ExitCode {
    // sqlx warns of parameters of a URL that it does not know, with their values: one may be a misspelt password.
    let filter = "info,sqlx_postgres::options=error";
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(filter).init();
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), BoxError> {
    serve(Config::from_env().await?).await
}
