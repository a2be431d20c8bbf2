//! One table of requests and answers, by theme. Every framework runs all of it, over HTTP/1.1 and over HTTP/2.

mod case;
mod challenges;
mod credentials;
mod local;
mod remote;
mod run;
mod sent;
mod tenants;

use http::Version;

use crate::servers::Stack;

async fn run(stack: Stack, version: Version) {
    run::all(local::cases(), stack, version).await;
    run::all(credentials::cases(), stack, version).await;
    run::all(challenges::cases(), stack, version).await;
    run::all(tenants::cases(stack), stack, version).await;
    run::all(remote::cases().await, stack, version).await;
}

#[tokio::test]
async fn axum_over_http_1() {
    run(Stack::Axum, Version::HTTP_11).await;
}

#[tokio::test]
async fn axum_over_http_2() {
    run(Stack::Axum, Version::HTTP_2).await;
}

#[tokio::test]
async fn tower_over_http_1() {
    run(Stack::Tower, Version::HTTP_11).await;
}

#[tokio::test]
async fn tower_over_http_2() {
    run(Stack::Tower, Version::HTTP_2).await;
}

#[tokio::test]
async fn actix_over_http_1() {
    run(Stack::Actix, Version::HTTP_11).await;
}

#[tokio::test]
async fn actix_over_http_2() {
    run(Stack::Actix, Version::HTTP_2).await;
}
