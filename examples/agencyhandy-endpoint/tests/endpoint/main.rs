//! The stand-in on real sockets.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod binary;
mod faults;
mod signature;
mod verify;

use agencyhandy_endpoint::{Endpoint, PATH, sign};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder};

const WEBHOOK_ID: &str = "66f2a1b2c3d4e5f6a7b8c9d0";
const SECRET: &str = "a secret with \"quotes\"";
const BODY: &str = r#"{"event":"ORDER.UPDATED","data":{"_id":"66f2","total":1.0,"title":"Caf\u00e9"}}"#;

const SUCCESS: &str = r#"{"verification_status":"SUCCESS"}"#;
const FAILED: &str = r#"{"type":"PermissionError","status":403,"verification_status":"FAILED"}"#;

async fn start() -> Endpoint {
    Endpoint::start(WEBHOOK_ID, SECRET).await.unwrap()
}

fn client() -> Client {
    Client::builder().no_proxy().redirect(Policy::none()).build().unwrap()
}

fn signature(body: &str) -> String {
    sign(SECRET, body.as_bytes()).unwrap()
}

/// The text of a request to verify. `payload` stands in it as it is.
fn question(webhook_id: &str, secret: &str, signature: &str, payload: &str) -> String {
    let [webhook_id, secret, signature] = [webhook_id, secret, signature].map(|text| serde_json::json!(text));
    format!(r#"{{"webhookId":{webhook_id},"signature":{signature},"secret":{secret},"payload":{payload}}}"#)
}

/// A question that is answered with a success.
fn right_question() -> String {
    question(WEBHOOK_ID, SECRET, &signature(BODY), BODY)
}

fn request(endpoint: &Endpoint, question: impl Into<reqwest::Body>) -> RequestBuilder {
    client().post(endpoint.url() + PATH).header("content-type", "application/json").body(question)
}

async fn ask(endpoint: &Endpoint, question: impl Into<reqwest::Body>) -> (u16, String) {
    let response = request(endpoint, question).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/json");
    (response.status().as_u16(), response.text().await.unwrap())
}
