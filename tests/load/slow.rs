//! Requests that never end: heads and bodies that come a byte a second.

use std::time::Duration;

use bytes::Bytes;

use crate::attack::{Script, Then};
use crate::service::Example;

/// How long the receiver waits for a body.
pub(crate) const BODY_TIMEOUT: Duration = counterfoil::receiver::DEFAULT_BODY_TIMEOUT;

/// Between two bytes. Less than any limit on silence.
pub(crate) const PAUSE: Duration = Duration::from_secs(1);

/// Half of them are slow with the head, half with the body.
pub(crate) fn scripts(example: Example) -> Vec<Script> {
    let slow = |name, opening: String, then, limit| Script {
        name,
        opening: opening.into(),
        then,
        statuses: &[408],
        // Some servers only hang up on a head.
        may_be_silent: limit != Some(BODY_TIMEOUT),
        limit,
    };
    let again = |bytes: &'static str| Then::Repeat(Bytes::from_static(bytes.as_bytes()), PAUSE);
    let unending = "POST /webhooks/handl HTTP/1.1\r\nhost: localhost\r\nx-slow: ".to_owned();
    vec![
        slow("slow head", unending, again("a"), example.head_timeout()),
        slow("slow body", head("content-length: 1000"), again(" "), Some(BODY_TIMEOUT)),
        slow("one byte and no more", "P".to_owned(), Then::Wait, example.head_timeout()),
        slow("slow chunks", head("transfer-encoding: chunked"), again("1\r\n \r\n"), Some(BODY_TIMEOUT)),
    ]
}

/// The head of a request that nothing is wrong with, as far as it can be seen from the head.
pub(crate) fn head(fields: &str) -> String {
    let signature = "0123456789abcdef".repeat(4);
    format!("POST /webhooks/handl HTTP/1.1\r\nhost: localhost\r\nx-handl-signature: {signature}\r\n{fields}\r\n\r\n")
}
