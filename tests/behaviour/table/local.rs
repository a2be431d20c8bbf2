//! HanDl, which signs the body alone, with a time in it: what the head decides, what the body decides, and what becomes
//! of an event.

use std::num::NonZeroU32;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use counterfoil::{Clock, SystemClock, senders};
use http::Method;

use super::case::{Case, Step, case, duplicate, handled, refused, unread};
use super::sent::Sent;
use crate::differences;
use crate::handler::{Act, SECRET};
use crate::servers::Stack;
use crate::setup::Setup;

const LIMIT: usize = 4096;
const SIGNATURE: &str = "x-handl-signature";
const DAY: Duration = Duration::from_secs(86_400);

pub(super) fn cases(stack: Stack) -> Vec<Case> {
    [outcomes(stack), heads(stack), bodies(), settings(stack)].into_iter().flatten().collect()
}

fn outcomes(stack: Stack) -> Vec<Case> {
    let closing = differences::closes_after_an_exception(stack);
    let event = signed(crate::handler::body("evt_1"));
    let (other_body, forged) = (changed(&event), under_another_secret());
    vec![
        plain(
            "a first delivery is handled, its copy is a duplicate",
            [],
            [handled(&event, 200, 1), duplicate(&event, "1", 1), duplicate(&event, "1", 1)],
        ),
        plain("any 2xx completes", [Act::Answer(202)], [handled(&event, 202, 1), duplicate(&event, "1", 1)]),
        plain(
            "the same id with another body is reported",
            [],
            [handled(&event, 200, 1), duplicate(&other_body, "conflict", 1)],
        ),
        plain(
            "t39: what fails is handled by the next retry",
            [Act::Answer(500), Act::Answer(404), Act::Answer(503)],
            [
                handled(&event, 500, 1),
                handled(&event, 404, 2),
                handled(&event, 503, 3),
                handled(&event, 200, 4),
                duplicate(&event, "1", 4),
            ],
        ),
        plain(
            "a redirection is a failure",
            [Act::Answer(302)],
            [refused(&event, 500, "handler_failed", 1), handled(&event, 200, 2)],
        ),
        plain(
            "t42: a panic is a failure",
            [Act::Panic],
            [refused(&event, 500, "handler_failed", 1).closing(closing), handled(&event, 200, 2)],
        ),
        plain(
            "a rejected event is dead",
            [Act::Reject("no such customer")],
            [
                refused(&event, 500, "handler_failed", 1),
                refused(&event, 500, "handler_failed", 1),
                refused(&other_body, 500, "handler_failed", 1),
            ],
        ),
        plain(
            "t49: a completed event with a wrong signature is no duplicate",
            [],
            [
                handled(&event, 200, 1),
                refused(&forged, 401, "signature_mismatch", 1),
                unread(&event.without(SIGNATURE), 401, "signature_missing", 1),
            ],
        ),
    ]
}

fn heads(stack: Stack) -> Vec<Case> {
    let event = signed(crate::handler::body("evt_1"));
    let repeated = if differences::joins_headers(stack) { "signature_malformed" } else { "signature_repeated" };
    vec![
        plain(
            "only POST",
            [],
            [
                unread(&event.method(Method::GET), 405, "method_not_allowed", 0),
                unread(&event.method(Method::PUT), 405, "method_not_allowed", 0),
                handled(&event, 200, 1),
            ],
        ),
        plain(
            "t46: nothing is decompressed",
            [],
            [
                unread(&event.header("content-encoding", "gzip"), 415, "content_encoding", 0),
                handled(&event.header("content-encoding", "identity"), 200, 1),
            ],
        ),
        plain(
            "signatures",
            [],
            [
                unread(&event.without(SIGNATURE), 401, "signature_missing", 0),
                unread(&event.header(SIGNATURE, "00"), 401, "signature_malformed", 0),
                unread(&event.header(SIGNATURE, "é"), 401, "signature_malformed", 0),
                unread(&event.twice(SIGNATURE), 401, repeated, 0),
                refused(&event.body(tampered(&event)), 401, "signature_mismatch", 0),
                refused(&under_another_secret(), 401, "signature_mismatch", 0),
                handled(&event, 200, 1),
            ],
        ),
        plain(
            "t47: one byte over the limit",
            [],
            [unread(&of_length(LIMIT + 1), 413, "body_too_large", 0), handled(&of_length(LIMIT), 200, 1)],
        ),
    ]
}

