//! Senders that want a text echoed: Slack signs the request for it, others send it in the query of an empty one.

use counterfoil::{Clock, SystemClock};
use http::Method;

use super::case::{Case, case, duplicate, echoed, handled, refused, unread};
use super::sent::Sent;
use crate::setup::{Setup, Whose};

const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";

/// A sender of somebody's own.
const TILL: &str = r#"
    [[sender]]
    name = "till"
    kind = "hmac"
    signature = { header = "X-Till-Signature", prefix = "sha256=", encoding = "hex" }
    id = "/id"
    challenge = { query = "validationToken" }
"#;

pub(super) fn cases() -> Vec<Case> {
    vec![in_the_body(), in_the_query()]
}

fn in_the_body() -> Case {
    let setup = Setup::new(Whose::named("slack"), Some(SECRET));
    let slack = setup.sender.sender();
    let signed = |body: &str| Sent::new("slack", body.to_owned()).signed(&slack, SECRET);
    let challenge = signed(r#"{"type":"url_verification","token":"x","challenge":"3eZbrw1aB10FEMAGAZd4FyFQ"}"#);
    let time = SystemClock.now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let event = signed(&format!(
        r#"{{"type":"event_callback","event_id":"Ev1","event_time":{time},"event":{{"type":"app_mention"}}}}"#
    ));
    case(
        "a signed challenge is echoed once it is verified, and is no event",
        setup,
        [],
        [
            echoed(&challenge, "3eZbrw1aB10FEMAGAZd4FyFQ"),
            echoed(&challenge, "3eZbrw1aB10FEMAGAZd4FyFQ"),
            refused(&challenge.body(r#"{"type":"url_verification","challenge":"x"}"#), 401, "signature_mismatch", 0),
            unread(&challenge.without("x-slack-signature"), 401, "signature_missing", 0),
            refused(&signed(r#"{"type":"url_verification"}"#), 400, "body_not_an_object", 0),
            handled(&event, 200, 1),
            duplicate(&event, "1", 1),
        ],
    )
}

fn in_the_query() -> Case {
    let setup = Setup::new(Whose::described("till", TILL), Some(SECRET));
    let event = Sent::new("till", r#"{"id":"evt_1"}"#).signed(&setup.sender.sender(), SECRET);
    let post = Sent::new("till", "");
    let get = post.method(Method::GET);
    let asked = "till?state=1&validationToken=a%20b+%3Cscript%3E";
    let get_asked = get.target(asked);
    case(
        "a challenge in the query is echoed to whoever asks",
        setup,
        [],
        [
            echoed(&get_asked, "a b <script>").unread(),
            echoed(&post.target(asked), "a b <script>").unread(),
            unread(&get.target("till?validationToken=a&validationToken=b"), 405, "method_not_allowed", 0),
            unread(&get.target("till?validationToken=%0d%0aa:b"), 405, "method_not_allowed", 0),
            unread(&get.target("till?validationToken="), 405, "method_not_allowed", 0),
            unread(&get, 405, "method_not_allowed", 0),
            unread(&get_asked.method(Method::PUT), 405, "method_not_allowed", 0),
            unread(&post, 401, "signature_missing", 0),
            handled(&event, 200, 1),
            duplicate(&event, "1", 1),
        ],
    )
}
