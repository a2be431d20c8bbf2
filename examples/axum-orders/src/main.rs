//! `HANDL_SECRET=whsec_... PORT=3000 STORE=sqlite:webhooks.db cargo run -p axum-orders`

#[tokio::main]
async fn main() -> Result<(), axum_orders::BoxError> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter("info").init();
    axum_orders::serve(axum_orders::Config::from_env()?).await
}
