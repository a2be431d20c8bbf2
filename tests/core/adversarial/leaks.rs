//! No text that we make holds a secret, an expected tag, or a part of either.

use std::fmt::{Debug, Write as _};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use counterfoil::receiver::{Answer, Head};
use counterfoil::{Receiver, Rejection, Secret, SecretEncoding, Signer, senders};
use counterfoil_tests::{Example, hex, receive, secret};
use counterfoil_tower::Tokio;
use http::{HeaderMap, Method, Uri};

use crate::log;

const CANARY: &str = "Zq7#canary-secret-Wx4";

/// The beginnings of every form in which `bytes` might be printed. Four bytes are too many for chance.
fn forms(bytes: &[u8]) -> Vec<String> {
    let head = &bytes[..6];
    let listed = format!("{:?}", &bytes[..4]);
    let mut forms = vec![
        hex(head),
        hex(head).to_uppercase(),
        STANDARD.encode(head),
        URL_SAFE.encode(head),
        listed.trim_matches(['[', ']']).to_owned(),
        format!("{:x?}", &bytes[..4]).trim_matches(['[', ']']).to_owned(),
    ];
    forms.extend(std::str::from_utf8(head).map(str::to_owned));
    forms
}

/// Everything about `example` under the canary that must not be shown.
fn hidden(example: &Example) -> Vec<String> {
    let tag = example.tag(CANARY, &example.stamp, &example.body);
    [forms(CANARY.as_bytes()), forms(&tag)].concat()
}

fn assert_hidden(hidden: &[String], shown: &str) {
    for needle in hidden {
        assert!(!shown.contains(needle), "{needle} in {shown}");
    }
}

/// Requests that are refused with as many codes as the example allows.
fn refused(example: &Example, secret: &str) -> Vec<(HeaderMap, Vec<u8>)> {
    let signed = example.signed(secret, &example.stamp, &example.body);
    let mut requests = vec![
        (HeaderMap::new(), vec![]),
        (example.signed("none_of_the_secrets", &example.stamp, &example.body), example.body.to_vec()),
        (example.signed(secret, &example.stamp, b"[]"), b"[]".to_vec()),
        (signed.clone(), b"changed".to_vec()),
    ];
    if example.event_id.is_some() || example.wire.time_member.is_some() {
        requests.push((example.signed(secret, &example.stamp, b"{}"), b"{}".to_vec()));
    }
    let mut change = |name: &str, change: &dyn Fn(&mut HeaderMap)| {
        let mut headers = signed.clone();
        change(&mut headers);
        assert_ne!(headers, signed, "{name}");
        requests.push((headers, example.body.to_vec()));
    };
    let signature = example.wire.signature;
    let right = signed[signature].clone();
    change("doubled", &|headers| {
        headers.append(signature, right.clone());
    });
    change("malformed", &|headers| {
        headers.insert(signature, format!("x{}", right.to_str().expect("ASCII")).parse().expect("a value"));
    });
    if let Some((header, _)) = example.wire.timestamp {
        change("no time", &|headers| {
            headers.remove(header);
        });
        change("bad time", &|headers| {
            headers.insert(header, "soon".parse().expect("a value"));
        });
    }
    if let Some(event) = example.wire.event {
        change("contradicted", &|headers| {
            headers.insert(event, "something.else".parse().expect("a value"));
        });
    }
    requests
}

#[test]
fn t14_t20_a_form_that_is_shown_is_found() {
    let tag = hmac_sha256::HMAC::mac("message", CANARY);
    for shown in [format!("{tag:?}"), format!("{tag:x?}"), hex(&tag), STANDARD.encode(tag), URL_SAFE.encode(tag)] {
        assert!(forms(&tag).iter().any(|needle| shown.contains(needle)), "{shown}");
    }
    assert!(forms(CANARY.as_bytes()).iter().any(|needle| format!("{CANARY:?}").contains(needle)));
}

#[test]
fn t14_t20_no_debug_and_no_display_shows_a_secret_or_a_tag() {
    for example in Example::all() {
        let shown = everything_shown(example, CANARY);
        assert!(shown.contains("redacted") && shown.contains(example.wire.sender), "{shown}");
        assert_hidden(&hidden(example), &shown);
        // Nothing else that comes from the secret is in it either.
        assert_eq!(shown, everything_shown(example, "another_secret_of_another_length"));
    }
}

