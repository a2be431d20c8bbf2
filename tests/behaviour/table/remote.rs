//! AgencyHandy, whose endpoint alone can tell whether a delivery is its own.

use std::sync::Arc;

use agencyhandy_endpoint::{Endpoint, Fault, sign};

use super::case::{Case, Step, case, duplicate, handled, refused, unread};
use super::sent::Sent;
use crate::differences;
use crate::handler::Act;
use crate::servers::Stack;
use crate::setup::{Asked, Setup, Whose};

const WEBHOOK: &str = "64f0c0ffee64f0c0ffee64f0";
const SECRET: &str = "agencyhandy-secret-0123456789";
const SIGNATURE: &str = "x-ah-sig";

const BODY: &str = r#"{"event":"ORDER.UPDATED","order":{"total":1500.0,"note":"Zürich"}}"#;
/// What it says in other words: white space, the order of members, an escape, and a number.
const SAME: &str = "{ \"order\" : {\"note\":\"Z\\u00fcrich\",\"total\":1500}, \"event\":\"ORDER.UPDATED\" }\n";
const OTHER: &str = r#"{"event":"ORDER.UPDATED","order":{"total":1500.01,"note":"Zürich"}}"#;
/// One of two totals: which of them was checked, and which is handled?
const TWICE: &str = r#"{"event":"ORDER.UPDATED","order":{"total":1,"total":1500}}"#;

pub(super) async fn cases(stack: Stack) -> Vec<Case> {
    let (event, same, other) = (signed(BODY), signed(SAME), signed(OTHER));
    let twice = event.twice(SIGNATURE);
    // Only the endpoint knows the form of a signature.
    let repeated = if differences::joins_headers(stack) {
        refused(&twice, 401, "signature_mismatch", 0).asked(1)
    } else {
        unread(&twice, 401, "signature_repeated", 0)
    };
    vec![
        remote(
            "the same event in other words is a duplicate",
            [],
            [
                handled(&event, 200, 1).asked(1),
                duplicate(&event, "1", 1),
                duplicate(&same, "1", 1).asked(1),
                handled(&other, 200, 2).asked(1),
            ],
        )
        .await,
        remote(
            "what its sender does not know is refused",
            [],
            [
                refused(&event.header(SIGNATURE, "stand-in-00"), 401, "signature_mismatch", 0).asked(1),
                refused(&event.body(OTHER), 401, "signature_mismatch", 0).asked(1),
                unread(&event.header(SIGNATURE, ""), 401, "signature_malformed", 0),
                unread(&event.without(SIGNATURE), 401, "signature_missing", 0),
                repeated,
                handled(&event, 200, 1).asked(1),
            ],
        )
        .await,
        remote(
            "what cannot be read is not asked about",
            [],
            [
                refused(&signed(TWICE), 400, "body_not_an_object", 0),
                refused(&event.body("[]"), 400, "body_not_an_object", 0),
                refused(&event.body(r#"{"a":1}},"secret":{"b":1}"#), 400, "body_not_an_object", 0),
            ],
        )
        .await,
        remote(
            "while its sender cannot tell nothing is handled",
            [Act::Answer(500)],
            [
                refused(&event, 503, "could_not_verify", 0).fault(Fault::ServerError).asked(1),
                refused(&event, 503, "could_not_verify", 0).fault(Fault::BrokenJson).asked(1),
                refused(&event, 503, "could_not_verify", 0).fault(Fault::OtherForbidden).asked(1),
                handled(&event, 500, 1).asked(1),
                handled(&event, 200, 2),
                duplicate(&event, "1", 2).fault(Fault::ServerError),
            ],
        )
        .await,
    ]
}

fn signed(body: &'static str) -> Sent {
    Sent::new("agencyhandy", body).header(SIGNATURE, &sign(SECRET, body.as_bytes()).unwrap())
}

async fn remote<const N: usize>(name: &'static str, acts: impl IntoIterator<Item = Act>, steps: [Step; N]) -> Case {
    let endpoint = Arc::new(Endpoint::start(WEBHOOK, SECRET).await.unwrap());
    let asked = Asked { webhook_id: WEBHOOK, base_url: endpoint.url() };
    let setup = Setup { asked: Some(asked), ..Setup::new(Whose::named("agencyhandy"), Some(SECRET)) };
    Case { endpoint: Some(endpoint), ..case(name, setup, acts, steps) }
}
