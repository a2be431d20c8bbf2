//! Agiled: timestamp header, a dot, and the body under one MAC.
//!
//! The documentation states neither the timestamp's form nor whether a retry is stamped anew, so every usual
//! form is read and the retry-safe window spans the whole schedule, read in its longer way: five retries.

use std::borrow::Cow;
use std::time::Duration;

use crate::SecretEncoding;
use crate::scheme::{
    BodyForm, Check, Envelope, EventInfo, Hash, Hmac, IdSource, Part, Retries, Scheme, Sender, SignatureHeader,
    TagEncoding, TimestampSource, Timing, UnsignedHeaders,
};
use crate::time::TimestampFormat;

/// Agiled.
pub const AGILED: Sender = Sender {
    name: Cow::Borrowed("agiled"),
    title: Cow::Borrowed("Agiled"),
    scheme: Scheme {
        check: Check::Hmac(Hmac {
            hash: Hash::Sha256,
            signature: SignatureHeader {
                name: Cow::Borrowed("X-Agiled-Webhook-Signature"),
                prefix: Cow::Borrowed(""),
                encoding: TagEncoding::Hex,
                separator: None,
            },
            signed: Cow::Borrowed(&[Part::Timestamp, Part::Literal(Cow::Borrowed(".")), Part::Body]),
            timestamp: Some(TimestampSource::Header {
                name: Cow::Borrowed("X-Agiled-Webhook-Timestamp"),
                format: TimestampFormat::UnixOrRfc3339,
            }),
        }),
        secret: SecretEncoding::Raw,
        body: BodyForm::JsonObject,
        unsigned: UnsignedHeaders {
            event: Some(Cow::Borrowed("X-Agiled-Webhook-Event")),
            id: Some(Cow::Borrowed("X-Agiled-Webhook-Id")),
        },
        challenge: None,
    },
    envelope: Envelope {
        id: Some(IdSource::Body(Cow::Borrowed(&[Cow::Borrowed("/id")]))),
        event_type: Some(Cow::Borrowed("/event")),
        occurred_at: Some(Cow::Borrowed("/occurred_at")),
        data: Some(Cow::Borrowed("/data")),
    },
    timing: Timing {
        deadline: None,
        retries: Retries::After(Cow::Borrowed(&[
            Duration::from_secs(60),
            Duration::from_secs(300),
            Duration::from_secs(900),
            Duration::from_secs(1800),
            Duration::from_secs(3600),
        ])),
        retry_safe: Some(Duration::from_secs(7200)),
    },
    events: Cow::Borrowed(EVENTS),
};

const EVENTS: &[EventInfo] = &[
    EventInfo::documented("contact.created"),
    EventInfo::documented("contact.updated"),
    EventInfo::documented("account.created"),
    EventInfo::documented("account.updated"),
    EventInfo::documented("deal.created"),
    EventInfo::documented("deal.updated"),
    EventInfo::documented("ticket.created"),
    EventInfo::documented("ticket.updated"),
    EventInfo::documented("project.created"),
    EventInfo::documented("project.updated"),
    EventInfo::documented("task.created"),
    EventInfo::documented("task.updated"),
    EventInfo::documented("invoice.created"),
    EventInfo::documented("invoice.updated"),
    EventInfo::documented("invoice.paid"),
    EventInfo::documented("payment.created"),
    EventInfo::documented("payment.updated"),
    EventInfo::documented("time_entry.created"),
    EventInfo::documented("time_entry.updated"),
    EventInfo::unconfirmed("contact.deleted"),
    EventInfo::unconfirmed("account.deleted"),
    EventInfo::unconfirmed("deal.deleted"),
    EventInfo::unconfirmed("deal.status_changed"),
    EventInfo::unconfirmed("project.deleted"),
    EventInfo::unconfirmed("task.deleted"),
    EventInfo::unconfirmed("task.status_changed"),
    EventInfo::unconfirmed("invoice.deleted"),
    EventInfo::unconfirmed("payment.deleted"),
    EventInfo::unconfirmed("time_entry.deleted"),
    EventInfo::unconfirmed("pipeline.created"),
    EventInfo::unconfirmed("pipeline.updated"),
    EventInfo::unconfirmed("pipeline.deleted"),
    EventInfo::unconfirmed("stage.created"),
    EventInfo::unconfirmed("stage.updated"),
    EventInfo::unconfirmed("stage.deleted"),
    EventInfo::unconfirmed("form.created"),
    EventInfo::unconfirmed("form.updated"),
    EventInfo::unconfirmed("form.deleted"),
    EventInfo::unconfirmed("form_submission.received"),
    EventInfo::unconfirmed("expense.created"),
    EventInfo::unconfirmed("expense.updated"),
    EventInfo::unconfirmed("expense.deleted"),
    EventInfo::unconfirmed("product.created"),
    EventInfo::unconfirmed("product.updated"),
    EventInfo::unconfirmed("product.deleted"),
    EventInfo::unconfirmed("file.created"),
    EventInfo::unconfirmed("file.updated"),
    EventInfo::unconfirmed("file.restored"),
    EventInfo::unconfirmed("file.deleted"),
    EventInfo::unconfirmed("folder.created"),
    EventInfo::unconfirmed("folder.updated"),
    EventInfo::unconfirmed("folder.restored"),
    EventInfo::unconfirmed("folder.deleted"),
    EventInfo::unconfirmed("document.created"),
    EventInfo::unconfirmed("document.updated"),
    EventInfo::unconfirmed("document.deleted"),
    EventInfo::unconfirmed("appointment.created"),
    EventInfo::unconfirmed("appointment.updated"),
    EventInfo::unconfirmed("appointment.deleted"),
    EventInfo::unconfirmed("order.created"),
    EventInfo::unconfirmed("order.updated"),
    EventInfo::unconfirmed("employee.created"),
    EventInfo::unconfirmed("employee.updated"),
    EventInfo::unconfirmed("employee.deleted"),
    EventInfo::unconfirmed("leave.approved"),
    EventInfo::unconfirmed("leave.requested"),
    EventInfo::unconfirmed("leave.rejected"),
    EventInfo::unconfirmed("leave.updated"),
    EventInfo::unconfirmed("leave.cancelled"),
    EventInfo::unconfirmed("estimate.created"),
    EventInfo::unconfirmed("estimate.updated"),
    EventInfo::unconfirmed("estimate.deleted"),
];
