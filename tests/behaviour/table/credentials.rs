//! Angage's other ways to prove itself: the head says it all, and nothing in the body is signed.

use super::case::{Case, case, duplicate, handled, refused, unread};
use super::sent::Sent;
use crate::differences;
use crate::servers::Stack;
use crate::setup::{Proof, Setup, Whose};

const BODY: &str = r#"{"event":"order.created","delivery_id":"dlv_1","data":{"total":"1500.00"}}"#;
const OTHER_BODY: &str = r#"{"event":"order.created","delivery_id":"dlv_1","data":{"total":"1.00"}}"#;
const TOKEN: &str = "angage-token-0123456789";
const LOGIN: &str = "angage:password-0123456789";

pub(super) fn cases(stack: Stack) -> Vec<Case> {
    let (bearer, basic) = (angage(Proof::Bearer, Some(TOKEN)), angage(Proof::Basic, Some(LOGIN)));
    let (key, open) = (angage(Proof::ApiKey("x-api-key"), Some(TOKEN)), angage(Proof::InsecureUnsigned, None));
    let sent = Sent::new("angage", BODY);
    let by_token = sent.clone().signed(&bearer.sender.sender(), TOKEN);
    let by_login = sent.clone().signed(&basic.sender.sender(), LOGIN);
    let by_key = sent.clone().signed(&key.sender.sender(), TOKEN);
    let repeated = if differences::joins_headers(stack) { "credentials_invalid" } else { "signature_repeated" };
    let with = |value: &str| sent.header("authorization", value);
    vec![
        case(
            "a bearer token",
            bearer,
            [],
            [
                unread(&sent, 401, "signature_missing", 0),
                unread(&with("Bearer angage-token-9876543210"), 401, "credentials_invalid", 0),
                unread(&with("Bearer "), 401, "signature_malformed", 0),
                unread(&with("Basic YW5nYWdlOng="), 401, "signature_malformed", 0),
                unread(&by_token.twice("authorization"), 401, repeated, 0),
                handled(&by_token, 200, 1),
                duplicate(&with("bearer angage-token-0123456789"), "1", 1),
                duplicate(&by_token.body(OTHER_BODY), "conflict", 1),
                unread(&with("Bearer angage-token-9876543210"), 401, "credentials_invalid", 1),
                refused(&by_token.body("[]"), 400, "body_not_an_object", 1),
                refused(&by_token.body("{}"), 400, "event_id_invalid", 1),
            ],
        ),
        case(
            "basic authentication",
            basic,
            [],
            [
                unread(&with("Basic YW5nYWdlOng="), 401, "credentials_invalid", 0),
                unread(&with("Basic ??"), 401, "signature_malformed", 0),
                handled(&by_login, 200, 1),
                duplicate(&by_login, "1", 1),
            ],
        ),
        case(
            "a key in a header of its own",
            key,
            [],
            [
                unread(&with("Bearer angage-token-0123456789"), 401, "signature_missing", 0),
                unread(&sent.header("x-api-key", LOGIN), 401, "credentials_invalid", 0),
                handled(&by_key, 200, 1),
                duplicate(&by_key, "1", 1),
            ],
        ),
        case("nothing at all", open, [], [handled(&sent, 200, 1), duplicate(&sent, "1", 1)]),
    ]
}

fn angage(proof: Proof, secret: Option<&'static str>) -> Setup {
    Setup::new(Whose::named("angage").proven_by(proof).with_event_id_at("/delivery_id"), secret)
}
