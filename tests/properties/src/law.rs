//! The law of every target: the verdict is the one expected, typed, and shows no secret.

use std::fmt::Debug;
use std::time::SystemTime;

use counterfoil::{Delivery, EventId, Rejection, Verifier};
use http::HeaderMap;

use crate::model::{self, Facts, Id, mac};
use crate::terms::Terms;

/// The codes that a verifier may refuse with, and their status.
const REFUSALS: [(&str, u16); 14] = [
    ("signature_missing", 401),
    ("signature_malformed", 401),
    ("signature_repeated", 401),
    ("signature_mismatch", 401),
    ("timestamp_missing", 401),
    ("timestamp_malformed", 401),
    ("timestamp_repeated", 401),
    ("timestamp_stale", 401),
    ("timestamp_future", 401),
    ("credentials_invalid", 401),
    ("body_not_an_object", 400),
    ("event_id_invalid", 400),
    ("event_contradicted", 400),
    ("could_not_verify", 503),
];

/// Verifies a request twice, by the code under test and by the model, and returns what both say.
pub(crate) fn agree(
    terms: &Terms,
    headers: &HeaderMap,
    body: &[u8],
    now: SystemTime,
) -> Result<Delivery, &'static str> {
    agree_with(terms, &terms.verifier(), headers, body, now)
}

/// As [`agree`], with a verifier that has been told the same.
pub(crate) fn agree_with(
    terms: &Terms,
    verifier: &Verifier,
    headers: &HeaderMap,
    body: &[u8],
    now: SystemTime,
) -> Result<Delivery, &'static str> {
    let expected = model::verdict(terms, headers, body, now);
    let verified = verifier.verify_at(headers, body.to_vec(), now);
    shows_no_secret(terms, verifier, headers, body);
    shows_no_secret(terms, &verified, headers, body);
    let delivery = match verified {
        Ok(delivery) => Ok(delivery),
        Err(rejection) => {
            shows_no_secret(terms, rejection.to_string(), headers, body);
            Err(typed(&rejection))
        }
    };
    match (&delivery, &expected) {
        (Ok(delivery), Ok(expected)) => same(terms, delivery, expected, body, now),
        (Err(code), Err(expected)) => assert_eq!(code, expected, "{}: {headers:?}", terms.sender.name),
        (Ok(_), Err(expected)) => panic!("{}: accepted, and is {expected}: {headers:?}", terms.sender.name),
        (Err(code), Ok(_)) => panic!("{}: {code}, and is valid: {headers:?}", terms.sender.name),
    }
    delivery
}

/// The code of a rejection, which has the status of the documents.
pub(crate) fn typed(rejection: &Rejection) -> &'static str {
    let (code, status) = (rejection.kind().code(), rejection.status());
    assert!(REFUSALS.contains(&(code, status)), "{code} with {status}");
    assert!(!rejection.to_string().is_empty());
    code
}

fn same(terms: &Terms, delivery: &Delivery, expected: &Facts, body: &[u8], now: SystemTime) {
    let index = delivery.secret_index();
    assert_eq!(index.is_none(), expected.secrets.is_empty());
    assert!(index.is_none_or(|index| expected.secrets.contains(&index)), "{index:?} of {:?}", expected.secrets);
    let actual = Facts {
        id: delivery.event_id().map(id),
        event_type: delivery.event_type().map(str::to_owned),
        signed_at: delivery.signed_at(),
        occurred_at: delivery.occurred_at(),
        data: delivery.data().map(<[u8]>::to_vec),
        unsigned_id: delivery.unsigned_id().map(str::to_owned),
        unsigned_event_type: delivery.unsigned_event_type().map(str::to_owned),
        secrets: expected.secrets.clone(),
        key: *delivery.key().as_bytes(),
        scope: delivery.scope().as_i32(),
        fingerprint: *delivery.fingerprint().as_bytes(),
    };
    assert_eq!(&actual, expected, "{}", terms.sender.name);
    assert_eq!(&delivery.body()[..], body);
    assert_eq!((delivery.sender(), delivery.received_at()), (&*terms.sender.name, now));
    assert_eq!(delivery.endpoint(), terms.endpoint.as_deref().unwrap_or(&terms.sender.name));
    assert_eq!(delivery.tenant(), terms.tenant.as_deref());
}

pub(crate) fn id(id: &EventId) -> Id {
    let text = id.as_str().to_owned();
    match id {
        EventId::Text(_) => Id::Text(text),
        EventId::Integer(_) => Id::Integer(text),
        EventId::Composite(_) => Id::Composite(text),
        other => panic!("{other:?} is new here"),
    }
}

/// Neither a key nor its usual writings stand in what is shown, unless the request itself brought them.
pub(crate) fn shows_no_secret(terms: &Terms, shown: impl Debug, headers: &HeaderMap, body: &[u8]) {
    let shown = format!("{shown:?}");
    let mut brought = format!("{}{headers:?}", String::from_utf8_lossy(body));
    headers.values().for_each(|value| brought.push_str(&String::from_utf8_lossy(value.as_bytes())));
    for (key, _) in terms.keys.iter().filter(|(key, _)| key.len() >= 8) {
        for form in [String::from_utf8_lossy(key).into_owned(), mac::hex(key), mac::base64(key)] {
            assert!(!shown.contains(&form) || brought.contains(&form), "{}: a secret is shown", terms.sender.name);
        }
    }
}
