//! Angage ERP: the body alone under the MAC.
//!
//! Its users write the body's template, and the default template holds no id: add
//! `"delivery_id": "{webhook.id}"` to it and point the key there with
//! [`with_event_id_at("/delivery_id")`](crate::scheme::Sender::with_event_id_at). Without it the key is the body.

use std::borrow::Cow;
use std::time::Duration;

use crate::SecretEncoding;
use crate::scheme::{
    BodyForm, Check, Envelope, EventInfo, Hash, Hmac, Part, Retries, Scheme, Sender, SignatureHeader, TagEncoding,
    TimestampSource, Timing, UnsignedHeaders,
};
use crate::time::TimestampFormat;

/// Angage ERP.
pub const ANGAGE: Sender = Sender {
    name: Cow::Borrowed("angage"),
    title: Cow::Borrowed("Angage ERP"),
    scheme: Scheme {
        check: Check::Hmac(Hmac {
            hash: Hash::Sha256,
            signature: SignatureHeader {
                name: Cow::Borrowed("X-Angage-Signature"),
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
        deadline: Some(Duration::from_secs(30)),
        retries: Retries::After(Cow::Borrowed(&[
            Duration::from_secs(60),
            Duration::from_secs(300),
            Duration::from_secs(1800),
            Duration::from_secs(7200),
            Duration::from_secs(43_200),
        ])),
        retry_safe: Some(Duration::from_secs(54_000)),
    },
    events: Cow::Borrowed(EVENTS),
};

const EVENTS: &[EventInfo] = &[
    EventInfo::documented("order.created"),
    EventInfo::documented("order.updated"),
    EventInfo::documented("order.confirmed"),
    EventInfo::documented("order.shipped"),
    EventInfo::documented("order.delivered"),
    EventInfo::documented("order.cancelled"),
    EventInfo::documented("order.completed"),
    EventInfo::documented("invoice.created"),
    EventInfo::documented("invoice.sent"),
    EventInfo::documented("payment.received"),
    EventInfo::documented("payment.refunded"),
    EventInfo::documented("customer.created"),
    EventInfo::documented("customer.updated"),
    EventInfo::documented("customer.deleted"),
    EventInfo::documented("contact.created"),
    EventInfo::documented("product.created"),
    EventInfo::documented("product.updated"),
    EventInfo::documented("product.deleted"),
    EventInfo::documented("inventory.updated"),
    EventInfo::documented("purchase_order.created"),
    EventInfo::documented("purchase_order.approved"),
    EventInfo::documented("purchase_order.received"),
    EventInfo::documented("bill.created"),
];
