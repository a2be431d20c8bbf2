//! What is booked of which event, whatever the store.

use counterfoil::{Clock, SystemClock, senders, time::format_rfc3339};
use counterfoil_testkit::{PrivatePostgres, PrivateRedis};
use serde_json::{Value, json};

use super::server::{Server, handl_event, sum};

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

/// The list without the keys, which depend on the time in the body.
fn without_keys(mut list: Value) -> Value {
    for entry in list.as_array_mut().unwrap() {
        let key = entry.as_object_mut().unwrap().remove("key").unwrap();
        assert_eq!(key.as_str().unwrap().len(), 32);
    }
    list
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

/// Each copy comes over a connection of its own, so that every thread of the server gets some.
#[tokio::test]
async fn copies_on_many_connections_run_the_handler_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder, "memory:");
    let event = handl_event("evt_1", 0, r#"{"id":"ord_1"}"#);
    for _ in 0..16 {
        let request = server.request(&senders::HANDL, &event).header("connection", "close");
        assert_eq!(request.send().await.unwrap().status(), 200);
    }
    assert_eq!(sum(&server.get("/runs").await), 1);
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
