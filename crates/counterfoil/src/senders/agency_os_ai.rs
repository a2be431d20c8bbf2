//! Agency OS AI, as its documentation describes it: the timestamp header and the body under one MAC.
//!
//! The documentation shows no separator between the two, so only a strictly parsed timestamp in front of one
//! JSON object is accepted: that is what keeps digits from sliding between them. It states no timestamp form.
//! The shipped plugin signs differently: see [`AGENCY_OS_AI_PLUGIN`](super::AGENCY_OS_AI_PLUGIN).

use std::borrow::Cow;
use std::time::Duration;

use crate::SecretEncoding;
use crate::scheme::{
    BodyForm, Check, Envelope, EventInfo, Hash, Hmac, Part, Retries, Scheme, Sender, SignatureHeader, TagEncoding,
    TimestampSource, Timing, UnsignedHeaders,
};
use crate::time::TimestampFormat;

/// Agency OS AI.
pub const AGENCY_OS_AI: Sender = Sender {
    name: Cow::Borrowed("agency-os-ai"),
    title: Cow::Borrowed("Agency OS AI"),
    scheme: Scheme {
        check: Check::Hmac(Hmac {
            hash: Hash::Sha256,
            signature: SignatureHeader {
                name: Cow::Borrowed("X-AOSAI-Signature"),
                prefix: Cow::Borrowed("sha256="),
                encoding: TagEncoding::Hex,
                separator: None,
            },
            signed: Cow::Borrowed(&[Part::Timestamp, Part::Body]),
            timestamp: Some(TimestampSource::Header {
                name: Cow::Borrowed("X-AOSAI-Timestamp"),
                format: TimestampFormat::UnixOrRfc3339,
            }),
        }),
        secret: SecretEncoding::Raw,
        body: BodyForm::JsonObject,
        unsigned: UnsignedHeaders {
            event: Some(Cow::Borrowed("X-AOSAI-Event")),
            id: Some(Cow::Borrowed("X-AOSAI-Webhook-ID")),
        },
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
        retries: Retries::Manual,
        retry_safe: Some(Duration::from_secs(300)),
    },
    events: Cow::Borrowed(EVENTS),
};

const EVENTS: &[EventInfo] = &[
    EventInfo::documented("client.created"),
    EventInfo::documented("client.updated"),
    EventInfo::documented("project.created"),
    EventInfo::documented("project.updated"),
    EventInfo::documented("project.completed"),
    EventInfo::documented("task.created"),
    EventInfo::documented("task.updated"),
    EventInfo::documented("task.stage_changed"),
    EventInfo::documented("invoice.created"),
    EventInfo::documented("invoice.sent"),
    EventInfo::documented("invoice.paid"),
    EventInfo::documented("ticket.created"),
    EventInfo::documented("ticket.reply"),
    EventInfo::documented("time_entry.created"),
];
