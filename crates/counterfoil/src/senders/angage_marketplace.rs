//! Angage Marketplace extensions: the body alone under the MAC, in a header of a generic name.
//!
//! A product of its own, beside the ERP: other header, payload, deadline and event names. Its retry schedule is
//! not published; the retry-safe window is the ERP's.

use std::borrow::Cow;
use std::time::Duration;

use crate::SecretEncoding;
use crate::scheme::{
    BodyForm, Check, Envelope, EventInfo, Hash, Hmac, Part, Retries, Scheme, Sender, SignatureHeader, TagEncoding,
    TimestampSource, Timing, UnsignedHeaders,
};
use crate::time::TimestampFormat;

/// Angage Marketplace.
pub const ANGAGE_MARKETPLACE: Sender = Sender {
    name: Cow::Borrowed("angage-marketplace"),
    title: Cow::Borrowed("Angage Marketplace"),
    scheme: Scheme {
        check: Check::Hmac(Hmac {
            hash: Hash::Sha256,
            signature: SignatureHeader {
                name: Cow::Borrowed("X-Webhook-Signature"),
                prefix: Cow::Borrowed("sha256="),
                encoding: TagEncoding::Hex,
                separator: None,
            },
            signed: Cow::Borrowed(&[Part::Body]),
            timestamp: Some(TimestampSource::Body {
                pointer: Cow::Borrowed("/timestamp"),
                format: TimestampFormat::Rfc3339,
            }),
        }),
        secret: SecretEncoding::Raw,
        body: BodyForm::JsonObject,
        unsigned: UnsignedHeaders { event: None, id: None },
        challenge: None,
    },
    envelope: Envelope {
        id: None,
        event_type: Some(Cow::Borrowed("/event")),
        occurred_at: Some(Cow::Borrowed("/timestamp")),
        data: Some(Cow::Borrowed("/data")),
    },
    timing: Timing {
        deadline: Some(Duration::from_secs(10)),
        retries: Retries::Unknown,
        retry_safe: Some(Duration::from_secs(54_000)),
    },
    events: Cow::Borrowed(EVENTS),
};

const EVENTS: &[EventInfo] = &[
    EventInfo::documented("app.installed"),
    EventInfo::documented("app.uninstalled"),
    EventInfo::documented("app.activated"),
    EventInfo::documented("app.deactivated"),
    EventInfo::documented("app.scopes_updated"),
    EventInfo::documented("invoice.created"),
    EventInfo::documented("invoice.updated"),
    EventInfo::documented("invoice.paid"),
    EventInfo::documented("payment.received"),
    EventInfo::documented("customer.created"),
    EventInfo::documented("customer.updated"),
    EventInfo::documented("order.created"),
    EventInfo::documented("order.updated"),
    EventInfo::documented("product.created"),
    EventInfo::documented("product.updated"),
    EventInfo::documented("inventory.adjusted"),
    EventInfo::documented("tenant.data_request"),
    EventInfo::documented("tenant.data_redact"),
];