fn bodies() -> Vec<Case> {
    let (day_old, older) = (signed(aged(DAY)), signed(aged(2 * DAY)));
    let none = |bytes: &'static [u8], status, code| refused(&signed(bytes), status, code, 0);
    vec![
        plain(
            "events that are none",
            [],
            [
                none(b"", 400, "body_not_an_object"),
                none(b"[]", 400, "body_not_an_object"),
                none(b"{}{}", 400, "body_not_an_object"),
                none(b"id=evt_1&type=order.created", 400, "body_not_an_object"),
                none(b"\xff\xfe{}", 400, "body_not_an_object"),
                none(b"{}", 400, "event_id_invalid"),
                none(br#"{"id":"evt_1"}"#, 401, "timestamp_missing"),
                none(br#"{"id":"evt_1","created_at":1}"#, 401, "timestamp_malformed"),
            ],
        ),
        plain(
            "t50: a late retry is handled, one beyond the window is refused",
            [],
            [
                refused(&older, 401, "timestamp_stale", 0),
                handled(&day_old, 200, 1),
                duplicate(&day_old, "1", 1),
                // Completed by now, with another time in its body: saying so loses nothing, and stops the sender.
                duplicate(&older, "conflict", 1),
            ],
        ),
    ]
}

fn settings(stack: Stack) -> Vec<Case> {
    let (event, next) = (signed(crate::handler::body("evt_1")), signed(crate::handler::body("evt_2")));
    vec![
        out_of_time(stack, &event),
        case(
            "t44: a full store refuses new events and knows the old",
            Setup { capacity: NonZeroU32::MIN, ..Setup::handl() },
            [],
            [handled(&event, 200, 1), refused(&next, 503, "store_unavailable", 1), duplicate(&event, "1", 1)],
        ),
        case(
            "conflicts refused",
            Setup { refuse_conflicts: true, ..Setup::handl() },
            [],
            [handled(&event, 200, 1), refused(&changed(&event), 422, "conflict", 1), duplicate(&event, "1", 1)],
        ),
    ]
}

fn out_of_time(stack: Stack, event: &Sent) -> Case {
    let limited = Setup { handler_time: Some(Duration::from_millis(100)), ..Setup::handl() };
    if differences::handlers_can_be_stopped(stack) {
        let steps = [refused(event, 503, "handler_failed", 1), handled(event, 200, 2)];
        return case("t45: a handler out of time", limited, [Act::Sleep(Duration::from_secs(60))], steps);
    }
    let steps = [handled(event, 200, 1), duplicate(event, "1", 1)];
    case(
        "t45: a handler that runs on completes what nobody else has",
        limited,
        [Act::Sleep(Duration::from_millis(300))],
        steps,
    )
}

fn plain<const N: usize>(name: &'static str, acts: impl IntoIterator<Item = Act>, steps: [Step; N]) -> Case {
    case(name, Setup { body_limit: Some(LIMIT), ..Setup::handl() }, acts, steps)
}

fn signed(body: impl Into<Bytes>) -> Sent {
    Sent::new("handl", body).signed(&senders::HANDL, SECRET)
}

fn under_another_secret() -> Sent {
    Sent::new("handl", crate::handler::body("evt_1")).signed(&senders::HANDL, "another secret, as long as it is")
}

/// The same id with other data, rightly signed.
fn changed(event: &Sent) -> Sent {
    signed([event.open_body(), br#","note":1}"#].concat())
}

/// One byte more, under the same signature.
fn tampered(event: &Sent) -> Vec<u8> {
    [event.open_body(), b" }"].concat()
}

fn of_length(length: usize) -> Sent {
    let mut body = crate::handler::body("limit").to_vec();
    body.resize(length, b' ');
    signed(body)
}

fn aged(age: Duration) -> String {
    let at: SystemTime = SystemClock.now() - age;
    let at = counterfoil::time::format_rfc3339(at).unwrap();
    format!(r#"{{"id":"aged","type":"order.created","created_at":"{at}","data":{{}}}}"#)
}
