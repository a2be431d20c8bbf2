//! Each fault does what it says, and the next request without one is answered rightly.

use std::time::{Duration, Instant};

use agencyhandy_endpoint::{Endpoint, Fault, PATH};
use reqwest::Client;

use crate::{BODY, FAILED, SECRET, SUCCESS, WEBHOOK_ID, ask, question, request, right_question, start};

async fn with(fault: Fault) -> Endpoint {
    let endpoint = start().await;
    endpoint.set_fault(fault);
    endpoint
}

async fn is_right_again(endpoint: &Endpoint) {
    endpoint.set_fault(Fault::default());
    assert_eq!(ask(endpoint, right_question()).await, (200, SUCCESS.to_owned()));
}

#[tokio::test]
async fn answers_that_are_wrong_in_themselves() {
    let endpoint = start().await;
    let faults = [
        (Fault::ServerError, 500, r#"{"type":"InternalServerError","status":500}"#),
        (Fault::BrokenJson, 200, r#"{"verification_status":"SUCCESS""#),
        (Fault::FailedWith200, 200, FAILED),
        (Fault::SuccessWith403, 403, SUCCESS),
        (Fault::OtherForbidden, 403, r#"{"type":"PermissionError","status":403}"#),
    ];
    for (fault, status, body) in faults {
        endpoint.set_fault(fault);
        assert_eq!(ask(&endpoint, right_question()).await, (status, body.to_owned()), "{fault:?}");
        assert_eq!(endpoint.last_request(), Some(right_question()), "{fault:?}");
    }
    assert_eq!(endpoint.calls(), faults.len());
    is_right_again(&endpoint).await;
}

#[tokio::test]
async fn too_many_requests_says_when_to_come_again() {
    let endpoint = with(Fault::TooManyRequests).await;
    let response = request(&endpoint, right_question()).send().await.unwrap();
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["retry-after"], "30");
    assert!(!response.text().await.unwrap().contains("verification_status"));
    is_right_again(&endpoint).await;
}

#[tokio::test]
async fn slow_is_late_and_right() {
    let delay = Duration::from_millis(300);
    let endpoint = with(Fault::Slow(delay)).await;
    let wrong = question(WEBHOOK_ID, SECRET, "wrong", BODY);
    for (question, answer) in [(right_question(), (200, SUCCESS)), (wrong, (403, FAILED))] {
        let started = Instant::now();
        assert_eq!(ask(&endpoint, question).await, (answer.0, answer.1.to_owned()));
        assert!(started.elapsed() >= delay);
    }
}

#[tokio::test]
async fn the_redirect_would_be_a_success_and_is_counted() {
    let endpoint = with(Fault::Redirect).await;
    let response = request(&endpoint, right_question()).send().await.unwrap();
    assert_eq!(response.status(), 307);
    assert_ne!(response.headers()["location"], PATH);
    assert_eq!(endpoint.redirected(), 0);

    let follows = Client::builder().no_proxy().build().unwrap();
    let response = follows.post(endpoint.url() + PATH).body(right_question()).send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.text().await.unwrap()), (200, SUCCESS.to_owned()));
    assert_eq!((endpoint.calls(), endpoint.redirected()), (2, 1));
    is_right_again(&endpoint).await;
}

#[tokio::test]
async fn hang_never_answers_but_takes_other_requests() {
    let endpoint = with(Fault::Hang).await;
    let error = request(&endpoint, right_question()).timeout(Duration::from_millis(300)).send().await.unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    assert_eq!((endpoint.calls(), endpoint.last_request()), (1, Some(right_question())));

    let hanging = tokio::spawn(request(&endpoint, right_question()).send());
    while endpoint.calls() < 2 {
        tokio::task::yield_now().await;
    }
    is_right_again(&endpoint).await;
    assert!(!hanging.is_finished());
    drop(endpoint);
    assert!(hanging.await.unwrap().is_err(), "closed with the endpoint");
}

#[tokio::test]
async fn close_ends_the_connection_without_an_answer() {
    let endpoint = with(Fault::Close).await;
    for body in [right_question(), "x".repeat(4 * 1024 * 1024)] {
        let error = request(&endpoint, body).timeout(Duration::from_secs(10)).send().await.unwrap_err();
        assert!(!error.is_timeout() && !error.is_connect() && error.status().is_none(), "{error:?}");
        assert_eq!(endpoint.last_request(), None, "the body is not read");
    }
    assert!(endpoint.calls() >= 2);
    is_right_again(&endpoint).await;
}

#[tokio::test]
async fn endless_begins_with_a_success_and_goes_on() {
    let endpoint = with(Fault::Endless).await;
    let mut response = request(&endpoint, right_question()).send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.content_length()), (200, None));
    assert_eq!(response.headers()["content-type"], "application/json");
    let mut received = Vec::new();
    while received.len() < 32 * 1024 * 1024 {
        received.extend(response.chunk().await.unwrap().unwrap());
    }
    assert!(received.starts_with(SUCCESS.trim_end_matches('}').as_bytes()));
    assert!(!received.contains(&b'}'));
    drop(response);
    is_right_again(&endpoint).await;
}
