//! The events that the demo plays: for each sender the nearest that it really has to an order or an invoice.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use counterfoil::scheme::{Sender, TimestampSource};
use counterfoil::time::{TimestampFormat, format_rfc3339};
use counterfoil::{ConfigError, Delivery, IdempotencyKey, Rejection, Secret, SignError, Signer, Verifier};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::DemoError;
use crate::error::Error;

/// What the demo's webhooks are known by to an endpoint that is asked.
pub(super) const WEBHOOK_ID: &str = "webhook_of_the_demo";

/// Whether deliveries of `sender` can only be checked by an endpoint of its own.
pub(super) fn asked(sender: &Sender) -> bool {
    sender.scheme.remote().is_some()
}

/// A sender with the secret that the demo's server knows.
pub(super) struct Player {
    pub(super) sender: &'static Sender,
    own: Pen,
    stranger: Pen,
    verifier: Verifier,
    kinds: &'static [Kind],
}

/// What signs deliveries.
enum Pen {
    Known(Box<Signer>),
    /// As the stand-in of a sender's endpoint does, whose own way is not public.
    StandIn(&'static str),
}

impl Pen {
    fn new(sender: &Sender, secret: &'static str) -> Result<Self, ConfigError> {
        match sender.scheme.hmac() {
            Some(_) => Ok(Self::Known(Box::new(Signer::new(sender, &Secret::new(secret)?)?))),
            None => Ok(Self::StandIn(secret)),
        }
    }

