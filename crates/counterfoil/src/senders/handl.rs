//! HanDl: the body alone under the MAC, hex without a prefix.
//!
//! The only signed time is the event's own `created_at`, which a retry keeps: the last retry comes 26.6 hours
//! after it, and the retry-safe window takes it. A `whsec_` in front of the secret is part of the key.

use std::borrow::Cow;
use std::time::Duration;

use crate::SecretEncoding;
use crate::scheme::{
    BodyForm, Check, Envelope, EventInfo, Hash, Hmac, IdSource, Part, Retries, Scheme, Sender, SignatureHeader,
    TagEncoding, TimestampSource, Timing, UnsignedHeaders,
};
use crate::time::TimestampFormat;

/// HanDl.
pub const HANDL: Sender = Sender {
    name: Cow::Borrowed("handl"),
    title: Cow::Borrowed("HanDl"),
    scheme: Scheme {
        check: Check::Hmac(Hmac {
            hash: Hash::Sha256,
            signature: SignatureHeader {
                name: Cow::Borrowed("X-HanDl-Signature"),
                prefix: Cow::Borrowed(""),
                encoding: TagEncoding::Hex,
                separator: None,
            },
            signed: Cow::Borrowed(&[Part::Body]),
            timestamp: Some(TimestampSource::Body {
                pointer: Cow::Borrowed("/created_at"),
                format: TimestampFormat::Rfc3339,
            }),
        }),
        secret: SecretEncoding::Raw,
        body: BodyForm::JsonObject,
        unsigned: UnsignedHeaders { event: None, id: None },
        challenge: None,
    },
    envelope: Envelope {
        id: Some(IdSource::Body(Cow::Borrowed(&[Cow::Borrowed("/id")]))),
        event_type: Some(Cow::Borrowed("/type")),
        occurred_at: Some(Cow::Borrowed("/created_at")),
        data: Some(Cow::Borrowed("/data")),
    },
    timing: Timing {
        deadline: Some(Duration::from_secs(10)),
        retries: Retries::After(Cow::Borrowed(&[
            Duration::from_secs(30),
            Duration::from_secs(300),
            Duration::from_secs(1800),
            Duration::from_secs(7200),
            Duration::from_secs(86_400),
        ])),
        retry_safe: Some(Duration::from_secs(97_200)),
    },
    events: Cow::Borrowed(EVENTS),
};

const EVENTS: &[EventInfo] = &[
    EventInfo::documented("message.received"),
    EventInfo::documented("message.sent"),
    EventInfo::documented("conversation.created"),
    EventInfo::documented("order.created"),
    EventInfo::documented("order.updated"),
    EventInfo::documented("payment.completed"),
    EventInfo::documented("payment.failed"),
    EventInfo::documented("product.created"),
    EventInfo::documented("product.updated"),
    EventInfo::unconfirmed("order.shipped"),
    EventInfo::unconfirmed("order.delivered"),
    EventInfo::unconfirmed("contact.created"),
];
