//! Events of HanDl's, and the requests that bring them.

use std::num::NonZeroU32;

use counterfoil::idempotency::MemoryStore;
use counterfoil::receiver::ReceiverBuilder;
use counterfoil::{Clock, Receiver, Secret, Signer, SystemClock, senders};

pub(crate) const SECRET: &str = "whsec_of_the_actix_tests";

pub(crate) fn receiver() -> ReceiverBuilder {
    Receiver::builder(senders::HANDL).secret(Secret::new(SECRET).unwrap()).store(memory())
}

pub(crate) fn memory() -> MemoryStore {
    MemoryStore::new(NonZeroU32::new(100_000).unwrap())
}

/// An order event, now.
pub(crate) fn body(id: &str) -> Vec<u8> {
    let now = counterfoil::time::format_rfc3339(SystemClock.now()).unwrap();
    format!(r#"{{"id":"{id}","type":"order.created","created_at":"{now}","data":{{"id":"ord_{id}","total":850000}}}}"#)
        .into_bytes()
}

/// The same event in at least so many bytes.
pub(crate) fn long_body(id: &str, length: usize) -> Vec<u8> {
    let mut body = body(id);
    body.resize(length, b' ');
    body
}

/// The header that signs `body` under `secret`, as a line.
pub(crate) fn signature_under(secret: &str, body: &[u8]) -> String {
    let signer = Signer::new(&senders::HANDL, &Secret::new(secret).unwrap()).unwrap();
    let headers = signer.sign(body, SystemClock.now()).unwrap();
    format!("x-handl-signature: {}\r\n", headers["x-handl-signature"].to_str().unwrap())
}

pub(crate) fn signature(body: &[u8]) -> String {
    signature_under(SECRET, body)
}

/// A request with these header lines besides the length.
pub(crate) fn request_to(path: &str, lines: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\n{lines}content-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// A good delivery.
pub(crate) fn request(body: &[u8]) -> Vec<u8> {
    request_to("/hook", &format!("content-type: application/json\r\n{}", signature(body)), body)
}
