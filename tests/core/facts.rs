//! What a delivery says of itself.

use std::time::{Duration, UNIX_EPOCH};

use counterfoil::idempotency::Fingerprint;
use counterfoil::scheme::{BodyForm, Envelope, Sender};
use counterfoil::verifier::Verified;
use counterfoil::{Delivery, EventError, EventId, Rejection, Verifier, senders};
use counterfoil_tests::{Example, secret};
use http::{HeaderMap, HeaderValue};

const SECRET: &str = "a secret of some length";

#[test]
fn a_delivery_says_what_is_known_of_it() {
    let example = Example::of("agiled");
    let verifier = example.builder().secret(secret(&example.secret)).endpoint("invoices").build().unwrap();
    let received_at = example.now - Duration::from_secs(1);
    let mut presented = verifier.present(&example.headers(), received_at).unwrap();
    presented.push(example.body.clone());
    let Verified::Fresh(delivery) = presented.finish(&example.headers(), example.now).unwrap() else { panic!("stale") };
    assert_eq!((delivery.sender(), delivery.endpoint(), delivery.tenant()), ("agiled", "invoices", None));
    assert_eq!(delivery.event_id().map(EventId::as_str), example.event_id.as_deref());
    assert_eq!(delivery.event_type(), Some(&*example.event_type));
    assert_eq!((delivery.body(), delivery.received_at()), (&example.body, received_at));
    assert_eq!(delivery.secret_index(), Some(0));
    assert_eq!(delivery.scope(), verifier.scope());
    assert_ne!(delivery.scope(), example.verifier().scope());
    assert_eq!(delivery.fingerprint(), Fingerprint::of(&example.body));
    let shown = format!("{delivery:?}");
    for part in ["agiled", "invoices", &example.event_type, &delivery.key().to_string()] {
        assert!(shown.contains(part), "{shown}");
    }
}

#[test]
fn what_stands_beside_the_signature_is_kept_and_cut() {
    let example = Example::of("agency-os-ai-plugin");
    let mut headers = example.headers();
    headers.insert("x-aosai-event", HeaderValue::try_from(&example.event_type).unwrap());
    headers.insert("x-aosai-webhook-id", HeaderValue::try_from("a".repeat(256)).unwrap());
    let delivery = example.verifier().verify_at(&headers, example.body.clone(), example.now).unwrap();
    assert_eq!(delivery.unsigned_id(), Some(&*"a".repeat(255)));
    assert_eq!(delivery.unsigned_event_type(), Some(&*example.event_type));
    let without = example.verifier().verify_at(&example.headers(), example.body.clone(), example.now).unwrap();
    assert_eq!((without.unsigned_id(), without.unsigned_event_type()), (None, None));
}

#[test]
fn the_data_of_a_delivery_is_read_as_what_is_asked_for() {
    let verifier = Verifier::builder(senders::HANDL).secret(secret(SECRET)).build().unwrap();
    let asserted = |body: &'static str| Delivery::assertion(&verifier, body, UNIX_EPOCH).unwrap();
    let delivery = asserted(r#"{"id":"evt_1","created_at":"2026-05-18T12:00:00Z","data":[1,2]}"#);
    assert_eq!(delivery.event::<Vec<u8>>().unwrap(), [1, 2]);
    assert!(matches!(delivery.event::<String>(), Err(EventError::Shape { .. })));
    assert!(matches!(asserted(r#"{"id":"evt_1"}"#).event::<Vec<u8>>(), Err(EventError::Absent)));
    assert_eq!(delivery.occurred_at(), Some(UNIX_EPOCH + Duration::from_secs(1_779_105_600)));
    assert_eq!(asserted(r#"{"id":"evt_1","created_at":"yesterday"}"#).occurred_at(), None);
    assert_eq!(asserted(r#"{"id":"evt_1"}"#).occurred_at(), None);
}

#[test]
fn without_a_place_for_it_the_data_is_the_body() {
    let mut sender = senders::HANDL;
    let data = |sender: &Sender, body: &'static str| {
        let verifier = Verifier::builder(sender.clone()).secret(secret(SECRET)).build().unwrap();
        let delivery = Delivery::assertion(&verifier, body, UNIX_EPOCH).unwrap();
        delivery.data().map(|data| String::from_utf8(data.to_vec()).unwrap())
    };
    let (with, without) = (r#"{"id":"evt_1","data":{"a":1}}"#, r#"{"id":"evt_1"}"#);
    assert_eq!(data(&sender, with).as_deref(), Some(r#"{"a":1}"#));
    assert_eq!(data(&sender, without), None);
    sender.envelope.data = None;
    assert_eq!(data(&sender, with).as_deref(), Some(with));
    assert_eq!(data(&sender, without).as_deref(), Some(without));
}

#[test]
fn an_assertion_has_the_signed_time_that_the_body_holds_where_it_is_fresh() {
    let example = Example::of("angage");
    let verifier = example.verifier();
    let signed_at = verifier.verify_at(&example.headers(), example.body.clone(), example.now).unwrap().signed_at();
    assert!(signed_at.is_some());
    let assert_at = |now| Delivery::assertion(&verifier, example.body.clone(), now).unwrap().signed_at();
    assert_eq!(assert_at(example.now), signed_at);
    assert_eq!(assert_at(example.now + Duration::from_secs(86_400)), None);
    assert_eq!(assert_at(UNIX_EPOCH), None);
}

#[test]
fn an_unsigned_delivery_has_no_secret_and_its_body_is_read_all_the_same() {
    let sender = senders::HANDL.insecure_unsigned();
    let verifier = Verifier::builder(sender).build().unwrap();
    let delivery = verifier.verify_at(&HeaderMap::new(), r#"{"id":"evt_1"}"#, UNIX_EPOCH).unwrap();
    assert_eq!((delivery.secret_index(), delivery.signed_at()), (None, None));
    let refused = verifier.verify_at(&HeaderMap::new(), "[]", UNIX_EPOCH).unwrap_err();
    assert!(matches!(refused, Rejection::BodyNotAnObject { .. }), "{refused:?}");
}

#[test]
fn a_body_arrives_in_any_frames_and_is_one() {
    let mut sender = senders::HANDL;
    sender.scheme.body = BodyForm::Opaque;
    sender.envelope = Envelope::default();
    let verifier = Verifier::builder(sender.insecure_unsigned()).build().unwrap();
    for frames in [&[][..], &["one"], &["", "one", ""], &["one", "two"], &["one", "", "two", "three"]] {
        let mut presented = verifier.present(&HeaderMap::new(), UNIX_EPOCH).unwrap();
        frames.iter().for_each(|frame| presented.push((*frame).into()));
        let Verified::Fresh(delivery) = presented.finish(&HeaderMap::new(), UNIX_EPOCH).unwrap() else {
            panic!("stale")
        };
        assert_eq!(delivery.body(), frames.concat().as_bytes());
        assert_eq!(delivery.received_at(), UNIX_EPOCH);
    }
}
