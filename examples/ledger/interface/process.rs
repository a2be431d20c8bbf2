//! How the process ends, and what it says of its environment.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;

use counterfoil::senders::HANDL;
use counterfoil_testkit::PrivatePostgres;
use sqlx::PgPool;

use super::super::program;
use super::server::{Server, handl_event, sum};

#[tokio::test]
#[cfg(unix)]
async fn sigterm_lets_a_delivery_finish_and_ends_the_process() {
    let (folder, postgres) = (tempfile::tempdir().unwrap(), PrivatePostgres::start());
    let mut server = Server::start(&folder, &postgres.url());
    let database = PgPool::connect(&postgres.url()).await.unwrap();
    let mut lock = database.begin().await.unwrap();
    sqlx::raw_sql("LOCK TABLE axum_orders.orders").execute(&mut *lock).await.unwrap();
    let order = handl_event("evt_1", 0, r#"{"id":"ord_1"}"#);
    let under_way = tokio::spawn(server.request(&HANDL, &order).send());
    until(async || sum(&server.get("/runs").await) == 1).await;

    server.signal("TERM");
    // Of no order, so that it never waits for the lock.
    let message = handl_event("evt_2", 0, "{}").replace("order.updated", "message.sent");
    until(async || server.post(&HANDL, &message).await == 503).await;
    assert!(!under_way.is_finished());
    lock.commit().await.unwrap();
    assert_eq!(under_way.await.unwrap().unwrap().status(), 200);
    let status = server.end();
    assert!(status.success(), "{status}");
    let orders: i64 = sqlx::query_scalar("SELECT count(*) FROM axum_orders.orders").fetch_one(&database).await.unwrap();
    assert_eq!(orders, 1);
}

#[test]
#[cfg(unix)]
fn it_can_be_stopped_as_soon_as_it_serves() {
    for signal in ["TERM", "INT"] {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Server::start(&folder, "memory:");
        server.signal(signal);
        let status = server.end();
        assert!(status.success(), "{signal}: {status}");
    }
}

/// Looks again and again.
async fn until(is_so: impl AsyncFn() -> bool) {
    for _ in 0..500 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it never came");
}

#[test]
fn it_says_what_is_missing() {
    let expected = [
        ("PORT", "0", "no secret is set"),
        ("HANDL_SECRET", " ", "blank"),
        ("STORE", "mysql://x", "STORE=mysql:... names no store"),
        ("STORE", "redis://127.0.0.1:1", "STORE cannot be used: the server cannot be reached"),
        (
            "STORE",
            "postgres://127.0.0.1:1/shop",
            "STORE cannot be used: error communicating with database: Connection refused",
        ),
        ("STORE", "postgres://[host/shop", "STORE cannot be used: "),
        ("LEASE_SECONDS", "soon", "LEASE_SECONDS: "),
        ("DB", "no/such/folder/orders.db", "DB=no/such/folder/orders.db cannot be used"),
    ];
    for (name, value, said) in expected {
        let error = refusal(&[(name, value)]);
        assert!(error.contains(said), "{name}={value}: {error}");
    }
}

#[test]
fn it_says_what_agencyhandy_is_missing() {
    let secret = ("AGENCYHANDY_SECRET", "hunter2");
    let id = |id| ("AGENCYHANDY_WEBHOOK_ID", id);
    let elsewhere = ("AGENCYHANDY_ENDPOINT", "http://us:hunter2@example.com");
    let expected = [
        (vec![secret], "AGENCYHANDY_WEBHOOK_ID is not set"),
        (vec![secret, id(" ")], "AGENCYHANDY_WEBHOOK_ID is not set"),
        (vec![secret, id("wh_1"), elsewhere], "AGENCYHANDY_ENDPOINT: "),
        (vec![secret, id("wh_1"), ("AGENCYHANDY_ENDPOINT", "")], "AGENCYHANDY_ENDPOINT: "),
    ];
    for (variables, said) in expected {
        let error = refusal(&variables);
        assert!(error.contains(said) && !error.contains("hunter2"), "{variables:?}: {error}");
    }
}

#[test]
fn no_refusal_repeats_a_password() {
    let urls = [
        "hunter2",
        "mysql://us:hunter2@host/shop",
        "memory:hunter2",
        "postgres://us:hunter2@[host/shop",
        "postgres://us:hunter2@127.0.0.1:1/shop?pasword=hunter2",
        "redis://us:hunter2@[host",
        "redis://us:hunter2@127.0.0.1:1/hunter2",
        "rediss://us:hunter2@127.0.0.1:1",
    ];
    for url in urls {
        let error = refusal(&[("STORE", url)]);
        assert!(error.contains("STORE") && !error.contains("hunter2"), "{url}: {error}");
    }
}

/// Runs it to its end, which comes before it serves, and returns what it said.
fn refusal(variables: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut command = program();
    // Some take their port before they look at anything else.
    let command = command.current_dir(&folder).env("PORT", "0").envs(variables.iter().copied());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    if !line.is_empty() {
        child.kill().unwrap();
        panic!("{variables:?}: {line}");
    }
    let output = child.wait_with_output().unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}
