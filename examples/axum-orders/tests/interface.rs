//! The HTTP interface of the example, on the real binary, killed in between.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use counterfoil::scheme::Sender;
use counterfoil::{Clock, Secret, Signer, SystemClock, senders, time::format_rfc3339};
use counterfoil_testkit::{PrivatePostgres, PrivateRedis};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::task::JoinSet;

const SECRET: &str = "whsec_of_the_example";

struct Server {
    child: Child,
    address: String,
    client: Client,
}

impl Server {
    fn start(folder: &tempfile::TempDir, store: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_axum-orders"));
        command.current_dir(folder).env("PORT", "0").env("STORE", store);
        for name in ["HANDL", "AGILED", "ANGAGE", "ANGAGE_MARKETPLACE", "AGENCY_OS_AI", "AGENCY_OS_AI_PLUGIN"] {
            command.env(format!("{name}_SECRET"), SECRET);
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("{line:?}")).to_owned();
        Self { child, address, client: Client::new() }
    }

    async fn post(&self, sender: &Sender, body: &str) -> u16 {
        self.request(sender, body).send().await.unwrap().status().as_u16()
    }

    fn request(&self, sender: &Sender, body: &str) -> RequestBuilder {
        let signer = Signer::new(sender, &Secret::new(SECRET).unwrap()).unwrap();
        let headers = signer.sign(body.as_bytes(), SystemClock.now()).unwrap();
        let url = format!("{}/webhooks/{}", self.address, sender.name);
        self.client.post(url).headers(headers).body(body.to_owned())
    }

    async fn get(&self, path: &str) -> Value {
        let response = self.client.get(format!("{}{path}", self.address)).send().await.unwrap();
        assert_eq!(response.status(), 200);
        serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }
}

/// The list without the keys, which depend on the time in the body.
fn without_keys(mut list: Value) -> Value {
    for entry in list.as_array_mut().unwrap() {
        let key = entry.as_object_mut().unwrap().remove("key").unwrap();
        assert_eq!(key.as_str().unwrap().len(), 32);
    }
    list
}

