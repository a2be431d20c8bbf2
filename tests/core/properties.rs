//! What holds for every request.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use counterfoil::{EventId, Secret, Signer, Tolerance, Verifier, senders};
use counterfoil_tests::{Example, secret};
use http::HeaderValue;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::value::RawValue;

fn example() -> impl Strategy<Value = &'static Example> {
    select(Example::all().iter().collect::<Vec<_>>())
}

fn space() -> impl Strategy<Value = String> {
    "[ \t\r\n]{0,2}"
}

fn string() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>().prop_map(|text| serde_json::to_string(&text).expect("text")),
        "\"(\\\\u00[0-9a-f]{2}|\\\\/|\\\\n|[a-z]){0,12}\""
    ]
}

/// Any JSON value as text, with the sender's freedom to write it.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        select(vec!["null", "true", "false"]).prop_map(str::to_owned),
        "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,9})?([eE][+-]?[0-9]{1,3})?",
        string(),
    ];
    leaf.prop_recursive(4, 40, 6, |value| {
        let member =
            (space(), string(), space(), value.clone()).prop_map(|(a, name, b, value)| format!("{a}{name}:{b}{value}"));
        prop_oneof![
            (vec(value, 0..6), space()).prop_map(|(values, space)| format!("[{space}{}]", values.join(","))),
            (vec(member, 0..6), space()).prop_map(|(members, space)| format!("{{{}{space}}}", members.join(","))),
        ]
    })
}

/// A body with what the sender signs besides, in any order, and data and further members of any kind.
fn body(example: &'static Example) -> impl Strategy<Value = Vec<u8>> {
    let own: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(&example.body).expect("an object");
    let own: Vec<String> =
        own.iter().filter(|(name, _)| *name != "data").map(|(name, raw)| format!("\"{name}\":{raw}")).collect();
    // Names that no envelope has.
    let further = vec(("x[a-z0-9]{1,8}", json()).prop_map(|(name, value)| format!("\"{name}\":{value}")), 0..4);
    (json(), further, space())
        .prop_flat_map(move |(data, further, space)| {
            let members = [own.clone(), further, vec_of(format!("\"data\":{data}"))].concat();
            (Just(members).prop_shuffle(), Just(space))
        })
        .prop_map(|(members, space)| format!("{space}{{{}}}{space}", members.join(&format!("{space},"))).into_bytes())
}

fn vec_of(member: String) -> Vec<String> {
    std::iter::once(member).collect()
}

fn any_secret() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 16..100).prop_filter("not blank, not a reference", |bytes| Secret::new(bytes).is_ok())
}

fn verifier(example: &Example, secrets: &[&[u8]]) -> Verifier {
    let add = |builder: counterfoil::verifier::VerifierBuilder, bytes: &&[u8]| {
        builder.secret(Secret::new(bytes).expect("a secret"))
    };
    secrets.iter().fold(example.builder(), add).build().expect("a verifier")
}

/// The text of a timestamp header, written without the code under test.
fn seconds(at: SystemTime) -> String {
    at.duration_since(UNIX_EPOCH).expect("after 1970").as_secs().to_string()
}

#[test]
fn any_flipped_bit_of_an_example_is_refused() {
    for example in Example::all() {
        let (verifier, headers, sender) = (example.verifier(), example.headers(), example.wire.sender);
        let verify = |headers: &http::HeaderMap, body: &[u8]| {
            verifier.verify_at(headers, body.to_vec(), example.now).map_err(|rejection| rejection.kind().code())
        };
        for bit in 0..example.body.len() * 8 {
            let outcome = verify(&headers, &flipped(&example.body, bit));
            assert_eq!(outcome.unwrap_err(), "signature_mismatch", "{sender}: bit {bit} of the body");
        }
        let right = verify(&headers, &example.body).unwrap();
        let header = |name: &'static str, refusals: &[&str]| {
            let value = headers[name].as_bytes();
            for bit in 0..value.len() * 8 {
                // What no parser lets through cannot be sent.
                let Ok(changed) = HeaderValue::from_bytes(&flipped(value, bit)) else { continue };
                let mut headers = headers.clone();
                headers.insert(name, changed.clone());
                match verify(&headers, &example.body) {
                    Err(code) => assert!(refusals.contains(&code), "{sender}: {changed:?} is {code}"),
                    Ok(delivery) => {
                        let same = name == example.wire.signature && is_other_case_of_a_digit(example, value, bit);
                        assert!(same && delivery.key() == right.key(), "{sender}: {changed:?} was accepted");
                    }
                }
            }
        };
        header(example.wire.signature, &["signature_mismatch", "signature_malformed"]);
        if let Some((name, _)) = example.wire.timestamp {
            header(name, &["signature_mismatch", "timestamp_malformed"]);
        }
    }
}

/// Hex digits of either case are one tag.
fn is_other_case_of_a_digit(example: &Example, value: &[u8], bit: usize) -> bool {
    let place = bit / 8;
    place >= example.wire.prefix.len() && value[place].is_ascii_lowercase() && bit % 8 == 5
}

