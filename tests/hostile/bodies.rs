//! Bodies, signed and not, and headers outside of the signature that speak of them.

use std::io::Write as _;
use std::sync::LazyLock;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::event::Event;
use crate::service::Service;

/// What the receivers take.
pub(crate) const LIMIT: usize = 1024 * 1024;

/// More than a service may need for what it refuses, and far less than what is claimed or unpacked here.
pub(crate) const ROOM_MIB: u64 = 64;

/// Twice as much, packed. All services get the same: packing takes its time.
static BOMB: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    for _ in 0..2 * ROOM_MIB {
        packed.write_all(&vec![b' '; LIMIT]).unwrap();
    }
    packed.finish().unwrap()
});

pub(crate) fn t28_t48_what_is_not_one_object_is_400_however_well_it_is_signed(service: &Service) {
    for sender in ["handl", "agiled", "angage", "agency-os-ai"] {
        let event = Event::of(sender);
        let form = [b"payload=", &*event.body].concat();
        let bodies: [&[u8]; 16] = [
            b"",
            b" ",
            b"\0",
            b"\xff\xfe",
            b"$$",
            b"$& $1 \\1",
            b"{body}",
            b"{timestamp}.{body}",
            b"null",
            b"[]",
            b"{}{}",
            b"event=order.created&id=evt_1&data%5Bid%5D=1",
            &form,
            &[b"\xef\xbb\xbf", &*event.body].concat(),
            &[&*event.body, b"\0"].concat(),
            &event.body[..event.body.len() - 1],
        ];
        for body in bodies {
            let twin = event.with_body(body);
            for content_type in ["application/json", "application/x-www-form-urlencoded", "multipart/form-data"] {
                let request = twin.request().with("Content-Type", content_type);
                service.refuses(400, "body_not_an_object", &request);
            }
            service.refuses(401, "signature_mismatch", &twin.signed_under("a guess at the secret"));
        }
        service.knows_nothing_of(&event);
        // White space around an object is the sender's own.
        let framed = event.with_body([b"\t\n", &*event.body, b"\r\n"].concat());
        service.handles(&framed);
        let next = Event::of(sender);
        service.passes(&next, &next.request().with("Content-Type", "application/x-www-form-urlencoded"));
    }
    service.is_well();
}

pub(crate) fn t28_one_byte_more_or_less_or_other_breaks_the_signature(service: &Service) {
    for sender in ["handl", "agency-os-ai"] {
        let event = Event::of(sender);
        let changed = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut body = event.body.clone();
            change(&mut body);
            event.request().body(body)
        };
        for place in (0..event.body.len()).step_by(7) {
            service.refuses(401, "signature_mismatch", &changed(&|body| body[place] ^= 1));
        }
        let last = event.body.len() - 1;
        service.refuses(401, "signature_mismatch", &changed(&|body| body.push(b'\n')));
        service.refuses(401, "signature_mismatch", &changed(&|body| body.insert(0, b' ')));
        service.refuses(401, "signature_mismatch", &changed(&|body| body.truncate(last)));
        service.refuses(401, "signature_mismatch", &changed(&|body| body.extend(b"\r\n")));
        service.knows_nothing_of(&event);
        service.handles(&event);
    }
    service.is_well();
}

pub(crate) fn t29_bytes_do_not_move_between_time_and_body(service: &Service) {
    let slid = Event::of("agency-os-ai");
    // The same bytes under the signature: ten digits in the header, three more in front of the body.
    let signed = slid.with_stamp(format!("{}123", slid.stamp));
    let request = signed.request().with("x-aosai-timestamp", &slid.stamp).body([b"123", &*slid.body].concat());
    service.refuses(400, "body_not_an_object", &request);
    // And the other way round.
    let (begin, end) = slid.stamp.split_at(9);
    let request = slid.request().with("x-aosai-timestamp", begin).body([end.as_bytes(), &*slid.body].concat());
    service.refuses(401, "timestamp_malformed", &request);
    service.knows_nothing_of(&slid);

    let dotted = Event::of("agiled");
    let (left, right) = dotted.stamp.split_at(4);
    let signed = dotted.with_stamp(format!("{left}.{right}"));
    let request = signed.request().with("x-agiled-webhook-timestamp", left);
    let moved = request.body([right.as_bytes(), b".", &*dotted.body].concat());
    service.refuses(401, "timestamp_malformed", &moved);
    service.knows_nothing_of(&dotted);
    service.is_well();
}

