//! AgencyHandy, whose own endpoint is asked; here a stand-in of it.

use agencyhandy_endpoint::{Endpoint, Fault, sign};
use counterfoil::senders::AGENCYHANDY;
use serde_json::json;

use super::server::{SECRET, Server, sum};

const WEBHOOK_ID: &str = "64f0c0ffee64f0c0ffee64f0";

fn start(folder: &tempfile::TempDir, endpoint: &Endpoint) -> Server {
    let variables = [("SECRET", SECRET), ("WEBHOOK_ID", WEBHOOK_ID), ("ENDPOINT", &endpoint.url())];
    let variables = variables.map(|(name, value)| (format!("AGENCYHANDY_{name}"), value.to_owned()));
    Server::start_with(folder, "memory:", variables)
}

/// The status, and the code of a refusal.
async fn post(server: &Server, body: &str, signature: &str) -> (u16, String) {
    let response = server.unsigned(&AGENCYHANDY, body).header("x-ah-sig", signature).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

async fn status(server: &Server, body: &str) -> u16 {
    post(server, body, &sign(SECRET, body.as_bytes()).unwrap()).await.0
}

#[tokio::test]
async fn its_events_are_booked_once_where_they_say_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(WEBHOOK_ID, SECRET).await.unwrap();
    let server = start(&folder, &endpoint);
    let same = [
        r#"{"event":"ORDER.UPDATED","id":"ord_1","total":1500,"currency":"USD"}"#,
        r#"{ "id": "ord_1", "event": "ORDER.UPDATED", "currency": "\u0055SD", "total": 1500.0 }"#,
    ];
    let others = [
        r#"{"event":"Invoice.StatusChanged","id":7,"status":"paid"}"#,
        r#"{"event":"Lead.Created","id":"lead_1"}"#,
        r#"{"event":["ORDER.UPDATED"],"id":"ord_2"}"#,
        r#"{"order":{"id":"ord_3"}}"#,
        "{}",
    ];
    for body in same.iter().chain(&others) {
        assert_eq!(status(&server, body).await, 200, "{body}");
    }
    let mut orders = server.get("/orders").await;
    orders[0].as_object_mut().unwrap().remove("key").unwrap();
    let order =
        json!({"sender": "agencyhandy", "id": "ord_1", "status": "updated", "total": "1500", "currency": "USD"});
    assert_eq!(orders, json!([order]));
    let invoices = server.get("/invoices").await;
    assert_eq!((&invoices[0]["id"], &invoices[0]["status"], &invoices[1]), (&json!("7"), &json!("paid"), &json!(null)));
    assert_eq!(server.get("/applied").await.as_object().unwrap().len(), 1 + others.len());
    assert_eq!(sum(&server.get("/runs").await), 6);
}

#[tokio::test]
async fn only_what_the_endpoint_confirms_is_handled() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(WEBHOOK_ID, SECRET).await.unwrap();
    let server = start(&folder, &endpoint);
    let body = r#"{"event":"ORDER.CREATED","id":"ord_1"}"#;
    let (code, refusal) = post(&server, body, "made-up").await;
    assert!(code == 401 && refusal.contains("signature_mismatch"), "{code} {refusal}");

    let large = format!(r#"{{"event":"{}"}}"#, "x".repeat(256 * 1024));
    assert_eq!((status(&server, &large).await, endpoint.calls()), (413, 1));

    let signature = sign(SECRET, body.as_bytes()).unwrap();
    endpoint.set_fault(Fault::ServerError);
    let (code, refusal) = post(&server, body, &signature).await;
    assert!(code == 503 && refusal.contains("could_not_verify"), "{code} {refusal}");
    assert_eq!((server.get("/runs").await, server.get("/orders").await), (json!({}), json!([])));

    endpoint.set_fault(Fault::None);
    assert_eq!(post(&server, body, &signature).await.0, 200);
    assert_eq!(server.get("/orders").await[0]["id"], "ord_1");
    assert_eq!(endpoint.calls(), 3);
}
