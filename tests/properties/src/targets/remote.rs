//! Deliveries that only their sender can prove.

use counterfoil::remote::{Concluded, RemoteCheck};
use counterfoil::senders;
use counterfoil::verifier::Verified;
use http::StatusCode;
use serde_json::Value;

use crate::input::Input;
use crate::law;
use crate::model::json;
use crate::request::Request;
use crate::terms::{KEY, Terms, noon};

const VALID: &[u8] = br#"{"verification_status":"SUCCESS"}"#;
const INVALID: &[u8] = br#"{"verification_status":"FAILED"}"#;

/// Any body and any answer of the sender's endpoint: what is asked holds the body and nothing else of a request's
/// choosing, only the one answer that says so proves a delivery, and the key is that of what the body means.
pub fn remote(bytes: &[u8]) {
    let mut input = Input::after_text(bytes);
    let terms = Terms::of(&senders::AGENCYHANDY);
    let (status, kind) = (answer_status(&mut input), input.below(4));
    let answer = match kind {
        0 => VALID.to_vec(),
        1 => INVALID.to_vec(),
        2 => input.edited(VALID),
        _ => input.chunk().to_vec(),
    };
    let body = input.text();
    let right = Request::signed(&terms, KEY, b"", body).expect("plain text stands in a header");
    let _ = law::agree(&terms, &right.headers, body, noon());
    let Some(check) = ask(&terms, &right.headers, body) else { return };
    asks_of_the_body_alone(&check, body);
    let verdict = check.question().judge(status, &answer);
    let says = |code: u16, text: &str| {
        let said: Option<serde_json::Map<String, Value>> = serde_json::from_slice(&answer).ok();
        status == code && said.is_some_and(|said| said.get("verification_status") == Some(&text.into()))
    };
    law::shows_no_secret(&terms, (&check, check.question(), &verdict), &right.headers, body);
    match check.conclude(&verdict, noon()) {
        Concluded::Proven(delivery) => {
            assert!(says(200, "SUCCESS"), "{status} {answer:?} proves nothing");
            assert_eq!(&delivery.body()[..], body);
            key_is_that_of_the_meaning(&terms, &delivery, body);
        }
        Concluded::Refused(rejection) => {
            let code = law::typed(&rejection);
            match (says(200, "SUCCESS"), says(403, "FAILED")) {
                // A number that no double holds has no canonical form.
                (true, _) => assert_eq!(code, "body_not_an_object"),
                (_, true) => assert_eq!(code, "signature_mismatch"),
                _ => assert_eq!(code, "could_not_verify"),
            }
        }
        other => panic!("there is one secret: {other:?}"),
    }
}

fn answer_status(input: &mut Input<'_>) -> StatusCode {
    StatusCode::from_u16(*input.pick(&[200, 403, 201, 401, 429, 500])).expect("a status")
}

fn ask(terms: &Terms, headers: &http::HeaderMap, body: &[u8]) -> Option<RemoteCheck> {
    let mut presented = terms.verifier().present(headers, noon()).ok()?;
    presented.push(body.to_vec().into());
    match presented.finish(headers, noon()) {
        Ok(Verified::Ask(check)) => Some(*check),
        Ok(other) => panic!("nothing but its endpoint can prove it: {other:?}"),
        Err(rejection) => {
            assert_eq!(law::typed(&rejection), "body_not_an_object");
            None
        }
    }
}

/// Nothing in the body becomes another member of the question.
fn asks_of_the_body_alone(check: &RemoteCheck, body: &[u8]) {
    let asked = check.question().body();
    let text = std::str::from_utf8(&asked).expect("the question is text");
    let members = json::object(text).expect("the question is one object");
    let names: Vec<_> = members.iter().map(|member| member.name.as_deref().unwrap_or_default()).collect();
    assert_eq!(names, ["webhookId", "signature", "secret", "payload"]);
    let payload = std::str::from_utf8(body).expect("what is asked about is text");
    let space = [' ', '\t', '\r', '\n'];
    assert_eq!(members[3].value, payload.trim_matches(space));
    assert!(!json::repeats(text), "readers disagree on what is asked about");
}

/// The same members in another order and with other white space are the same event.
fn key_is_that_of_the_meaning(terms: &Terms, delivery: &counterfoil::Delivery, body: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return };
    let again = serde_json::to_vec_pretty(&value).expect("it was read");
    let assertion = counterfoil::Delivery::assertion(&terms.verifier(), again.clone(), noon());
    let other = assertion.unwrap_or_else(|rejection| panic!("{rejection}"));
    assert_eq!((other.key(), other.fingerprint()), (delivery.key(), delivery.fingerprint()));
    let changed = again.iter().rev().skip_while(|byte| **byte != b'}').count();
    let comma = if value.as_object().is_some_and(|members| members.is_empty()) { "" } else { "," };
    let changed = [&again[..changed - 1], comma.as_bytes(), b"\"@another member@\":1}"].concat();
    if let Ok(other) = counterfoil::Delivery::assertion(&terms.verifier(), changed, noon()) {
        assert_ne!(other.key(), delivery.key());
    }
}
