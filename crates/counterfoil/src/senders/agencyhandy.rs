//! AgencyHandy: only the vendor's endpoint can tell whether a delivery is its own.
//!
//! How it signs is not public, so each delivery is sent back to it, with the webhook's id and secret. Where its bodies
//! keep an id and a type is not published either: without pointers of your own
//! ([`with_event_id_from`](crate::scheme::Sender::with_event_id_from)) the key is the canonical form of the body.

use std::borrow::Cow;

use crate::SecretEncoding;
use crate::scheme::{
    BodyForm, Check, Envelope, EventInfo, Remote, RemoteOutcome, Retries, Scheme, Sender, Timing, UnsignedHeaders,
};

/// AgencyHandy.
pub const AGENCYHANDY: Sender = Sender {
    name: Cow::Borrowed("agencyhandy"),
    title: Cow::Borrowed("AgencyHandy"),
    scheme: Scheme {
        check: Check::Remote(Remote {
            header: Cow::Borrowed("x-ah-sig"),
            url: Cow::Borrowed("https://api.agencyhandy.com/api/v1/webhooks/verify-signature"),
            webhook_id: Cow::Borrowed("webhookId"),
            signature: Cow::Borrowed("signature"),
            secret: Cow::Borrowed("secret"),
            payload: Cow::Borrowed("payload"),
            valid: RemoteOutcome {
                status: 200,
                member: Cow::Borrowed("verification_status"),
                text: Cow::Borrowed("SUCCESS"),
            },
            invalid: RemoteOutcome {
                status: 403,
                member: Cow::Borrowed("verification_status"),
                text: Cow::Borrowed("FAILED"),
            },
        }),
        secret: SecretEncoding::Raw,
        body: BodyForm::JsonObject,
        unsigned: UnsignedHeaders { event: None, id: None },
        challenge: None,
    },
    envelope: Envelope { id: None, event_type: None, occurred_at: None, data: None },
    timing: Timing { deadline: None, retries: Retries::Manual, retry_safe: None },
    events: Cow::Borrowed(EVENTS),
};

const EVENTS: &[EventInfo] = &[
    EventInfo::documented("ORDER.UPDATED"),
    EventInfo::documented("Lead.Created"),
    EventInfo::documented("Lead.Updated"),
    EventInfo::documented("Lead.Deleted"),
];
