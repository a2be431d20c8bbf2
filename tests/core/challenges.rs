//! Senders that ask whether an address is ours.

use bytes::Bytes;
use counterfoil::receiver::{Answer, Head};
use counterfoil::scheme::Sender;
use counterfoil::{Clock as _, Receiver, Secret, Signer, SystemClock, senders};
use counterfoil_tests::{at_once, receive};
use counterfoil_tower::Tokio;
use http::{HeaderMap, Method, Response, Uri};

const SECRET: &str = "a secret of some length";

fn slack() -> Sender {
    senders::catalogue().iter().find(|sender| sender.name == "slack").unwrap().clone()
}

fn echo() -> Sender {
    let file = r#"
        [[sender]]
        name = "echo"
        kind = "hmac"
        signature = { header = "X-Echo", encoding = "hex" }
        challenge = { query = "validation token" }
    "#;
    senders::from_toml(file).unwrap().remove(0)
}

fn receiver(sender: Sender) -> Receiver {
    Receiver::builder(sender).secret(Secret::new(SECRET).unwrap()).build().unwrap()
}

fn signed(body: &str) -> HeaderMap {
    let signer = Signer::new(&slack(), &Secret::new(SECRET).unwrap()).unwrap();
    signer.sign(body.as_bytes(), SystemClock.now()).unwrap()
}

fn posted(headers: &HeaderMap, body: &str) -> Response<Bytes> {
    let receiver = receiver(slack());
    let answer = at_once(receive(&receiver, &Method::POST, headers, [body.to_owned().into()])).unwrap_err();
    answer.into_response()
}

#[test]
fn a_signed_challenge_is_echoed_as_plain_text() {
    let body = r#"{"type":"url_verification","challenge":"<b>3eZbrw1aB</b>","token":"x"}"#;
    let response = posted(&signed(body), body);
    assert_eq!(response.status(), 200);
    assert_eq!(response.body(), "<b>3eZbrw1aB</b>");
    assert_eq!(response.headers()["content-type"], "text/plain; charset=utf-8");
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    assert!(matches!(response.extensions().get(), Some(Answer::Challenge(_))));
}

#[test]
fn a_challenge_is_verified_first_and_bounded() {
    let body = r#"{"type":"url_verification","challenge":"c"}"#;
    let mut forged = signed(body);
    forged.insert("x-slack-signature", format!("v0={}", "0".repeat(64)).parse().unwrap());
    assert_eq!(posted(&forged, body).status(), 401);
    assert_eq!(posted(&HeaderMap::new(), body).status(), 401);
    let longest = format!(r#"{{"type":"url_verification","challenge":"{}"}}"#, "c".repeat(1024));
    assert_eq!(posted(&signed(&longest), &longest).status(), 200);
    for odd in [
        longest.replace("cc\"", "ccc\""),
        r#"{"type":"url_verification"}"#.to_owned(),
        r#"{"type":"url_verification","challenge":""}"#.to_owned(),
        r#"{"type":"url_verification","challenge":["c"]}"#.to_owned(),
        r#"{"type":"url_verification","challenge":"c","challenge":"d"}"#.to_owned(),
    ] {
        assert_eq!(posted(&signed(&odd), &odd).status(), 400, "{odd}");
    }
}

#[test]
fn what_is_no_challenge_is_an_event() {
    let body = r#"{"type":"event_callback","challenge":"c","event_id":"Ev1","event":{"type":"message"}}"#;
    let receiver = receiver(slack());
    let received = at_once(receive(&receiver, &Method::POST, &signed(body), [body.into()])).unwrap();
    assert_eq!(received.delivery().unwrap().event_type(), Some("message"));
}

#[test]
fn a_challenge_in_the_query_is_echoed() {
    let receiver = receiver(echo());
    let asked = |method: &Method, uri: &str| {
        let (uri, headers): (Uri, _) = (uri.parse().unwrap(), HeaderMap::new());
        match at_once(receiver.head(&Tokio, &Head::new(method, &uri, &headers))) {
            Ok(_) => panic!("no signature was sent"),
            Err(Answer::Challenge(text)) => Ok(text),
            Err(answer) => Err(answer.status().as_u16()),
        }
    };
    for method in [Method::GET, Method::POST] {
        assert_eq!(asked(&method, "/hook?validation+token=a%20b%3C&x=1"), Ok("a b<".into()));
    }
    assert_eq!(asked(&Method::PUT, "/hook?validation+token=a"), Err(405));
    let long = format!("/hook?validation+token={}", "a".repeat(1025));
    for uri in [
        "/hook",
        "/hook?",
        "/hook?token=a",
        "/hook?validation+token=",
        "/hook?validation+token=a&validation%20token=b",
        "/hook?validation+token=%0d%0aa",
        &*long,
    ] {
        assert_eq!(asked(&Method::GET, uri), Err(405), "{uri}");
        assert_eq!(asked(&Method::POST, uri), Err(401), "{uri}");
    }
}
