//! One table of requests and answers, by theme. Every framework runs all of it, over each version of HTTP that it speaks.

mod case;
mod challenges;
mod credentials;
mod local;
mod remote;
mod run;
mod sent;
mod tenants;

use http::Version;

use crate::servers::{Host, Stack};

pub(crate) async fn run(host: &Host, version: Version) {
    run::all(local::cases(host.stack), host, version).await;
    run::all(credentials::cases(host.stack), host, version).await;
    run::all(challenges::cases(), host, version).await;
    run::all(remote::cases(host.stack).await, host, version).await;
    if !matches!(host.stack, Stack::Python(_)) {
        run::all(tenants::cases(host.stack), host, version).await;
    }
}

#[tokio::test]
async fn axum_over_http_1() {
    run(&Host::start(Stack::Axum).await, Version::HTTP_11).await;
}

#[tokio::test]
async fn axum_over_http_2() {
    run(&Host::start(Stack::Axum).await, Version::HTTP_2).await;
}

#[tokio::test]
async fn tower_over_http_1() {
    run(&Host::start(Stack::Tower).await, Version::HTTP_11).await;
}

#[tokio::test]
async fn tower_over_http_2() {
    run(&Host::start(Stack::Tower).await, Version::HTTP_2).await;
}

#[tokio::test]
async fn actix_over_http_1() {
    run(&Host::start(Stack::Actix).await, Version::HTTP_11).await;
}

#[tokio::test]
async fn actix_over_http_2() {
    run(&Host::start(Stack::Actix).await, Version::HTTP_2).await;
}
