//! The layer claims, and the handler completes the event in the transaction that holds its effects.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ::axum::extract::State;
use ::axum::routing::post;
use ::axum::{Extension, Router};
use counterfoil::idempotency::{Fence, State as RowState, Store as _};
use counterfoil_sqlx::PostgresStore;
use counterfoil_testkit::{postgres_url, unique_name};
use counterfoil_tower::{Delivery, WebhookLayer};
use http::StatusCode;
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, PgPool};
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use crate::handler::{body, receiver, request};
use crate::settle::event;

#[derive(Clone)]
struct Shop {
    store: PostgresStore,
    /// Handlers that are to fail after their effect.
    failing: Arc<AtomicUsize>,
}

/// A database of the test's own, with a table of effects.
async fn shop(connections: u32) -> (PgPool, Shop) {
    let name = unique_name();
    let admin = PgPool::connect(&postgres_url()).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&admin).await.unwrap();
    let options = admin.connect_options().as_ref().clone().database(&name);
    let pool = PgPoolOptions::new().max_connections(connections).connect_with(options).await.unwrap();
    sqlx::query("CREATE TABLE effects (key text)").execute(&pool).await.unwrap();
    let store = PostgresStore::builder(pool.clone()).migrate().open().await.unwrap();
    (pool, Shop { store, failing: Arc::default() })
}

async fn handle(State(shop): State<Shop>, Extension(fence): Extension<Fence>, delivery: Delivery) -> StatusCode {
    let mut transaction = shop.store.begin(fence).await.unwrap();
    let insert = sqlx::query("INSERT INTO effects VALUES ($1)").bind(delivery.key().to_string());
    insert.execute(&mut *transaction).await.unwrap();
    let fails = shop.failing.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
    if fails.is_ok() {
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    match transaction.commit().await {
        Ok(()) => StatusCode::OK,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

async fn effects(pool: &PgPool) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM effects").fetch_one(pool).await.unwrap()
}

/// Many copies at once, on fewer connections than copies: none is lost to a pool that waits for itself.
#[tokio::test(flavor = "multi_thread")]
async fn the_effect_of_many_copies_is_applied_once() {
    let (pool, shop) = shop(4).await;
    let receiver = receiver(shop.store.clone()).build().unwrap();
    let bodies: Vec<_> = (0..8).map(|number| body(&format!("evt_{number}"))).collect();
    let app = Router::new()
        .route("/webhooks/handl", post(handle).layer(WebhookLayer::new(receiver.clone())))
        .with_state(shop.clone());
    shop.failing.store(2, Ordering::Relaxed);
    let mut deliveries = JoinSet::new();
    for copy in 0..256 {
        let (app, body) = (app.clone(), bodies[copy % bodies.len()].clone());
        deliveries.spawn(async move {
            loop {
                let status =
                    app.clone().oneshot(request(body.clone()).map(::axum::body::Body::new)).await.unwrap().status();
                match status.as_u16() {
                    200 => break,
                    500 | 503 => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
                    other => panic!("answered {other}"),
                }
            }
        });
    }
    deliveries.join_all().await;
    assert_eq!(effects(&pool).await, 8);
    for body in &bodies {
        let event = event(&receiver, body);
        let record = shop.store.get(event.scope(), event.key()).await.unwrap().unwrap();
        assert_eq!(record.state, RowState::Done);
    }
}