fn flipped(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_a_signer_signs_is_what_the_sender_sends_and_verifies(
        (example, body) in example().prop_flat_map(|example| (Just(example), body(example))),
        secret in any_secret(),
    ) {
        let signer = Signer::new(&example.sender, &Secret::new(&secret).unwrap()).unwrap();
        let headers = signer.sign(&body, example.now).unwrap();
        prop_assert_eq!(&headers, &example.signed(&secret, seconds(example.now), &body));
        let delivery = verifier(example, &[&secret]).verify_at(&headers, body.clone(), example.now).unwrap();
        prop_assert_eq!(delivery.body(), &body);
        prop_assert_eq!(delivery.event_type(), Some(&*example.event_type));
        prop_assert_eq!(delivery.event_id().map(EventId::as_str), example.event_id.as_deref());
        let whole: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(&body).unwrap();
        prop_assert_eq!(delivery.data().unwrap(), whole["data"].get().as_bytes());
    }

    #[test]
    fn any_flipped_bit_of_any_body_is_refused(
        (example, body) in example().prop_flat_map(|example| (Just(example), body(example))),
        place in any::<Index>(),
    ) {
        let headers = example.signed(&example.secret, &example.stamp, &body);
        let changed = flipped(&body, place.index(body.len() * 8));
        let refused = example.verifier().verify_at(&headers, changed, example.now).unwrap_err();
        prop_assert_eq!(refused.kind().code(), "signature_mismatch");
    }

    #[test]
    fn frames_make_no_difference(
        (example, body) in example().prop_flat_map(|example| (Just(example), body(example))),
        cuts in vec(any::<Index>(), 0..8),
        right in any::<bool>(),
        secrets in 1..=4_usize,
    ) {
        let names = ["first_secret_0001", "second_secret_002", "third_secret_0003", "fourth_secret_004"];
        let secrets: Vec<&[u8]> = names[..secrets].iter().map(|text| text.as_bytes()).collect();
        let verifier = verifier(example, &secrets);
        let signing: &[u8] = if right { secrets[secrets.len() - 1] } else { b"none_of_the_four" };
        let headers = example.signed(signing, &example.stamp, &body);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
        cuts.extend([0, body.len()]);
        cuts.sort_unstable();
        let mut presented = verifier.present(&headers, example.now).unwrap();
        for ends in cuts.windows(2) {
            presented.push(Bytes::copy_from_slice(&body[ends[0]..ends[1]]));
        }
        let verified = presented.finish(&headers, example.now);
        prop_assert_eq!(verified.is_ok(), right);
        let at_once = verifier.verify_at(&headers, body, example.now);
        match (verified, at_once) {
            (Ok(counterfoil::verifier::Verified::Fresh(one)), Ok(other)) => {
                prop_assert_eq!(one.key(), other.key());
                prop_assert_eq!(one.secret_index(), Some(secrets.len() - 1));
                prop_assert_eq!(other.secret_index(), Some(secrets.len() - 1));
            }
            (Err(one), Err(other)) => prop_assert_eq!(one.kind(), other.kind()),
            (one, other) => prop_assert!(false, "{one:?} and {other:?}"),
        }
    }

    #[test]
    fn signed_anew_or_under_another_secret_a_body_is_the_same_event(
        (example, body) in example().prop_flat_map(|example| (Just(example), body(example))),
        (one, other) in (any_secret(), any_secret()),
        later in 0..240_u64,
    ) {
        let verifier = verifier(example, &[&one, &other]);
        let again = example.now + Duration::from_secs(later);
        let deliver = |secret: &[u8], at| {
            verifier.verify_at(&example.signed(secret, seconds(at), &body), body.clone(), at).unwrap()
        };
        let (first, second) = (deliver(&one, example.now), deliver(&other, again));
        prop_assert_eq!(first.key(), second.key());
        prop_assert_eq!(first.scope(), second.scope());
        prop_assert_eq!(first.fingerprint(), second.fingerprint());
    }

    #[test]
    fn without_a_configured_id_other_bodies_are_other_events(
        (example, one, other) in example()
            .prop_filter("signs no id", |example| example.event_id.is_none())
            .prop_flat_map(|example| (Just(example), body(example), body(example))),
    ) {
        prop_assume!(one != other);
        let verifier = example.verifier();
        let key = |body: &Vec<u8>| {
            let headers = example.signed(&example.secret, &example.stamp, body);
            verifier.verify_at(&headers, body.clone(), example.now).unwrap().key()
        };
        prop_assert_ne!(key(&one), key(&other));
    }

    #[test]
    fn a_number_and_its_digits_as_text_are_two_ids(
        sender in select(vec!["agiled", "handl", "angage"]),
        digits in "(0|-?[1-9][0-9]{0,40})",
    ) {
        let example = Example::of(sender);
        let pointer = if sender == "angage" { "/data/id" } else { "/id" };
        let builder = Verifier::builder(example.sender.clone().with_event_id_at(pointer)).tolerance(Tolerance::Strict);
        let verifier = builder.secret(secret(&example.secret)).build().unwrap();
        let deliver = |id: String| {
            let body = if sender == "angage" {
                example.with_member("data", format!("{{\"id\":{id}}}"))
            } else {
                example.with_member("id", id)
            };
            verifier.verify_at(&example.signed(&example.secret, &example.stamp, &body), body, example.now).unwrap()
        };
        let (number, text) = (deliver(digits.clone()), deliver(format!("\"{digits}\"")));
        prop_assert_eq!(number.event_id(), Some(&EventId::Integer(digits.as_str().into())));
        prop_assert_eq!(text.event_id(), Some(&EventId::Text(digits.as_str().into())));
        prop_assert_ne!(number.key(), text.key());
    }
}

#[test]
fn every_sender_with_an_id_is_among_those_whose_ids_are_tried() {
    let with_id: Vec<_> = senders::ALL.iter().filter(|sender| sender.envelope.id.is_some()).map(|s| &*s.name).collect();
    assert_eq!(with_id, ["agiled", "handl"]);
}
