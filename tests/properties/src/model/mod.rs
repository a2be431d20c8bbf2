//! A second reading of `docs/` and of a sender's data, written to be plain instead of fast: the verdict expected.
//!
//! It shares no code with the verifier but the types that hold a sender's data. Hashes are of other crates, JSON and times
//! are read here.

mod event;
mod head;
pub(crate) mod json;
pub(crate) mod key;
pub(crate) mod mac;
pub(crate) mod time;

use std::time::SystemTime;

use counterfoil::scheme::{Check, Hmac, Part, TimestampSource};
use http::HeaderMap;

use crate::terms::Terms;
pub(crate) use event::{Id, read};
use head::Head;
pub(crate) use head::header_parts;

/// Why a delivery is refused: the code.
pub(crate) type Refusal = &'static str;

/// What a delivery that is accepted says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) id: Option<Id>,
    pub(crate) event_type: Option<String>,
    pub(crate) signed_at: Option<SystemTime>,
    pub(crate) occurred_at: Option<SystemTime>,
    pub(crate) data: Option<Vec<u8>>,
    pub(crate) unsigned_id: Option<String>,
    pub(crate) unsigned_event_type: Option<String>,
    /// Which secrets could have made it.
    pub(crate) secrets: Vec<usize>,
    pub(crate) key: [u8; 16],
    pub(crate) scope: i32,
    pub(crate) fingerprint: [u8; 16],
}

/// The verdict on one request.
pub(crate) fn verdict(terms: &Terms, headers: &HeaderMap, body: &[u8], now: SystemTime) -> Result<Facts, Refusal> {
    let scheme = &terms.sender.scheme;
    let head = head::read(scheme, headers)?;
    let (secrets, none) = match &scheme.check {
        Check::Hmac(hmac) => (matching(terms, hmac, &head, body, now), "signature_mismatch"),
        Check::Token(_) => {
            let presented = terms.active(now).filter(|(_, key)| Some(*key) == head.credential.as_deref());
            (presented.map(|(index, _)| index).collect(), "credentials_invalid")
        }
        _ => return event::verdict(terms, &head, headers, body, now, Vec::new()),
    };
    if secrets.is_empty() {
        return Err(none);
    }
    event::verdict(terms, &head, headers, body, now, secrets)
}

/// The indexes of the active secrets that make one of the tags presented.
fn matching(terms: &Terms, hmac: &Hmac, head: &Head, body: &[u8], now: SystemTime) -> Vec<usize> {
    let message = signed_content(terms, hmac, &head.stamp, &head.signed, body);
    let makes = |key: &[u8]| head.tags.contains(&mac::hmac(hmac.hash, key, &message));
    terms.active(now).filter(|(_, key)| makes(key)).map(|(index, _)| index).collect()
}

/// The bytes under the MAC.
pub(crate) fn signed_content(terms: &Terms, hmac: &Hmac, stamp: &[u8], headers: &[Vec<u8>], body: &[u8]) -> Vec<u8> {
    let (mut content, mut header) = (Vec::new(), 0);
    for part in hmac.signed.iter() {
        content.extend_from_slice(match part {
            Part::Timestamp => stamp,
            Part::Literal(text) => text.as_bytes(),
            Part::Header(_) => {
                header += 1;
                &headers[header - 1]
            }
            Part::Body => body,
            Part::Method => b"POST",
            Part::Path => terms.url.1.as_bytes(),
            Part::Url => terms.url.0.as_bytes(),
            other => panic!("{other:?} is new here"),
        });
    }
    content
}

/// Whether the time stands before the body.
pub(crate) fn is_in_head(source: Option<&TimestampSource>) -> bool {
    matches!(source, Some(TimestampSource::Header { .. } | TimestampSource::Entry { .. }))
}
