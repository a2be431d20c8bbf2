//! The HTTP interface of the example, on the real binary, killed in between.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use counterfoil::scheme::Sender;
use counterfoil::{Clock, Secret, Signer, SystemClock, senders, time::format_rfc3339};
use reqwest::Client;
use serde_json::{Value, json};

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
        let signer = Signer::new(sender, &Secret::new(SECRET).unwrap()).unwrap();
        let headers = signer.sign(body.as_bytes(), SystemClock.now()).unwrap();
        let url = format!("{}/webhooks/{}", self.address, sender.name);
        self.client.post(url).headers(headers).body(body.to_owned()).send().await.unwrap().status().as_u16()
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

#[tokio::test]
async fn orders_and_invoices_of_every_sender_survive_sigkill_whatever_the_store() {
    for store in ["memory:", "sqlite:webhooks.db"] {
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
        // The memory store has forgotten everything; the table of applied keys has not.
        for (sender, body) in &events {
            assert_eq!(server.post(sender, body).await, 200);
        }
        let applied = server.get("/applied").await;
        assert_eq!(applied.as_object().unwrap().len(), events.len());
        assert!(applied.as_object().unwrap().values().all(|count| *count == 1), "{applied}");
        let runs: u64 =
            server.get("/runs").await.as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
        assert_eq!(runs, if store == "memory:" { 14 } else { 7 }, "{store}");
    }
}

#[tokio::test]
async fn an_older_event_never_overwrites_a_newer_one() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder, "memory:");
    let at = |ago: u64| format_rfc3339(SystemClock.now() - std::time::Duration::from_secs(ago)).unwrap();
    for (id, ago, status) in [("evt_1", 20, "pending"), ("evt_3", 0, "delivered"), ("evt_2", 10, "confirmed")] {
        let body = format!(
            r#"{{"id":"{id}","type":"order.updated","created_at":"{}","data":{{"id":"ord_1","status":"{status}"}}}}"#,
            at(ago)
        );
        assert_eq!(server.post(&senders::HANDL, &body).await, 200);
    }
    assert_eq!(server.get("/orders").await[0]["status"], "delivered");
}

/// An event that cannot be read is no reason to be switched off by its sender.
#[tokio::test]
async fn members_that_cannot_be_read_count_as_absent() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder, "memory:");
    let now = format_rfc3339(SystemClock.now()).unwrap();
    for (id, data) in [("evt_1", r#"{"id":"ord_1","total":"","currency":7}"#), ("evt_2", "[]"), ("evt_3", r#""text""#)]
    {
        let body = format!(r#"{{"id":"{id}","type":"order.created","created_at":"{now}","data":{data}}}"#);
        assert_eq!(server.post(&senders::HANDL, &body).await, 200, "{data}");
    }
    let body = r#"{"id":"evt_4","event":"invoice.paid","occurred_at":"0001-01-01T00:00:00Z","data":{"id":"inv_1"}}"#;
    assert_eq!(server.post(&senders::AGILED, body).await, 200);
    let orders = server.get("/orders").await;
    let first = orders.as_array().unwrap().iter().find(|order| order["id"] == "ord_1").unwrap();
    assert_eq!((first["total"].clone(), first["currency"].clone()), (Value::Null, Value::Null));
    assert_eq!(orders.as_array().unwrap().len(), 3);
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

#[test]
fn it_says_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    for (name, value, said) in
        [("PORT", "0", "no secret is set"), ("STORE", "mysql://x", "STORE=mysql://x"), ("HANDL_SECRET", " ", "blank")]
    {
        let output =
            Command::new(env!("CARGO_BIN_EXE_axum-orders")).current_dir(&folder).env(name, value).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && error.contains(said), "{name}: {error}");
    }
}
