//! What the benchmarks feed to their contenders.

use std::borrow::Cow;
use std::time::{Duration, UNIX_EPOCH};

use counterfoil::scheme::{BodyForm, Check, Envelope, Sender};
use counterfoil::time::format_rfc3339;
use counterfoil::{Clock, SystemClock, senders};

use crate::BoxError;

/// One secret for everybody, of a usual length.
pub const SECRET: &str = "whsec_5f2d8c1b9e7a4036";

/// As HanDl signs, but nothing is read from the body: the key of an event is the body's digest.
#[must_use]
pub fn opaque() -> Sender {
    let mut sender = senders::HANDL;
    sender.name = Cow::Borrowed("opaque");
    if let Check::Hmac(hmac) = &mut sender.scheme.check {
        hmac.timestamp = None;
    }
    sender.scheme.body = BodyForm::Opaque;
    sender.envelope = Envelope::default();
    sender
}

/// The current second as senders write it.
///
/// # Errors
/// The machine's clock is before 1970.
pub fn stamp() -> Result<String, BoxError> {
    let seconds = SystemClock.now().duration_since(UNIX_EPOCH)?.as_secs();
    Ok(format_rfc3339(UNIX_EPOCH + Duration::from_secs(seconds)).ok_or("a time before the year 10000")?)
}

/// A JSON object of exactly `size` bytes: the members of `envelope`, then an order's worth of data.
///
/// # Panics
/// If `size` has no room for the envelope and one line item.
#[must_use]
pub fn event(envelope: &str, size: usize) -> String {
    let mut body = format!(
        r#"{{{envelope},"data":{{"id":"ord_8f3k2m","object":"order","status":"confirmed","customer":{{"name":"Ada Obi","phone":"+2348012345678"}},"total":"45.50","currency":"NGN","payment_status":"paid","channel":"whatsapp","items":["#
    );
    let tail = r#"],"notes":""#;
    let close = r#""}}"#;
    let mut separator = "";
    for number in 1_u32.. {
        let item = format!(
            r#"{separator}{{"product_id":"prod_{number:06}","name":"Jollof rice","quantity":{},"unit_price":"{number}.50"}}"#,
            number % 7 + 1
        );
        if body.len() + item.len() + tail.len() + close.len() > size {
            break;
        }
        body += &item;
        separator = ",";
    }
    body += tail;
    let room = size.checked_sub(body.len() + close.len()).expect("room for an envelope and one item");
    body += &"leave at the gate ".repeat(room / 18 + 1)[..room];
    body += close;
    body
}
