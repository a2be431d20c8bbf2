//! Inputs that broke other receivers. A test is named by the number of its input in the project's list.

mod anything;
mod bodies;
mod credentials;
mod leaks;
mod receiving;
mod secrets;
mod signatures;
mod tenants;
mod timestamps;

use std::borrow::Cow;

use counterfoil::scheme::{
    BodyForm, Check, Envelope, Hash, Hmac, Part, Retries, Scheme, Sender, SignatureHeader, TagEncoding, Timing,
    UnsignedHeaders,
};
use counterfoil::{Delivery, Rejection, SecretEncoding};

/// The codes that a verifier may refuse with, and their status.
const REFUSALS: [(&str, u16); 12] = [
    ("signature_missing", 401),
    ("signature_malformed", 401),
    ("signature_repeated", 401),
    ("signature_mismatch", 401),
    ("timestamp_missing", 401),
    ("timestamp_malformed", 401),
    ("timestamp_repeated", 401),
    ("timestamp_stale", 401),
    ("timestamp_future", 401),
    ("body_not_an_object", 400),
    ("event_id_invalid", 400),
    ("event_contradicted", 400),
];

const TILL_SECRET: &str = "till_secret_example";

/// A sender that signs any bytes, with a version before each signature and none or several of them in a list.
fn till(encoding: TagEncoding, separator: Option<char>) -> Sender {
    Sender {
        name: "till".into(),
        title: "Till".into(),
        scheme: Scheme {
            check: Check::Hmac(Hmac {
                hash: Hash::Sha256,
                signature: SignatureHeader {
                    name: "X-Till-Signature".into(),
                    prefix: "v1=".into(),
                    encoding,
                    separator,
                },
                signed: Cow::Borrowed(&[Part::Body]),
                timestamp: None,
            }),
            secret: SecretEncoding::Raw,
            body: BodyForm::Opaque,
            unsigned: UnsignedHeaders::default(),
            challenge: None,
        },
        envelope: Envelope::default(),
        timing: Timing { deadline: None, retries: Retries::Unknown, retry_safe: None },
        events: Cow::Borrowed(&[]),
    }
}

/// `valid`, or the code of the refusal.
fn code(outcome: Result<Delivery, Rejection>) -> &'static str {
    outcome.map_or_else(|rejection| rejection.kind().code(), |_| "valid")
}
