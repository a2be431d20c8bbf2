//! Where a server answers in its own words, before or instead of the receiver, and why. What it answers is asserted all the
//! same.
//!
//! axum stands on hyper, FastAPI on uvicorn, which reads heads with h11. A server that cannot read a head answers 400 without
//! a code, and closes the connection.

use std::time::Duration;

use crate::event::Event;
use crate::place::Kind;
use crate::request::Request;
use crate::service::Service;
use crate::wire::{Reply, exchange};

/// The server's own 400.
const UNREADABLE: (u16, &str) = (400, "");
const MALFORMED: (u16, &str) = (401, "signature_malformed");

/// A signature's header of 64 KiB.
///
/// hyper stops reading a head that is so long. The others leave it to the receiver.
#[track_caller]
pub(crate) fn refuses_long_header(service: &Service, request: &Request) {
    answers(service, request, if service.kind() == Kind::Axum { (431, "") } else { MALFORMED });
}

/// A header's value that goes on in the next line.
///
/// It is obsolete, and a server may refuse it or put spaces in the place of the break. h11 does the latter.
#[track_caller]
pub(crate) fn refuses_folded(service: &Service, request: &Request) {
    answers(service, request, if service.kind() == Kind::Fastapi { MALFORMED } else { UNREADABLE });
}

/// A control character in a signature.
///
/// h11 lets all of them through but those that end a text or a line.
#[track_caller]
pub(crate) fn refuses_control(service: &Service, control: u8, request: &Request) {
    let passes = service.kind() == Kind::Fastapi && control != 0;
    answers(service, request, if passes { MALFORMED } else { UNREADABLE });
}

/// A length at the end of what 64 bits hold, or beyond.
///
/// hyper keeps the last two numbers for itself, and has 431 for them. h11 reads 20 digits, whatever they say. What a server
/// takes for a number is the receiver's to refuse.
#[track_caller]
pub(crate) fn refuses_length(service: &Service, length: &str, request: &Request) {
    let too_large = (413, "body_too_large");
    let expected = match (service.kind(), length.parse::<u64>()) {
        (Kind::Axum, Ok(_)) => (431, ""),
        (Kind::Actix, Ok(_)) => too_large,
        (Kind::Fastapi, _) if length.len() <= 20 => too_large,
        _ => UNREADABLE,
    };
    answers(service, request, expected);
}

/// What is no length, or several.
#[track_caller]
pub(crate) fn refuses_odd_length(service: &Service, request: &Request) {
    answers(service, request, UNREADABLE);
}

/// A connection that ends in the middle of a body.
///
/// uvicorn tells the application of it, and sends nothing any more.
#[track_caller]
pub(crate) fn is_given_up(service: &Service, reply: Option<&Reply>) {
    let answer = reply.map(|reply| (reply.status, reply.code()));
    let expected = (service.kind() != Kind::Fastapi).then(|| (400, "body_unreadable".to_owned()));
    assert_eq!(answer, expected, "{:?}", service.kind());
}

/// Chunks beside a length.
///
/// hyper and h11 go by the chunks, as they should. actix refuses.
#[track_caller]
pub(crate) fn takes_chunks_over_a_length(service: &Service, reply: Option<&Reply>, event: &Event) {
    let answer = reply.map(|reply| (reply.status, reply.code()));
    let is_taken = service.kind() != Kind::Actix;
    let expected = if is_taken { (200, "") } else { UNREADABLE };
    assert_eq!(answer, Some((expected.0, expected.1.to_owned())), "{:?}", service.kind());
    if is_taken { service.holds_once(event) } else { service.knows_nothing_of(event) }
}

/// What follows the chunks, and would be the rest of the body by the length.
///
/// uvicorn does not close the connection, as the others do. What follows is then a request of its own, and needs a proof of its own.
#[track_caller]
pub(crate) fn goes_on_after_chunks_over_a_length(service: &Service, reply: Option<&Reply>) {
    let answer = reply.map(|reply| (reply.status, reply.code()));
    let expected = (service.kind() == Kind::Fastapi).then(|| (401, "signature_missing".to_owned()));
    assert_eq!(answer, expected, "{:?}", service.kind());
}

/// A transfer encoding that is more than `chunked`.
///
/// hyper undoes the chunks where these come last, and nothing else: what is signed is the rest.
#[track_caller]
pub(crate) fn knows_no_encoding(service: &Service, encoding: &str, request: &Request, event: &Event) {
    let is_taken = service.kind() == Kind::Axum && encoding.ends_with(", chunked");
    answers(service, request, if is_taken { (200, "") } else { UNREADABLE });
    if is_taken { service.holds_once(event) } else { service.knows_nothing_of(event) }
}

/// Any head that is not as it should be.
pub(crate) fn cannot_read(answer: Option<&(u16, String)>) -> bool {
    answer.is_some_and(|(status, code)| (*status, &**code) == UNREADABLE)
}

/// For how long a server goes on to read from a connection that it has answered, and throws away what it reads.
///
/// The sender may be writing still, and would lose the answer if its connection broke off. actix does so for a second.
pub(crate) fn lingers_for(kind: Kind) -> Duration {
    Duration::from_secs(if kind == Kind::Actix { 10 } else { 5 })
}

#[track_caller]
fn answers(service: &Service, request: &Request, (status, code): (u16, &str)) {
    let answer = exchange(service.address, &request.bytes()).map(|reply| (reply.status, reply.code()));
    assert_eq!(answer, Some((status, code.to_owned())), "{:?}: {request:?}", service.kind());
}
