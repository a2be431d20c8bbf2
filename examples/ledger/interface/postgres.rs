//! With PostgreSQL an event's effects and its completion are one transaction.

use counterfoil::senders;
use counterfoil_testkit::PrivatePostgres;
use serde_json::json;
use sqlx::PgPool;
use tokio::task::JoinSet;

use super::server::{Server, handl_event, sum};

/// The effect that fails is the handler's last: what it did before goes with it.
#[tokio::test]
async fn on_postgres_a_handler_that_fails_leaves_no_effect() {
    let postgres = PrivatePostgres::start();
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder, &postgres.url());
    let database = PgPool::connect(&postgres.url()).await.unwrap();
    let event = handl_event("evt_1", 0, r#"{"id":"ord_1"}"#);

    let fault = "ALTER TABLE axum_orders.effects ADD CONSTRAINT fault CHECK (false)";
    sqlx::raw_sql(fault).execute(&database).await.unwrap();
    assert_eq!(server.post(&senders::HANDL, &event).await, 500);
    assert_eq!(server.get("/orders").await, json!([]));
    assert_eq!(server.get("/applied").await, json!({}));
    assert_eq!(sum(&server.get("/runs").await), 1);

    sqlx::raw_sql("ALTER TABLE axum_orders.effects DROP CONSTRAINT fault").execute(&database).await.unwrap();
    assert_eq!(server.post(&senders::HANDL, &event).await, 200);
    assert_eq!(server.get("/orders").await[0]["id"], "ord_1");
    assert_eq!(sum(&server.get("/applied").await), 1);
    assert_eq!(sum(&server.get("/runs").await), 2);
}

#[tokio::test]
async fn on_postgres_effects_and_completion_are_one_transaction() {
    let postgres = PrivatePostgres::start();
    let folder = tempfile::tempdir().unwrap();
    // Both make the tables, or find them made.
    let [first, second] = std::thread::scope(|scope| {
        let start = || Server::start(&folder, &postgres.url());
        [scope.spawn(start), scope.spawn(start)].map(|server| server.join().unwrap())
    });
    let events: Vec<_> =
        (0..8).map(|n| handl_event(&format!("evt_{n}"), 0, &format!(r#"{{"id":"ord_{n}"}}"#))).collect();
    let mut answers = JoinSet::new();
    for server in [&first, &second, &first, &second] {
        for event in &events {
            let request = server.request(&senders::HANDL, event);
            answers.spawn(async move { request.send().await.unwrap().status() });
        }
    }
    for status in answers.join_all().await {
        assert_eq!(status, 200);
    }
    assert_eq!(first.get("/applied").await.as_object().unwrap().len(), events.len());
    assert_eq!(sum(&first.get("/applied").await), 8);

    let together = "SELECT count(*) FROM axum_orders.effects AS effect JOIN axum_orders.counterfoil_event AS event
                    ON encode(event.key, 'hex') = effect.key AND event.xmin = effect.xmin WHERE event.state = 2";
    let database = PgPool::connect(&postgres.url()).await.unwrap();
    let together: i64 = sqlx::query_scalar(together).fetch_one(&database).await.unwrap();
    assert_eq!(together, 8);
}