    fn sign(&self, sender: &Sender, body: &str, at: SystemTime) -> Result<HeaderMap, SignError> {
        match self {
            Self::Known(signer) => signer.sign(body.as_bytes(), at),
            Self::StandIn(secret) => {
                // What is no JSON has no signature there, and gets one that fits nothing.
                let signature =
                    agencyhandy_endpoint::sign(secret, body.as_bytes()).unwrap_or_else(|_| "none".to_owned());
                let header = sender.scheme.header().and_then(|name| HeaderName::try_from(name).ok());
                Ok(header.zip(HeaderValue::try_from(signature).ok()).into_iter().collect())
            }
        }
    }
}

/// What a sender writes into the bodies of its order and invoice events, besides the envelope.
struct Template {
    sender: &'static str,
    kinds: &'static [Kind],
}

struct Kind {
    event_type: &'static str,
    data: fn(id: &str) -> String,
}

const TEMPLATES: &[Template] = &[
    Template {
        sender: "agency-os-ai",
        kinds: &[
            Kind { event_type: "invoice.created", data: agency_invoice },
            Kind { event_type: "invoice.paid", data: agency_invoice },
        ],
    },
    Template {
        // It has neither orders nor invoices. A project with its budget comes nearest.
        sender: "agency-os-ai-plugin",
        kinds: &[Kind {
            event_type: "project.created",
            data: |id| {
                format!(r#"{{"id":"{id}","title":"Shop","status":"active","budget":"1500.00","currency":"EUR"}}"#)
            },
        }],
    },
    Template { sender: "agencyhandy", kinds: &[Kind { event_type: "ORDER.UPDATED", data: agencyhandy_order }] },
    Template {
        sender: "agiled",
        kinds: &[
            Kind { event_type: "invoice.created", data: bare_record },
            Kind { event_type: "invoice.paid", data: bare_record },
        ],
    },
    Template {
        sender: "handl",
        kinds: &[
            Kind { event_type: "order.created", data: handl_order },
            Kind { event_type: "order.updated", data: handl_order },
        ],
    },
    Template {
        sender: "angage",
        kinds: &[
            Kind {
                event_type: "order.created",
                data: |id| format!(r#"{{"order_id":"{id}","order_number":"SO-{id}","totals":{{"total":"99.90"}}}}"#),
            },
            Kind { event_type: "invoice.created", data: |id| format!(r#"{{"invoice_id":"{id}","total":"99.90"}}"#) },
        ],
    },
    Template {
        sender: "angage-marketplace",
        kinds: &[
            Kind { event_type: "order.created", data: bare_record },
            Kind { event_type: "invoice.created", data: bare_record },
        ],
    },
];

fn agency_invoice(id: &str) -> String {
    format!(r#"{{"id":"{id}","invoice_number":"INV-{id}","amount":1500.00,"currency":"USD"}}"#)
}

fn handl_order(id: &str) -> String {
    format!(r#"{{"id":"{id}","object":"order","status":"pending","total":850000,"currency":"NGN"}}"#)
}

/// A project as the vendor's older pages show it. Its webhooks' bodies are not documented.
fn agencyhandy_order(id: &str) -> String {
    format!(r#"{{"id":"{id}","status":"Ongoing","total":99.90,"company":"64f0c0ffee64f0c0ffee64f0"}}"#)
}

/// Of a sender whose documents do not show what is in `data`.
fn bare_record(id: &str) -> String {
    format!(r#"{{"id":"{id}"}}"#)
}

/// One event, ready to be signed.
#[derive(Clone)]
pub(super) struct Event {
    pub(super) body: String,
    pub(super) at: SystemTime,
    pub(super) key: IdempotencyKey,
}

impl Player {
    /// Every sender. One without a template could not be shown, and is not passed over.
    pub(super) fn all(secret: &'static str) -> Result<Vec<Self>, Error> {
        let player = |sender: &'static Sender| {
            let template = TEMPLATES.iter().find(|template| template.sender == sender.name);
            let template =
                template.ok_or_else(|| DemoError::NoTemplate { sender: sender.name.clone().into_owned() })?;
            Ok(Self::new(sender, template, secret)?)
        };
        counterfoil::senders::ALL.iter().map(player).collect()
    }

    fn new(sender: &'static Sender, template: &'static Template, secret: &'static str) -> Result<Self, ConfigError> {
        let verifier =
            Verifier::builder(sender.clone()).secret(Secret::new(secret)?).tolerance(counterfoil::Tolerance::RetrySafe);
        let verifier = if asked(sender) { verifier.webhook_id(WEBHOOK_ID) } else { verifier };
        Ok(Self {
            sender,
            own: Pen::new(sender, secret)?,
            stranger: Pen::new(sender, "a secret of somebody else")?,
            verifier: verifier.build()?,
            kinds: template.kinds,
        })
    }

    /// Whether the sender's endpoint is asked about its deliveries.
    pub(super) fn is_asked(&self) -> bool {
        asked(self.sender)
    }

    pub(super) fn event_types(&self) -> Vec<&'static str> {
        self.kinds.iter().map(|kind| kind.event_type).collect()
    }

    /// The event about the record `id`, as the sender would write it at `at`. Its type is taken in turn, by number.
    pub(super) fn event(&self, number: usize, id: &str, at: SystemTime) -> Result<Event, Rejection> {
        let Kind { event_type, data } = &self.kinds[number % self.kinds.len()];
        let data = data(id);
        let time = self.time(at);
        let body = match self.sender.envelope.id {
            // HanDl's envelope, which also names the object that it is.
            Some(_) if self.sender.envelope.event_type.as_deref() == Some("/type") => format!(
                r#"{{"id":"evt_{id}","object":"event","type":"{event_type}","created_at":{time},"data":{data}}}"#
            ),
            Some(_) => format!(r#"{{"id":"evt_{id}","event":"{event_type}","occurred_at":{time},"data":{data}}}"#),
            None if self.is_asked() => format!(r#"{{"event":"{event_type}",{}"#, data.trim_start_matches('{')),
            None => format!(r#"{{"event":"{event_type}","timestamp":{time},"data":{data}}}"#),
        };
        let key = Delivery::assertion(&self.verifier, body.clone(), at)?.key();
        Ok(Event { body, at, key })
    }

    pub(super) fn sign(&self, event: &Event) -> Result<HeaderMap, SignError> {
        self.sign_body(&event.body, event.at)
    }

    pub(super) fn sign_body(&self, body: &str, at: SystemTime) -> Result<HeaderMap, SignError> {
        self.own.sign(self.sender, body, at)
    }

    /// Under a secret that is not the sender's.
    pub(super) fn forge(&self, event: &Event) -> Result<HeaderMap, SignError> {
        self.stranger.sign(self.sender, &event.body, event.at)
    }

    fn time(&self, at: SystemTime) -> String {
        match self.sender.scheme.timestamp() {
            Some(TimestampSource::Body { format: TimestampFormat::SiteUnixSeconds, .. }) => {
                at.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs().to_string()
            }
            _ => format!("\"{}\"", format_rfc3339(at).unwrap_or_default()),
        }
    }
}