/// `Debug` and `Display` of every public value on the way of a request under `secret`.
fn everything_shown(example: &Example, text: &str) -> String {
    let (now, late) = (example.now, example.now + Duration::from_secs(1_000_000));
    let headers = example.signed(text, &example.stamp, &example.body);
    let builder = example.builder().secret(secret(text)).secret_until(secret(text), late);
    let verifier = builder.clone().build().expect("a verifier");
    let begin = || verifier.present(&headers, now).expect("a head in order");
    let (begun, mut fresh, mut stale) = (begin(), begin(), begin());
    fresh.push(example.body.clone());
    stale.push(example.body.clone());
    let mut shown = String::new();
    show(&mut shown, &[&secret(text), &builder, &verifier, &begun, &fresh]);
    show(&mut shown, &[&fresh.finish(&headers, now), &stale.finish(&headers, late)]);
    let delivery = verifier.verify_at(&headers, example.body.clone(), now).expect("a delivery");
    let signer = Signer::new(&example.sender, &secret(text)).expect("a signer");
    show(&mut shown, &[&delivery, &signer, &signer.sign(b"{}", SystemTime::UNIX_EPOCH).map(drop)]);
    for (headers, body) in refused(example, text) {
        show_rejection(&mut shown, &verifier.verify_at(&headers, body, now).expect_err("refused"));
    }
    for now in [late, SystemTime::UNIX_EPOCH] {
        show_rejection(&mut shown, &verifier.verify_at(&headers, example.body.clone(), now).expect_err("refused"));
    }
    shown
}

#[test]
fn t14_t20_a_secret_that_is_refused_is_not_shown() {
    let shouted = "$ZQ7_CANARY_SECRET";
    let mistakes = [
        (shouted, SecretEncoding::Raw),
        ("env:Zq7canarySecretWx4", SecretEncoding::Raw),
        (CANARY, SecretEncoding::Hex),
        (CANARY, SecretEncoding::Base64),
        (CANARY, SecretEncoding::Whsec),
        ("whsec_Zq7#canary", SecretEncoding::Whsec),
    ];
    for (text, encoding) in mistakes {
        let error = Secret::decode(text, encoding).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("anary") && !shown.contains("CANARY") && !shown.contains("Zq7"), "{shown}");
    }
    let five = (0..5).fold(counterfoil::Verifier::builder(senders::HANDL), |builder, _| builder.secret(secret(CANARY)));
    let error = five.build().unwrap_err();
    assert!(!format!("{error} {error:?}").contains("anary"));
}

#[tokio::test]
async fn t14_t20_a_receiver_shows_no_secret_and_no_tag_on_the_wire_or_in_its_log() {
    log::collect();
    for example in Example::all() {
        let clock = counterfoil::testing::FixedClock::new(example.now);
        let builder = Receiver::builder(example.sender.clone()).secret(secret(CANARY)).endpoint("leaks").clock(clock);
        let builder = builder.tolerance(counterfoil::Tolerance::RetrySafe);
        let mut shown = format!("{builder:?}");
        let receiver = builder.build().unwrap();
        show(&mut shown, &[&receiver]);
        let mut answer = |answer| {
            show(&mut shown, &[&answer]);
            let response = Answer::into_response(answer);
            show(&mut shown, &[&response, &response.extensions().get::<Answer>()]);
        };
        for (headers, body) in refused(example, CANARY) {
            answer(receive(&receiver, &Method::POST, &headers, [body.into()]).await.unwrap_err());
        }
        let headers = example.signed(CANARY, &example.stamp, &example.body);
        let uri = Uri::default();
        let mut intake = receiver.head(&Tokio, &Head::new(&Method::POST, &uri, &headers)).await.unwrap();
        intake.push(example.body.clone()).unwrap();
        show(&mut shown, &[&intake]);
        show(&mut shown, &[&intake.finish(&headers)]);
        assert!(shown.contains("signature_mismatch") && shown.contains("leaks"), "{shown}");
        assert_hidden(&hidden(example), &shown);
        let log = log::text();
        let sender = format!("sender={} endpoint=leaks", example.wire.sender);
        assert!(log.lines().any(|line| line.contains(&sender) && line.contains("signature_mismatch")), "{log}");
        assert_hidden(&hidden(example), &log);
    }
}

fn show(shown: &mut String, values: &[&dyn Debug]) {
    for value in values {
        write!(shown, "{value:?} {value:#?} ").expect("a string takes everything");
    }
}

fn show_rejection(shown: &mut String, rejection: &Rejection) {
    show(shown, &[rejection]);
    write!(shown, "{rejection} {} ", rejection.kind()).expect("a string takes everything");
}
