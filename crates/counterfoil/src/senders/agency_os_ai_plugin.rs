//! Agency OS AI, as the plugin ships it (read in its versions 1.3 to 1.5): the body alone under the MAC.
//!
//! The signed time is an integer in the body, shifted by the WordPress site's UTC offset, which is therefore
//! configuration. The plugin hangs up after five seconds, ignores the answer and never retries.

use std::borrow::Cow;
use std::time::Duration;

use crate::SecretEncoding;
use crate::scheme::{
    BodyForm, Check, Envelope, EventInfo, Hash, Hmac, Part, Retries, Scheme, Sender, SignatureHeader, TagEncoding,
    TimestampSource, Timing, UnsignedHeaders,
};
use crate::time::TimestampFormat;

/// Agency OS AI plugin.
pub const AGENCY_OS_AI_PLUGIN: Sender = Sender {
    name: Cow::Borrowed("agency-os-ai-plugin"),
    title: Cow::Borrowed("Agency OS AI plugin"),
    scheme: Scheme {
        check: Check::Hmac(Hmac {
            hash: Hash::Sha256,
            signature: SignatureHeader {
                name: Cow::Borrowed("X-AOSAI-Signature"),
                prefix: Cow::Borrowed("sha256="),
                encoding: TagEncoding::Hex,
                separator: None,
            },
            signed: Cow::Borrowed(&[Part::Body]),
            timestamp: Some(TimestampSource::Body {
                pointer: Cow::Borrowed("/timestamp"),
                format: TimestampFormat::SiteUnixSeconds,
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
        occurred_at: None,
        data: Some(Cow::Borrowed("/data")),
    },
    timing: Timing {
        deadline: Some(Duration::from_secs(5)),
        retries: Retries::Never,
        retry_safe: Some(Duration::from_secs(300)),
    },
    events: Cow::Borrowed(EVENTS),
};

const EVENTS: &[EventInfo] = &[
    EventInfo::shipped("project.created"),
    EventInfo::shipped("project.updated"),
    EventInfo::shipped("task.created"),
    EventInfo::shipped("task.updated"),
    EventInfo::shipped("ticket.created"),
    EventInfo::shipped("ticket.updated"),
    EventInfo::shipped("ticket.note_added"),
    EventInfo::shipped("webhook.test"),
];
