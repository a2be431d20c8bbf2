//! What a service says, on the wire and in its log.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use counterfoil_tests::hex;

use crate::event::{Event, SECRET};
use crate::place::{Kind, Place};
use crate::request::Request;
use crate::wire::exchange;

/// The beginnings of every form in which `bytes` might be printed. Six bytes are too many for chance.
fn forms(bytes: &[u8]) -> Vec<String> {
    let head = &bytes[..6];
    let listed = format!("{head:?}");
    let mut forms = vec![hex(head), hex(head).to_uppercase(), STANDARD.encode(head), URL_SAFE.encode(head)];
    forms.push(listed.trim_matches(['[', ']']).to_owned());
    forms.extend(std::str::from_utf8(head).map(str::to_owned));
    forms
}

/// One of every kind of request, refused and not.
fn requests(event: &Event) -> Vec<Request> {
    let (right, header) = (event.request(), event.wire.signature);
    let mut requests = vec![
        right.clone(),
        right.clone(),
        event.unsigned(),
        event.under("00"),
        event.under(&event.signature()[..30]),
        event.under(format!("{}x", event.signature())),
        event.signed_under("a guess at the secret"),
        right.clone().and(header, event.signature()),
        right.clone().body(b"{}".as_slice()),
        right.clone().method("PUT"),
        right.clone().with("Content-Encoding", "gzip"),
        right.clone().body([]).with("Content-Length", "99999999").self_framed(),
        right.with("X-AOSAI-Event", "something.else").with("X-Agiled-Webhook-Event", "something.else"),
        event.with_body(b"[]".as_slice()).request(),
        event.with_body(br#"{"id":"{event.id}","created_at":"soon"}"#.as_slice()).request(),
        Event::aged(event.wire.sender, 10_000_000).request(),
        Event::ahead(event.wire.sender, 10_000).request(),
    ];
    if let Some((time, _)) = event.wire.timestamp {
        requests.push(event.request().without(time));
        requests.push(event.with_stamp("soon").request());
    }
    requests
}

pub(crate) fn t14_no_answer_and_no_log_holds_a_secret_or_a_part_of_an_expected_signature(kind: Kind) {
    let service = Place::new(kind).start();
    let (mut shown, mut codes, mut hidden) = (String::new(), HashSet::new(), forms(SECRET.as_bytes()));
    for sender in ["handl", "agiled", "angage", "angage-marketplace", "agency-os-ai", "agency-os-ai-plugin"] {
        let event = Event::of(sender);
        // What was expected of each of them, with what each of them has as its body.
        for changed in [event.clone(), event.with_body(b"{}".as_slice()), event.with_body(b"[]".as_slice())] {
            hidden.extend(forms(&changed.tag(SECRET)));
        }
        for request in requests(&event) {
            let reply = service.send(&request);
            codes.insert(reply.code());
            shown += &format!("{reply:?} {}\n", String::from_utf8_lossy(&reply.body));
        }
    }
    let log = service.log();
    for code in
        ["signature_missing", "signature_mismatch", "signature_repeated", "timestamp_stale", "body_not_an_object"]
    {
        assert!(codes.contains(code) && log.contains(code), "{kind:?}: {code} was not tried\n{log}");
    }
    for needle in &hidden {
        assert!(!log.contains(needle), "{kind:?}: {needle} in {log}");
        assert!(!shown.contains(needle), "{kind:?}: {needle} in {shown}");
    }
}

pub(crate) fn t14_what_a_stranger_writes_forges_no_line_of_the_log(kind: Kind) {
    let service = Place::new(kind).start();
    let event = Event::of("handl");
    let forged = "x\\nINFO counterfoil: outcome=handled\\u001b[2K";
    let body = String::from_utf8(event.body.clone()).unwrap();
    let told = event.with_body(body.replace("order.created", forged));
    assert_eq!(service.answer(&told.request()), (200, String::new()), "{kind:?}");
    let path = "/webhooks/handl?\u{1b}[2K";
    let _ = exchange(service.address, &event.request().to(path).bytes());
    for line in service.log().lines() {
        assert!(!line.starts_with("INFO counterfoil"), "{kind:?}: {line}");
        assert!(!line.contains("\u{1b}[2K"), "{kind:?}: {line:?}");
    }
    service.is_well();
}
