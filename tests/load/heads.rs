//! Heads that are larger than any request's.

use std::time::Duration;

use bytes::Bytes;

use crate::attack::{Script, Then};

/// Each attacker waits so long before it comes again.
pub(crate) const PAUSE: Duration = Duration::from_secs(2);

/// Between two writes of 32 KiB.
const PACE: Duration = Duration::from_millis(10);

pub(crate) fn scripts() -> Vec<Script> {
    let flood = |name, opening: &'static str, again: String| Script {
        name,
        opening: Bytes::from_static(opening.as_bytes()),
        then: Then::Repeat(again.into(), PACE),
        statuses: &[400, 413, 414, 431],
        // Some servers only hang up.
        may_be_silent: true,
        // They are too large long before they are too late.
        limit: Some(Duration::from_secs(10)),
    };
    vec![
        flood(
            "endless fields",
            "POST /webhooks/handl HTTP/1.1\r\n",
            "x-flood: 0123456789abcdef\r\n".repeat(32 * 1024 / 27),
        ),
        flood("one endless field", "POST /webhooks/handl HTTP/1.1\r\nx-flood: ", "a".repeat(32 * 1024)),
        flood("an endless target", "POST /", "a".repeat(32 * 1024)),
    ]
}
