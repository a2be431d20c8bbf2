//! Any signed body.

use std::borrow::Cow;

use counterfoil::scheme::{BodyForm, Challenge, Check, IdSource, Sender};
use counterfoil::{Delivery, EventId};
use serde_json::Value;

use crate::input::Input;
use crate::law;
use crate::model;
use crate::request::{self, Request};
use crate::terms::{KEY, SENDERS, Terms, noon};

const POINTERS: [&str; 10] =
    ["/id", "/data/id", "/a~1b", "/data", "/type", "/", "/data/a/b", "/event", "/m~0n", "/data/a"];

/// For every sender and other pointers, any signed body is a delivery or a typed refusal, as the model reads it; what
/// any reader of JSON finds at the pointers is what the event says; and an assertion reads it no otherwise.
pub fn event(bytes: &[u8]) {
    let mut input = Input::after_text(bytes);
    let terms = Terms::of(&sender(&mut input));
    let stamp = request::written(&terms, noon());
    let usual = request::body(&terms, &request::written_in_body(&terms, noon()));
    let body = match input.below(4) {
        0 => input.edited(&usual),
        1 => doubled(&mut input, &usual),
        _ => input.text().to_vec(),
    };
    let right = Request::signed(&terms, KEY, &stamp, &body).expect("plain text stands in a header");
    let verdict = law::agree(&terms, &right.headers, &body, noon());
    match &verdict {
        Ok(delivery) => agrees_with_any_reader(&terms, delivery, &body),
        Err(code) => assert!(!code.starts_with("signature_"), "{code} for a right signature"),
    }
    agrees_with_assertion(&terms, &body);
}

/// A sender as it is, or with other pointers.
fn sender(input: &mut Input<'_>) -> Sender {
    let mut sender = input.pick(&SENDERS).clone();
    if input.flag() || matches!(sender.scheme.check, Check::Remote(_)) {
        return sender;
    }
    if input.flag() {
        let ids = (0..1 + input.below(4)).map(|_| Cow::Borrowed(*input.pick(&POINTERS)));
        sender.envelope.id = Some(IdSource::Body(ids.collect()));
    }
    if input.flag() {
        let mut pointer = || Some(Cow::Borrowed(*input.pick(&POINTERS))).filter(|_| input.flag());
        sender.envelope.event_type = pointer();
        sender.envelope.occurred_at = pointer();
        sender.envelope.data = pointer();
    }
    match input.below(8) {
        0 => sender.scheme.body = BodyForm::Json,
        1 => {
            let (text, at, is) = (Cow::Borrowed("/data"), Cow::Borrowed("/type"), Cow::Borrowed("order.paid"));
            sender.scheme.challenge = Some(Challenge::Body { text, at, is });
        }
        _ => {}
    }
    // An object after the time is what keeps the two apart.
    if Terms::of(&sender).builder().build().is_err() {
        sender.scheme.body = BodyForm::JsonObject;
    }
    sender
}

/// A body with a member of its own put in again somewhere.
fn doubled(input: &mut Input<'_>, body: &[u8]) -> Vec<u8> {
    let commas: Vec<usize> = (1..=body.len()).filter(|at| matches!(body[at - 1], b'{' | b',')).collect();
    if commas.is_empty() {
        return body.to_vec();
    }
    let name = input.pick(&["id", "\\u0069d", "type", "data", "event", "created_at", "timestamp", "a", "nested"]);
    let value = *input.pick(&["1", "\"x\"", "{}", "null", "[1]", "{\"id\":1}", "{\"id\":1,\"id\":1}", "-0", "1e3"]);
    let mut whole = body.to_vec();
    let at = *input.pick(&commas);
    whole.splice(at..at, format!("\"{name}\":{value},").into_bytes());
    input.edited(&whole)
}

/// Where a reader that keeps the last member of a name can read the body at all, it finds the same.
fn agrees_with_any_reader(terms: &Terms, delivery: &Delivery, body: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return };
    let at = |pointer: &str| {
        let mut tokens = pointer[1..].split('/').map(|token| token.replace("~1", "/").replace("~0", "~"));
        tokens.try_fold(&value, |value, token| value.as_object()?.get(&token))
    };
    if let ([pointer], Some(id)) = (terms.sender.envelope.id_pointers(), delivery.event_id()) {
        match (id, at(pointer)) {
            (EventId::Text(text), Some(Value::String(found))) => assert_eq!(**text, **found),
            (EventId::Integer(digits), Some(Value::Number(found))) => {
                assert!(
                    found.is_f64() || digits.parse() == Ok(found.as_i128().expect("an integer")),
                    "{digits} and {found}"
                );
            }
            (id, found) => panic!("the id is {id:?}, and {found:?} stands there"),
        }
    }
    if let (Some(text), Some(pointer)) = (delivery.event_type(), &terms.sender.envelope.event_type) {
        assert_eq!(at(pointer).and_then(Value::as_str), Some(text));
    }
    if let (Some(data), Some(pointer)) = (delivery.data(), &terms.sender.envelope.data) {
        assert_eq!(at(pointer), serde_json::from_slice(data).ok().as_ref());
    }
}

/// What somebody else has verified is read in the same way.
fn agrees_with_assertion(terms: &Terms, body: &[u8]) {
    if terms.sender.scheme.remote().is_some() || request::has_id_header(terms) {
        return;
    }
    let asserted = Delivery::assertion(&terms.verifier(), body.to_vec(), noon());
    let expected = model::read(&terms.sender, body).and_then(|event| event.id().transpose());
    match (asserted, expected) {
        (Ok(delivery), Ok(id)) => {
            assert_eq!(delivery.event_id().map(law::id), id);
            assert_eq!((delivery.secret_index(), &delivery.body()[..]), (None, body));
            assert_eq!(*delivery.key().as_bytes(), model::key::key(terms, id.as_ref(), body));
        }
        (Err(rejection), Err(code)) => assert_eq!(law::typed(&rejection), code),
        (asserted, expected) => panic!("{asserted:?}, and expected is {expected:?}"),
    }
}
