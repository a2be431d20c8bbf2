//! What makes two deliveries the same event.

use counterfoil_tests::{Example, secret};

/// Sender, scope and key of each example, first at the endpoint of the sender's name, then at `shop-2`. Made
/// with Python's `hashlib` by the rule in the documentation of `IdempotencyKey`.
const KNOWN: [(&str, [(i32, &str); 2]); 6] = [
    (
        "agency-os-ai",
        [(1790286689, "f81a5d09c17034f7b6a434c060f72dd7"), (-1409192714, "ec25b3f433f251d38b2df7cd0daf411a")],
    ),
    (
        "agency-os-ai-plugin",
        [(1070739324, "da8ff11a4dd4c8341c78e459cd65da46"), (-44038410, "7d0082b5342f079b5f53ff0869acd701")],
    ),
    ("agiled", [(198263531, "d3f58cea4edf6d9b53eaa7ab840d004d"), (1506249257, "1798f88009250d9f1d73ec7800e8aee3")]),
    ("angage", [(-709903740, "b3794991c0e16551a86f198438d7c6ba"), (-1481583669, "e63e0ae85df4ef67f2b5eb63698f6e00")]),
    (
        "angage-marketplace",
        [(124902961, "284a49c26841449725ba62211f1bd70c"), (403838748, "50e21b56cd81bc9e3fb8dc16f839092e")],
    ),
    ("handl", [(-1918533151, "2c151c1724a22e51cf3c629aa99b237d"), (-1449539848, "d87e1bffea9758e7571e96443a3e3f9c")]),
];

#[test]
fn t9_t37_keys_are_the_same_in_every_process_and_differ_by_endpoint() {
    assert_eq!(KNOWN.map(|(sender, _)| sender), *Example::all().iter().map(|e| e.wire.sender).collect::<Vec<_>>());
    for (sender, known) in KNOWN {
        let example = Example::of(sender);
        for (endpoint, (scope, key)) in [None, Some("shop-2")].into_iter().zip(known) {
            let mut builder = example.builder().secret(secret(&example.secret));
            if let Some(name) = endpoint {
                builder = builder.endpoint(name);
            }
            let verifier = builder.build().unwrap();
            let delivery = verifier.verify_at(&example.headers(), example.body.clone(), example.now).unwrap();
            assert_eq!(
                (delivery.scope().as_i32(), &*delivery.key().to_string()),
                (scope, key),
                "{sender} {endpoint:?}"
            );
            assert_eq!(verifier.scope(), delivery.scope(), "{sender} {endpoint:?}");
        }
    }
}

#[test]
fn the_configured_id_is_the_key_whatever_else_the_body_says() {
    let example = Example::of("angage");
    let by_id = example.sender.clone().with_event_id_at("/data/delivery_id");
    let by_id = counterfoil::Verifier::builder(by_id).secret(secret(&example.secret)).build().unwrap();
    let deliver = |data: &str| {
        let body = example.with_member("data", data);
        by_id.verify_at(&example.signed(&example.secret, "", &body), body, example.now)
    };
    let first = deliver(r#"{"delivery_id":"whd_1","total":1}"#).unwrap();
    let second = deliver(r#"{"total":2,"delivery_id":"whd_1"}"#).unwrap();
    let third = deliver(r#"{"delivery_id":"whd_2","total":1}"#).unwrap();
    assert_eq!(first.key(), second.key());
    assert_ne!(first.fingerprint(), second.fingerprint());
    assert_ne!(first.key(), third.key());
    // The source of the key is fixed: a body without the id does not fall back to its digest.
    assert_eq!(deliver(r#"{"total":1}"#).unwrap_err().kind().code(), "event_id_invalid");
}
