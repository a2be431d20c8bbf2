//! The answers that the vendor documents, and those to what it does not describe.

use agencyhandy_endpoint::{Endpoint, PATH, sign};

use crate::{
    BODY, FAILED, SECRET, SUCCESS, WEBHOOK_ID, ask, client, question, request, right_question, signature, start,
};

#[tokio::test]
async fn a_signed_body_is_a_success() {
    let endpoint = start().await;
    assert_eq!(ask(&endpoint, right_question()).await, (200, SUCCESS.to_owned()));
    assert_eq!(endpoint.calls(), 1);
    assert_eq!(endpoint.redirected(), 0);
}

#[tokio::test]
async fn a_wrong_signature_body_account_or_secret_is_a_failure() {
    let endpoint = start().await;
    let signature = signature(BODY);
    let other_body = BODY.replace("66f2", "66f3");
    let other_secret = sign("another", BODY.as_bytes()).unwrap();
    let wrong = [
        question(WEBHOOK_ID, SECRET, &signature, &other_body),
        question(WEBHOOK_ID, SECRET, &other_secret, BODY),
        question(WEBHOOK_ID, "another", &other_secret, BODY),
        question(WEBHOOK_ID, "another", &signature, BODY),
        question("another", SECRET, &signature, BODY),
        question(WEBHOOK_ID, SECRET, &signature.to_uppercase(), BODY),
        question(WEBHOOK_ID, SECRET, &signature[..signature.len() - 1], BODY),
        question(WEBHOOK_ID, SECRET, "", BODY),
    ];
    for wrong in &wrong {
        assert_eq!(ask(&endpoint, wrong.clone()).await, (403, FAILED.to_owned()), "{wrong}");
    }
    assert_eq!(endpoint.calls(), wrong.len());
}

#[tokio::test]
async fn a_body_that_was_written_anew_is_a_success() {
    let endpoint = start().await;
    let anew = [
        r#"{"event": "ORDER.UPDATED",	"data": {"_id": "66f2", "total": 1.0, "title": "Caf\u00e9"}}"#,
        r#"{"data":{"title":"Caf\u00e9","total":1.0,"_id":"66f2"},"event":"ORDER.UPDATED"}"#,
        r#"{"event":"ORDER\u002eUPDATED","data":{"_id":"66f2","total":1.0,"title":"Café"}}"#,
        r#"{"event":"ORDER.UPDATED","data":{"_id":"66f2","total":1,"title":"Caf\u00E9"}}"#,
        r#"{"event":"other","event":"ORDER.UPDATED","data":{"_id":"66f2","total":10e-1,"title":"Caf\u00e9"}}"#,
    ];
    for body in anew {
        let question = question(WEBHOOK_ID, SECRET, &signature(BODY), body);
        assert_eq!(ask(&endpoint, question).await, (200, SUCCESS.to_owned()), "{body}");
    }
}

#[tokio::test]
async fn what_the_vendor_does_not_describe_is_a_bad_request_and_no_verdict() {
    let endpoint = start().await;
    let right = right_question();
    let malformed = [
        String::new(),
        "null".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        right[..right.len() - 1].to_owned(),
        format!("{right}{right}"),
        right.replacen("webhookId", "webhook_id", 1),
        right.replacen("\"signature\"", "\"sig\"", 1),
        right.replacen("\"secret\"", "\"key\"", 1),
        right.replacen("\"payload\"", "\"body\"", 1),
        right.replacen(&format!("\"{WEBHOOK_ID}\""), "66", 1),
        right.replacen(&format!("\"{}\"", signature(BODY)), "null", 1),
        right.replacen(BODY, "[]", 1),
        right.replacen(BODY, "null", 1),
        right.replacen(BODY, &serde_json::json!(BODY).to_string(), 1),
        right.replacen(BODY, &format!(r#"{{"a":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000)), 1),
    ];
    for malformed in &malformed {
        let (status, answer) = ask(&endpoint, malformed.clone()).await;
        assert_eq!(status, 400, "{malformed}");
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["type"], "ValidationError");
        assert_eq!(answer.get("verification_status"), None);
    }
    let (status, _) = ask(&endpoint, b"{\"webhookId\":\"\xff\"}".to_vec()).await;
    assert_eq!(status, 400);
    assert_eq!(endpoint.last_request(), None, "not text");
    assert_eq!(endpoint.calls(), malformed.len() + 1);
}

#[tokio::test]
async fn the_content_type_is_json() {
    let endpoint = start().await;
    let send = async |content_type| {
        let request = client().post(endpoint.url() + PATH).header("content-type", content_type);
        request.body(right_question()).send().await.unwrap().status().as_u16()
    };
    assert_eq!(send("application/json; charset=utf-8").await, 200);
    assert_eq!(send("text/plain").await, 400);
}

#[tokio::test]
async fn only_a_post_to_the_path_counts() {
    let endpoint = start().await;
    assert_eq!(client().get(endpoint.url() + PATH).send().await.unwrap().status(), 405);
    assert_eq!(client().post(endpoint.url()).send().await.unwrap().status(), 404);
    assert_eq!(endpoint.calls(), 0);
    assert_eq!(endpoint.last_request(), None);
}

#[tokio::test]
async fn the_last_request_is_kept_byte_for_byte() {
    let endpoint = start().await;
    let body = "{ \"n\" : 9007199254740993, \"x\":1.0,\t\"s\":\"\\u00e9\\/\" }";
    let last = question(WEBHOOK_ID, SECRET, &signature(body), body);
    ask(&endpoint, right_question()).await;
    assert_eq!(ask(&endpoint, last.clone()).await.0, 200);
    assert_eq!(endpoint.last_request(), Some(last));
}

#[tokio::test]
async fn a_large_body_is_read() {
    let endpoint = start().await;
    let body = format!(r#"{{"text":"{}"}}"#, "x".repeat(8 * 1024 * 1024));
    assert_eq!(ask(&endpoint, question(WEBHOOK_ID, SECRET, &signature(&body), &body)).await.0, 200);
}

#[tokio::test]
async fn debug_shows_no_secret() {
    let endpoint = start().await;
    ask(&endpoint, right_question()).await;
    let shown = format!("{endpoint:?}");
    assert!(shown.contains("127.0.0.1"), "{shown}");
    assert!(!shown.contains("secret"), "{shown}");
}

#[tokio::test]
async fn a_port_is_given_back_when_the_endpoint_is_dropped() {
    let endpoint = start().await;
    // A connection that would be used again.
    let client = client();
    let url = endpoint.url() + PATH;
    assert_eq!(client.get(&url).send().await.unwrap().status(), 405);
    let port = url.trim_end_matches(PATH).rsplit(':').next().unwrap().parse().unwrap();
    assert!(Endpoint::bind(port, WEBHOOK_ID, SECRET).await.is_err(), "taken");
    drop(endpoint);
    // The server ends when its task is next looked at.
    tokio::time::timeout(std::time::Duration::from_secs(10), async {
        while client.get(&url).send().await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    let again = Endpoint::bind(port, WEBHOOK_ID, SECRET).await.unwrap();
    assert_eq!(request(&again, right_question()).send().await.unwrap().status(), 200);
}
