//! Requests that are in order, made without the code under test.

use std::time::{SystemTime, UNIX_EPOCH};

use counterfoil::scheme::{Check, IdSource, TimestampSource};
use counterfoil::time::TimestampFormat;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value};

use crate::model::{self, mac};
use crate::terms::{KEY, Terms};

/// What stands in a body for the text of its time.
const TIME: &str = "@time@";

/// A request to be varied.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// The value of the signature's header.
    pub(crate) signature: Vec<u8>,
}

impl Request {
    /// One that is accepted at `now`.
    pub(crate) fn valid(terms: &Terms, now: SystemTime) -> Self {
        let body = body(terms, &written_in_body(terms, now));
        Self::signed(terms, KEY, &written(terms, now), &body).expect("plain text stands in a header")
    }

    /// One that `key` signs, with that text for a time in its head; `None` where the text cannot stand in a header.
    pub(crate) fn signed(terms: &Terms, key: &[u8], stamp: &[u8], body: &[u8]) -> Option<Self> {
        Self::signed_with(terms, key, stamp, "msg_1", body)
    }

    /// As [`signed`](Self::signed), with that text in every signed header.
    pub(crate) fn signed_with(terms: &Terms, key: &[u8], stamp: &[u8], id: &str, body: &[u8]) -> Option<Self> {
        let mut headers = HeaderMap::new();
        let signature = match &terms.sender.scheme.check {
            Check::Hmac(hmac) => {
                let mut signed = Vec::new();
                for (_, name) in model::header_parts(hmac) {
                    headers.insert(header(name), HeaderValue::from_str(id).ok()?);
                    signed.push(id.as_bytes().to_vec());
                }
                if let Some(TimestampSource::Header { name, .. }) = &hmac.timestamp {
                    headers.insert(header(name), HeaderValue::from_bytes(stamp).ok()?);
                }
                let content = model::signed_content(terms, hmac, stamp, &signed, body);
                let tag = mac::write(&mac::hmac(hmac.hash, key, &content), hmac.signature.encoding);
                let tag = format!("{}{tag}", hmac.signature.prefix).into_bytes();
                match (&hmac.timestamp, hmac.signature.separator) {
                    (Some(TimestampSource::Entry { prefix, .. }), Some(separator)) => {
                        [prefix.as_bytes(), stamp, separator.encode_utf8(&mut [0; 4]).as_bytes(), &tag].concat()
                    }
                    _ => tag,
                }
            }
            Check::Token(token) => Terms::credential(token, key),
            Check::Remote(_) => b"a-signature-that-only-the-sender-knows".to_vec(),
            _ => Vec::new(),
        };
        if let Some(name) = terms.sender.scheme.header() {
            headers.insert(header(name), HeaderValue::from_bytes(&signature).ok()?);
        }
        Some(Self { headers, body: body.to_vec(), signature })
    }

    /// The name of the signature's header.
    pub(crate) fn signature_name(terms: &Terms) -> Option<HeaderName> {
        terms.sender.scheme.header().map(header)
    }
}

pub(crate) fn header(name: &str) -> HeaderName {
    name.parse().unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The text of that time in the form of the head.
pub(crate) fn written(terms: &Terms, at: SystemTime) -> Vec<u8> {
    let since = at.duration_since(UNIX_EPOCH).expect("after 1970");
    match terms.format() {
        Some(TimestampFormat::UnixMillis) => since.as_millis().to_string(),
        Some(TimestampFormat::Rfc3339) => counterfoil::time::format_rfc3339(at).expect("before 9999"),
        Some(_) => {
            let offset = terms.offsets.first().map_or(0, |offset| i64::from(offset.seconds()));
            since.as_secs().saturating_add_signed(offset).to_string()
        }
        None => String::new(),
    }
    .into_bytes()
}

/// The same as a JSON value, where the time is in the body.
pub(crate) fn written_in_body(terms: &Terms, at: SystemTime) -> String {
    let text = String::from_utf8(written(terms, at)).expect("text");
    match terms.format() {
        Some(TimestampFormat::Rfc3339) | None => Value::from(text).to_string(),
        _ => text,
    }
}

/// A body that is an event of the sender, with that JSON text for its time.
pub(crate) fn body(terms: &Terms, time: &str) -> Vec<u8> {
    if !terms.has_json() {
        return b"any bytes, \xff among them".to_vec();
    }
    let (envelope, mut whole) = (&terms.sender.envelope, Map::new());
    let ids = envelope.id_pointers().iter().enumerate().map(|(index, id)| (&**id, Value::from(format!("evt_{index}"))));
    let members = [(envelope.event_type.as_deref(), Value::from("order.paid"))];
    let members = members.into_iter().filter_map(|(pointer, value)| Some((pointer?, value)));
    for (pointer, value) in ids.chain(members) {
        put(&mut whole, pointer, value);
    }
    if let Some(TimestampSource::Body { pointer, .. }) = terms.sender.scheme.timestamp() {
        put(&mut whole, pointer, TIME.into());
    }
    let later =
        [(envelope.occurred_at.as_deref(), Value::from(1_779_105_600)), (envelope.data.as_deref(), Map::new().into())];
    for (pointer, value) in later.into_iter().filter_map(|(pointer, value)| Some((pointer?, value))) {
        put(&mut whole, pointer, value);
    }
    Value::from(whole).to_string().replace(&Value::from(TIME).to_string(), time).into_bytes()
}

/// Puts a value where a pointer points at, unless something stands there or in the way.
fn put(object: &mut Map<String, Value>, pointer: &str, value: Value) {
    let (token, rest) = match pointer[1..].split_once('/') {
        Some((token, rest)) => (token, Some(format!("/{rest}"))),
        None => (&pointer[1..], None),
    };
    let place = object.entry(token.replace("~1", "/").replace("~0", "~"));
    match rest {
        None => drop(place.or_insert(value)),
        Some(rest) => {
            if let Value::Object(inner) = place.or_insert_with(|| Map::new().into()) {
                put(inner, &rest, value);
            }
        }
    }
}

/// Whether the sender's own headers include that of its event's id.
pub(crate) fn has_id_header(terms: &Terms) -> bool {
    matches!(terms.sender.envelope.id, Some(IdSource::Header(_)))
}
