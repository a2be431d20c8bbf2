//! Bodies that are more than they say, or say more than they are.

use std::io::Write as _;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::attack::{Script, Then};
use crate::honest::{event, sign};
use crate::slow::{BODY_TIMEOUT, head};

/// At the same time.
pub(crate) const TOGETHER: usize = 16;

/// Each attacker waits so long before the next one.
pub(crate) const PAUSE: Duration = Duration::from_millis(500);

/// The one event among them.
pub(crate) const EVENT: &str = "5e5 deep, in an event";

/// What the compressed ones expand to.
const EXPANDED: usize = 128 * 1024 * 1024;

/// Levels of nested arrays.
const DEPTH: usize = 1_000_000;

const CHUNK: usize = 64 * 1024;

/// Between two chunks: 3 MiB/s from each attacker.
const PACE: Duration = Duration::from_millis(20);

pub(crate) fn scripts() -> Vec<Script> {
    let chunk = Bytes::from(format!("{CHUNK:x}\r\n{}\r\n", " ".repeat(CHUNK)));
    let spaces = || Then::Repeat(Bytes::from(vec![b' '; CHUNK]), PACE);
    let closed = format!("{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH));
    // As much of it as a body may have.
    let shallower = format!("{}{}", "[".repeat(DEPTH / 2), "]".repeat(DEPTH / 2));
    let zip = gzip(&vec![b' '; EXPANDED]);
    let encoded = |name: &str| {
        let fields = format!("content-encoding: {name}\r\nconnection: close\r\ncontent-length: {}", zip.len());
        [signed_head(&zip, &fields).into_bytes(), zip.clone()].concat()
    };
    vec![
        script("10 GiB declared", head("content-length: 10737418240").into(), spaces(), &[413]),
        script("2^64-1 declared", head("content-length: 18446744073709551615").into(), Then::Wait, &[400, 413, 431]),
        script("2^64 declared", head("content-length: 18446744073709551616").into(), Then::Wait, &[400, 413]),
        // Some servers have nothing to say to whom has hung up.
        Script {
            may_be_silent: true,
            ..script("less than declared", head("content-length: 1000").into(), Then::Hang, &[400])
        },
        script("two lengths", head("content-length: 2\r\ncontent-length: 3").into(), Then::Wait, &[400]),
        script("endless chunks", head("transfer-encoding: chunked").into(), Then::Repeat(chunk.clone(), PACE), &[413]),
        script("endless chunks, unsigned", unsigned("transfer-encoding: chunked"), Then::Repeat(chunk, PACE), &[401]),
        script("a chunk of 2^64-1", chunked("ffffffffffffffff\r\n"), spaces(), &[400, 413, 431]),
        script("an endless chunk extension", chunked("1;"), spaces(), &[400, 408]),
        script("endless trailers", chunked("2\r\n{}\r\n0\r\nx-a: "), spaces(), &[400, 401, 408]),
        script("gzip", encoded("gzip").into(), Then::Wait, &[415]),
        script("zstd", encoded("zstd").into(), Then::Wait, &[415]),
        script("gzip, not said", whole(&zip), Then::Wait, &[400]),
        script("1e6 deep, signed", whole("[".repeat(DEPTH).as_bytes()), Then::Wait, &[400]),
        script("1e6 deep, closed", whole(closed.as_bytes()), Then::Wait, &[413]),
        // Nothing is wrong with it: its depth is the handler's affair. A copy of it may be under way.
        script(EVENT, whole(event("evt_deep", &shallower).as_bytes()), Then::Wait, &[200, 503]),
    ]
}

fn script(name: &'static str, opening: Bytes, then: Then, statuses: &'static [u16]) -> Script {
    Script { name, opening, then, statuses, may_be_silent: false, limit: Some(BODY_TIMEOUT) }
}

fn chunked(begin: &str) -> Bytes {
    (head("transfer-encoding: chunked") + begin).into()
}

fn unsigned(fields: &str) -> Bytes {
    format!("POST /webhooks/handl HTTP/1.1\r\nhost: localhost\r\n{fields}\r\n\r\n").into()
}

/// All of a request, as its sender would have signed it, and the last one on its connection.
fn whole(body: &[u8]) -> Bytes {
    let head = signed_head(body, &format!("connection: close\r\ncontent-length: {}", body.len()));
    [head.as_bytes(), body].concat().into()
}

fn signed_head(body: &[u8], fields: &str) -> String {
    let signature = sign(body);
    format!("POST /webhooks/handl HTTP/1.1\r\nhost: localhost\r\nx-handl-signature: {signature}\r\n{fields}\r\n\r\n")
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
