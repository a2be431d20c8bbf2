//! The events that the demo plays: for each sender the nearest that it really has to an order or an invoice.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use counterfoil::scheme::{Sender, TimestampSource};
use counterfoil::time::{TimestampFormat, format_rfc3339};
use counterfoil::{ConfigError, Delivery, IdempotencyKey, Rejection, Secret, SignError, Signer, Verifier};
use http::HeaderMap;

use crate::error::Error;

/// A sender with the secret that the demo's server knows.
pub(super) struct Player {
    pub(super) sender: &'static Sender,
    pub(super) signer: Signer,
    pub(super) stranger: Signer,
    verifier: Arc<Verifier>,
}

/// What a sender writes into the body of one of its events, besides the envelope.
struct Template {
    sender: &'static str,
    event_type: &'static str,
    data: fn(id: &str) -> String,
}

const TEMPLATES: &[Template] = &[
    Template {
        sender: "agency-os-ai",
        event_type: "invoice.paid",
        data: |id| format!(r#"{{"id":"{id}","invoice_number":"INV-{id}","amount":1500.00,"currency":"USD"}}"#),
    },
    Template {
        sender: "agency-os-ai-plugin",
        event_type: "project.created",
        data: |id| format!(r#"{{"id":"{id}","title":"Shop","status":"active","budget":"1500.00","currency":"EUR"}}"#),
    },
    Template { sender: "agiled", event_type: "invoice.paid", data: |id| format!(r#"{{"id":"{id}","status":"paid"}}"#) },
    Template {
        sender: "handl",
        event_type: "order.created",
        data: |id| format!(r#"{{"id":"{id}","object":"order","status":"pending","total":850000,"currency":"NGN"}}"#),
    },
    Template {
        sender: "angage",
        event_type: "order.created",
        data: |id| format!(r#"{{"order_id":"{id}","order_number":"SO-{id}","totals":{{"total":"99.90"}}}}"#),
    },
    Template {
        sender: "angage-marketplace",
        event_type: "invoice.created",
        data: |id| format!(r#"{{"id":"{id}","status":"open"}}"#),
    },
];

/// One event, ready to be signed.
#[derive(Clone)]
pub(super) struct Event {
    pub(super) body: String,
    pub(super) at: SystemTime,
    pub(super) key: IdempotencyKey,
}

impl Player {
    /// Every sender that has a template, which is every sender there is.
    pub(super) fn all(secret: &str) -> Result<Vec<Self>, Error> {
        let players = TEMPLATES.iter().filter_map(|template| counterfoil::senders::by_name(template.sender));
        players.map(|sender| Ok(Self::new(sender, secret)?)).collect()
    }

    fn new(sender: &'static Sender, secret: &str) -> Result<Self, ConfigError> {
        let verifier = Verifier::builder(sender.clone())
            .secret(Secret::new(secret)?)
            .tolerance(counterfoil::Tolerance::RetrySafe)
            .build()?;
        Ok(Self {
            sender,
            signer: Signer::new(sender, &Secret::new(secret)?)?,
            stranger: Signer::new(sender, &Secret::new("a secret of somebody else")?)?,
            verifier: Arc::new(verifier),
        })
    }

    pub(super) fn event_type(&self) -> &'static str {
        self.template().event_type
    }

    /// The event about the record `id`, as the sender would write it at `at`.
    pub(super) fn event(&self, id: &str, at: SystemTime) -> Result<Event, Rejection> {
        let template = self.template();
        let data = (template.data)(id);
        let time = self.time(at);
        let event_type = template.event_type;
        let body = match self.sender.envelope.id {
            // HanDl's envelope, which also names the object that it is.
            Some(_) if self.sender.envelope.event_type.as_deref() == Some("/type") => format!(
                r#"{{"id":"evt_{id}","object":"event","type":"{event_type}","created_at":{time},"data":{data}}}"#
            ),
            Some(_) => format!(r#"{{"id":"evt_{id}","event":"{event_type}","occurred_at":{time},"data":{data}}}"#),
            None => format!(r#"{{"event":"{event_type}","timestamp":{time},"data":{data}}}"#),
        };
        let key = Delivery::assertion(&self.verifier, body.clone(), at)?.key();
        Ok(Event { body, at, key })
    }

    pub(super) fn sign(&self, event: &Event) -> Result<HeaderMap, SignError> {
        self.signer.sign(event.body.as_bytes(), event.at)
    }

    fn template(&self) -> &'static Template {
        // `all` made this player from its template.
        TEMPLATES.iter().find(|template| template.sender == self.sender.name).unwrap_or(&TEMPLATES[0])
    }

    fn time(&self, at: SystemTime) -> String {
        match &self.sender.scheme.timestamp {
            Some(TimestampSource::Body { format: TimestampFormat::SiteUnixSeconds, .. }) => {
                at.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs().to_string()
            }
            _ => format!("\"{}\"", format_rfc3339(at).unwrap_or_default()),
        }
    }
}