pub(crate) fn t30_t31_unsigned_headers_name_no_event(service: &Service) {
    for sender in ["agiled", "agency-os-ai"] {
        let (first, next) = (Event::of(sender), Event::of(sender));
        let header = first.wire.id.unwrap();
        let others = next.id.clone().unwrap_or_else(|| "7".into());
        // The first comes under the id of the next, and the next is handled all the same.
        service.passes(&first, &first.request().with(header, &others));
        service.passes(&next, &next.request().with(header, &others));
        for id in ["", "1", "evt_9999", "\u{e9}", &"x".repeat(4000)] {
            let copy = first.request().with(header, id).with("Idempotency-Key", id).with("Webhook-Id", id);
            service.refuses(200, "duplicate", &copy);
        }
        service.holds_once(&first);
        let (event, third) = (first.wire.event.unwrap(), Event::of(sender));
        for contradiction in ["something.else", "", "INVOICE.PAID", "invoice.paid,invoice.paid"] {
            service.refuses(400, "event_contradicted", &third.request().with(event, contradiction));
        }
        service.knows_nothing_of(&third);
        service.passes(&third, &third.request().with(event, "invoice.paid"));
    }
    service.is_well();
}

pub(crate) fn t46_nothing_is_unpacked(service: &Service) {
    let before = service.peak_mib();
    let bomb = Event::of("handl").with_body(BOMB.clone());
    for encoding in ["gzip", "x-gzip", "deflate", "br", "zstd", "identity, gzip", "GZIP", "*", "unknown"] {
        service.refuses(415, "content_encoding", &bomb.request().with("Content-Encoding", encoding));
        service.refuses(415, "content_encoding", &bomb.unsigned().with("Content-Encoding", encoding));
    }
    // Nobody who does not say so either.
    service.refuses(400, "body_not_an_object", &bomb.request());
    service.refuses(401, "signature_mismatch", &bomb.signed_under("a guess at the secret"));
    let event = Event::of("handl");
    service.passes(&event, &event.request().with("Content-Encoding", "identity"));
    assert!(service.peak_mib() - before < ROOM_MIB, "{:?} unpacks", service.kind());
    service.is_well();
}

/// As deep as the limit lets a body be, and a million deep.
pub(crate) fn t46_depth_costs_no_more_than_length(service: &Service) {
    let before = service.peak_mib();
    let nested = |event: &Event, open: &str, close: &str, depth: usize| {
        let text = String::from_utf8(event.body.clone()).unwrap();
        let deep = format!(r#","deep":{}0{}}}"#, open.repeat(depth), close.repeat(depth));
        event.with_body(format!("{}{deep}", text.strip_suffix('}').unwrap()))
    };
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[", "")] {
        let event = Event::of("handl");
        let deep = nested(&event, open, close, (LIMIT - 1000) / (open.len() + close.len()));
        service.refuses(401, "signature_mismatch", &deep.signed_under("a guess at the secret"));
        if close.is_empty() {
            service.refuses(400, "body_not_an_object", &deep.request());
        } else {
            // It is an object. Who reads its depths has a limit of his own.
            service.handles(&deep);
        }
        let million = nested(&event, open, close, 1_000_000);
        if million.body.len() > LIMIT {
            service.refuses(413, "body_too_large", &million.request().announced());
        } else {
            service.refuses(400, "body_not_an_object", &million.request());
        }
    }
    assert!(service.peak_mib() - before < ROOM_MIB, "{:?} grows with depth", service.kind());
    service.is_well();
}