/// An event about an order, written so many seconds ago.
fn handl_event(id: &str, ago: u64, data: &str) -> String {
    let at = format_rfc3339(SystemClock.now() - Duration::from_secs(ago)).unwrap();
    format!(r#"{{"id":"{id}","type":"order.updated","created_at":"{at}","data":{data}}}"#)
}

fn sum(counts: &Value) -> u64 {
    counts.as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum()
}

#[tokio::test]
async fn orders_and_invoices_of_every_sender_survive_sigkill_whatever_the_store() {
    let (postgres, redis) = (PrivatePostgres::start(), PrivateRedis::start(&[]));
    for store in ["memory:", "sqlite:webhooks.db", &postgres.url(), &redis.url()] {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(&folder, store);
        let now = format_rfc3339(SystemClock.now()).unwrap();
        let seconds = SystemClock.now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let events = [
            (
                senders::HANDL,
                format!(
                    r#"{{"id":"evt_1","type":"order.created","created_at":"{now}","data":{{"id":"ord_1","status":"pending","total":850000,"currency":"NGN"}}}}"#
                ),
            ),
            (
                senders::HANDL,
                format!(r#"{{"id":"evt_2","type":"message.sent","created_at":"{now}","data":{{"id":"msg_1"}}}}"#),
            ),
            (
                senders::AGILED,
                format!(r#"{{"id":"evt_3","event":"invoice.paid","occurred_at":"{now}","data":{{"id":"inv_1"}}}}"#),
            ),
            (
                senders::ANGAGE,
                format!(
                    r#"{{"event":"order.created","timestamp":"{now}","data":{{"order_id":"SO-1","totals":{{"total":"99.90"}}}}}}"#
                ),
            ),
            (
                senders::ANGAGE_MARKETPLACE,
                format!(r#"{{"event":"invoice.created","timestamp":"{now}","data":{{"status":"open"}}}}"#),
            ),
            (
                senders::AGENCY_OS_AI,
                format!(
                    r#"{{"event":"invoice.paid","timestamp":"{now}","data":{{"id":42,"amount":1500.00,"currency":"USD"}}}}"#
                ),
            ),
            (
                senders::AGENCY_OS_AI_PLUGIN,
                format!(
                    r#"{{"event":"project.created","timestamp":{seconds},"data":{{"id":"7","budget":"1500.00","currency":null}}}}"#
                ),
            ),
        ];
        for (sender, body) in &events {
            assert_eq!(server.post(sender, body).await, 200, "{} {body}", sender.name);
            assert_eq!(server.post(sender, body).await, 200, "a copy");
        }
        drop(server);

        let server = Server::start(&folder, store);
        let orders = json!([
            {"sender": "agency-os-ai-plugin", "id": "7", "status": "created", "total": "1500.00", "currency": null},
            {"sender": "angage", "id": "SO-1", "status": "created", "total": "99.90", "currency": null},
            {"sender": "handl", "id": "ord_1", "status": "pending", "total": "850000", "currency": "NGN"},
        ]);
        assert_eq!(without_keys(server.get("/orders").await), orders, "{store}");
        let invoices = server.get("/invoices").await;
        let keys: Vec<_> = invoices.as_array().unwrap().iter().map(|entry| entry["key"].clone()).collect();
        let invoices_expected = json!([
            {"sender": "agency-os-ai", "id": "42", "status": "paid", "total": "1500.00", "currency": "USD"},
            {"sender": "agiled", "id": "inv_1", "status": "paid", "total": null, "currency": null},
            {"sender": "angage-marketplace", "id": keys[2], "status": "open", "total": null, "currency": null},
        ]);
        assert_eq!(without_keys(invoices), invoices_expected, "{store}");
        // The memory store has forgotten everything; the ledger's keys of applied events have not.
        for (sender, body) in &events {
            assert_eq!(server.post(sender, body).await, 200);
        }
        let applied = server.get("/applied").await;
        assert_eq!(applied.as_object().unwrap().len(), events.len());
        assert!(applied.as_object().unwrap().values().all(|count| *count == 1), "{applied}");
        assert_eq!(sum(&server.get("/runs").await), if store == "memory:" { 14 } else { 7 }, "{store}");
    }
}

#[tokio::test]
async fn an_older_event_never_overwrites_a_newer_one() {
    let postgres = PrivatePostgres::start();
    for store in ["memory:", &postgres.url()] {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(&folder, store);
        for (id, ago, status) in [("evt_1", 20, "pending"), ("evt_3", 0, "delivered"), ("evt_2", 10, "confirmed")] {
            let data = format!(r#"{{"id":"ord_1","status":"{status}"}}"#);
            assert_eq!(server.post(&senders::HANDL, &handl_event(id, ago, &data)).await, 200);
        }
        assert_eq!(server.get("/orders").await[0]["status"], "delivered");
    }
}

/// An event that cannot be read is no reason to be switched off by its sender.
#[tokio::test]
async fn members_that_cannot_be_read_count_as_absent() {
    let postgres = PrivatePostgres::start();
    // Longer than an index takes, and not to be compressed.
    let digits = (0..6000_u64).map(|n| char::from(b'a' + u8::try_from(n.wrapping_mul(n) % 9967 % 26).unwrap()));
    let long = format!(r#"{{"id":"{}"}}"#, digits.collect::<String>());
    for store in ["memory:", &postgres.url()] {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(&folder, store);
        let unreadable = [
            r#"{"id":"ord_1","total":"","currency":7}"#,
            "[]",
            r#""text""#,
            r#"{"id":"\u0000","status":"\u0000"}"#,
            &long,
        ];
        for (number, data) in unreadable.iter().enumerate() {
            let event = handl_event(&format!("evt_{number}"), 0, data);
            assert_eq!(server.post(&senders::HANDL, &event).await, 200, "{store} {data}");
        }
        let body =
            r#"{"id":"evt_4","event":"invoice.paid","occurred_at":"0001-01-01T00:00:00Z","data":{"id":"inv_1"}}"#;
        assert_eq!(server.post(&senders::AGILED, body).await, 200);
        let orders = server.get("/orders").await;
        let find = |id: &str| orders.as_array().unwrap().iter().find(|order| order["id"] == id).unwrap();
        assert_eq!((&find("ord_1")["total"], &find("ord_1")["currency"]), (&Value::Null, &Value::Null));
        assert_eq!(find("\u{fffd}")["status"], "\u{fffd}");
        assert_eq!(orders.as_array().unwrap().len(), unreadable.len());
    }
}

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

#[tokio::test]
#[cfg(unix)]
async fn sigterm_lets_deliveries_finish_and_ends_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(&folder, "memory:");
    assert_eq!(server.get("/orders").await, json!([]));
    let killed = Command::new("kill").arg(server.child.id().to_string()).status().unwrap();
    assert!(killed.success());
    let status = server.child.wait().unwrap();
    assert!(status.success(), "{status}");
}

/// Runs it to its end, which comes before it serves, and returns what it said.
fn refusal(name: &str, value: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_axum-orders"));
    let output = command.current_dir(&folder).env(name, value).output().unwrap();
    assert!(!output.status.success() && output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
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
        ("LEASE_SECONDS", "soon", "LEASE_SECONDS: "),
        ("DB", "no/such/folder/orders.db", "DB=no/such/folder/orders.db cannot be used"),
    ];
    for (name, value, said) in expected {
        let error = refusal(name, value);
        assert!(error.contains(said), "{name}={value}: {error}");
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
        let error = refusal("STORE", url);
        assert!(error.contains("STORE") && !error.contains("hunter2"), "{url}: {error}");
    }
}
