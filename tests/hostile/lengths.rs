//! How long a body is, and how long it says that it is.

use std::time::Instant;

use crate::bodies::{LIMIT, ROOM_MIB};
use crate::differences;
use crate::event::Event;
use crate::request::chunks;
use crate::service::Service;
use crate::wire::Connection;

/// No byte of these bodies is ever sent, and the answer comes all the same.
pub(crate) fn t11_what_the_head_refuses_is_answered_without_its_body(service: &Service) {
    let event = Event::of("agiled");
    let (header, _) = event.wire.timestamp.unwrap();
    let right = event.request();
    for (code, request) in [
        ("signature_missing", event.unsigned()),
        ("signature_malformed", event.under("00")),
        ("signature_repeated", event.request().and(event.wire.signature, event.signature())),
        ("timestamp_missing", right.clone().without(header)),
        ("timestamp_malformed", right.with(header, "soon")),
    ] {
        for framing in [("Content-Length", "1000"), ("Transfer-Encoding", "chunked")] {
            service.refuses(401, code, &request.clone().body([]).with(framing.0, framing.1).self_framed());
        }
    }
    service.knows_nothing_of(&event);
    service.is_well();
}

pub(crate) fn t11_an_endless_body_is_given_up(service: &Service) {
    let before = service.peak_mib();
    let event = Event::of("handl");
    let chunk = chunks(&[b' '; 64 * 1024], 64 * 1024);
    for request in [event.unsigned(), event.request(), event.under("00")] {
        let mut connection = Connection::open(service.address);
        connection.write(&request.with("Transfer-Encoding", "chunked").self_framed().body([]).bytes()).unwrap();
        let started = Instant::now();
        while connection.write(&chunk).is_ok() {
            assert!(
                started.elapsed() < differences::lingers_for(service.kind()),
                "{:?} goes on reading",
                service.kind()
            );
        }
    }
    assert!(service.peak_mib() - before < ROOM_MIB, "{:?} keeps what it reads", service.kind());
    service.knows_nothing_of(&event);
    service.is_well();
}

/// Chunks of every size, and trailers, are one body.
pub(crate) fn t11_chunks_are_counted_as_they_come(service: &Service) {
    for of in [1, 100, 4096] {
        let event = Event::of("agiled");
        service.passes(&event, &event.request().in_chunks(of));
    }
    let event = Event::of("handl").of_length(LIMIT);
    service.passes(&event, &event.request().in_chunks(10_000));
    // One byte too many, and then neither more nor an end.
    let over = Event::of("handl").of_length(LIMIT + 1);
    let mut connection = Connection::open(service.address);
    let head = over.request().body([]).with("Transfer-Encoding", "chunked").self_framed().bytes();
    connection.write(&[head, chunks(&over.body, 10_000)].concat()).unwrap();
    let reply = connection.reply().unwrap();
    assert_eq!((reply.status, &*reply.code()), (413, "body_too_large"), "{:?}", service.kind());
    service.knows_nothing_of(&over);
    service.is_well();
}

pub(crate) fn t46_a_declared_length_is_believed_by_nobody(service: &Service) {
    let before = service.peak_mib();
    let event = Event::of("handl");
    let declared = |length: &str| event.request().with("Content-Length", length).self_framed();
    for length in ["1048577", "10737418240", "9223372036854775807"] {
        service.refuses(413, "body_too_large", &declared(length));
    }
    for length in ["18446744073709551615", "18446744073709551616", "999999999999999999999999999999"] {
        differences::refuses_length(service, length, &declared(length));
    }
    for length in ["-1", "+10", "1e3", "0x10", "ten", "10, 11", "10 10", ""] {
        differences::refuses_odd_length(service, &declared(length));
    }
    assert!(service.peak_mib() - before < ROOM_MIB, "{:?} allocates what is claimed", service.kind());
    // More than comes: the connection ends before the body does.
    let more = (event.body.len() + 10).to_string();
    let mut connection = Connection::open(service.address);
    connection.write(&declared(&more).bytes()).unwrap();
    connection.finish();
    differences::is_given_up(service, connection.reply().as_ref());
    service.knows_nothing_of(&event);
    // Less than comes: what was declared is the body, and the signature is over another.
    let less = (event.body.len() - 10).to_string();
    service.refuses(401, "signature_mismatch", &declared(&less));
    service.knows_nothing_of(&event);
    service.is_well();
}

/// Two framings, so that a proxy may see one request where the service sees two.
pub(crate) fn t46_two_framings_make_no_second_request(service: &Service) {
    let (first, hidden) = (Event::of("handl"), Event::of("handl"));
    let inner = hidden.unsigned().bytes();
    let chunked = [chunks(&first.body, 4096), b"0\r\n\r\n".to_vec()].concat();
    // All of it is the body by its length; by its chunks another request follows.
    let both = [chunked, inner].concat();
    let request = first.request().with("Transfer-Encoding", "chunked").with("Content-Length", both.len().to_string());
    let mut connection = Connection::open(service.address);
    connection.write(&request.body(both).self_framed().bytes()).unwrap();
    differences::takes_chunks_over_a_length(service, connection.reply().as_ref(), &first);
    differences::goes_on_after_chunks_over_a_length(service, connection.reply().as_ref());
    service.knows_nothing_of(&hidden);
    for encoding in ["xchunked", "chunked, identity", "identity", "gzip, chunked", "chunked, chunked"] {
        let event = Event::of("handl");
        let body = [chunks(&event.body, 4096), b"0\r\n\r\n".to_vec()].concat();
        let request = event.request().with("Transfer-Encoding", encoding).body(body).self_framed();
        differences::knows_no_encoding(service, encoding, &request, &event);
    }
    let doubled = first.request().and("Content-Length", "0");
    differences::refuses_odd_length(service, &doubled);
    service.is_well();
}

pub(crate) fn t47_one_byte_over_the_limit_is_413_and_not_401(service: &Service) {
    let (within, over) = (Event::of("handl").of_length(LIMIT), Event::of("handl").of_length(LIMIT + 1));
    service.handles(&within);
    service.refuses(413, "body_too_large", &over.request().announced());
    service.refuses(413, "body_too_large", &over.signed_under("a guess at the secret").announced());
    // Without a signature it is refused sooner.
    service.refuses(401, "signature_missing", &over.unsigned().announced());
    service.knows_nothing_of(&over);
    service.is_well();
}
