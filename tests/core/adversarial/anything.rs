//! Any bytes anywhere: a receiver refuses them with a type, and in no other way. What a verifier makes of any bytes is held
//! by `counterfoil-properties`, to the letter of each code.

use counterfoil::receiver::Answer;
use counterfoil::{Receiver, Rejection, Tolerance};
use counterfoil_tests::{Example, at_once, receive, secret};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::REFUSALS;

/// Bytes for a header: some that are near to something, some that are near to nothing.
fn field() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..80),
        "(sha256=|v1=|sha1=)?[0-9a-fA-F]{60,68}".prop_map(String::into_bytes),
        "(v1=[0-9a-f]{64},?|,|v1=|[a-z ]{0,9}){0,40}".prop_map(String::into_bytes),
        "[+-]?[0-9]{0,20}".prop_map(String::into_bytes),
        "[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{0,12})?(Z|[+-][0-9]{2}:[0-9]{2})?"
            .prop_map(String::into_bytes),
        "\\PC{0,40}".prop_map(String::into_bytes),
    ]
}

/// Bodies likewise.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let name = select(vec!["id", "event", "type", "timestamp", "created_at", "occurred_at", "data", "\\u0069d", ""]);
    let value = select(vec![
        "1",
        "-1",
        "1e999",
        "\"a\"",
        "\"\\ud800\"",
        "\"\\u0000\"",
        "null",
        "[",
        "]",
        "{",
        "}",
        "{}",
        "[[[[",
        "1774958400",
        "\"2026-05-18T12:00:00Z\"",
        "\"{webhook.id}\"",
        "99999999999999999999999999999999999999",
        "\"",
    ]);
    let member = (name, value).prop_map(|(name, value)| format!("\"{name}\":{value}"));
    prop_oneof![
        vec(any::<u8>(), 0..300),
        vec(member, 0..6).prop_map(|members| format!("{{{}}}", members.join(",")).into_bytes()),
        "[{}\\[\\]\":,0-9a-z\\\\ \n\u{0}é]{0,60}".prop_map(String::into_bytes),
    ]
}

/// The example's body with bytes overwritten, removed or added.
fn near(example: &'static Example) -> impl Strategy<Value = Vec<u8>> {
    let edit = (0..example.body.len(), 0..4_usize, vec(any::<u8>(), 0..4));
    vec(edit, 0..4).prop_map(|edits| {
        edits.into_iter().fold(example.body.to_vec(), |mut body, (place, length, bytes)| {
            let place = place.min(body.len());
            let end = (place + length).min(body.len());
            body.splice(place..end, bytes);
            body
        })
    })
}

fn example() -> impl Strategy<Value = &'static Example> {
    select(Example::all().iter().collect::<Vec<_>>())
}

const NAMES: [&str; 12] = [
    "x-aosai-signature",
    "x-aosai-timestamp",
    "x-aosai-event",
    "x-aosai-webhook-id",
    "x-agiled-webhook-signature",
    "x-agiled-webhook-timestamp",
    "x-handl-signature",
    "x-angage-signature",
    "x-webhook-signature",
    "x-till-signature",
    "content-length",
    "content-encoding",
];

/// A code of the contract with its status, a reason for people, and nothing but the code on the wire.
fn assert_typed(rejection: Rejection, more: &[(&str, u16)]) {
    let (code, status) = (rejection.kind().code(), rejection.status());
    assert!(REFUSALS.iter().chain(more).any(|known| *known == (code, status)), "{code} with {status}");
    assert!(!rejection.to_string().is_empty() && !format!("{rejection:?}").is_empty());
    let response = Answer::Refused(rejection).into_response();
    assert_eq!(response.status().as_u16(), status);
    assert_eq!(*response.body(), format!(r#"{{"status":{status},"code":"{code}"}}"#));
}

fn receiver(example: &Example) -> Receiver {
    let receiver = Receiver::builder(example.sender.clone()).tolerance(Tolerance::RetrySafe);
    receiver.secret(secret(&example.secret)).body_limit(200).build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn t2_any_bytes_in_any_header_and_body_are_a_typed_refusal(
        example in example(),
        fields in vec((select(NAMES.to_vec()), field()), 0..8),
        signature in field(),
        stamp in prop_oneof![Just(None), field().prop_map(Some)],
        body in body(),
    ) {
        let mut headers = HeaderMap::new();
        headers.extend(fields.into_iter().filter_map(|(name, value)| {
            Some((HeaderName::from_static(name), HeaderValue::from_bytes(&value).ok()?))
        }));
        // The receiver's own two headers are often enough wrong; the sender's own two are mostly there.
        if let Ok(value) = HeaderValue::from_bytes(&signature) {
            headers.insert(example.wire.signature, value);
        }
        if let Some((header, _)) = example.wire.timestamp {
            let stamp = stamp.unwrap_or_else(|| example.stamp.clone().into_bytes());
            if let Ok(value) = HeaderValue::from_bytes(&stamp) {
                headers.insert(header, value);
            }
        }
        let frames = body.chunks(64).map(|frame| frame.to_vec().into());
        let answer = at_once(receive(&receiver(example), &Method::POST, &headers, frames)).expect_err("no secret was used");
        let Answer::Refused(refused) = answer else { panic!("{answer:?}") };
        assert_typed(refused, &[("body_too_large", 413), ("content_encoding", 415)]);
    }

    #[test]
    fn t2_any_signed_bytes_are_a_delivery_or_a_typed_refusal(
        (example, body) in example().prop_flat_map(|example| (Just(example), prop_oneof![body(), near(example)])),
        stamp in prop_oneof![Just(None), field().prop_map(Some)],
        event in prop_oneof![Just(None), field().prop_map(Some)],
    ) {
        let stamp = stamp.unwrap_or_else(|| example.stamp.clone().into_bytes());
        prop_assume!(HeaderValue::from_bytes(&stamp).is_ok());
        let mut headers = example.signed(&example.secret, &stamp, &body);
        if let Some(value) = event.and_then(|event| HeaderValue::from_bytes(&event).ok()) {
            headers.insert("x-aosai-event", value.clone());
            headers.insert("x-agiled-webhook-event", value);
        }
        match at_once(receive(&receiver(example), &Method::POST, &headers, [body.into()])) {
            Ok(_) => {}
            Err(Answer::Refused(refused)) => {
                let code = refused.kind().code();
                prop_assert!(!code.starts_with("signature_"), "{} for a right signature", code);
                assert_typed(refused, &[("body_too_large", 413)]);
            }
            Err(other) => prop_assert!(false, "{:?}", other),
        }
    }
}
