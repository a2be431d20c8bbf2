//! A sender's data as JSON, for programs.

mod proof;

use std::time::Duration;

use counterfoil::scheme::{BodyForm, Challenge, Check, EventInfo, IdSource, Retries, Sender};
use counterfoil::time::{FUTURE, STRICT_PAST};
use serde::Serialize;

use super::words;
use crate::known::Origin;
use proof::Proof;

/// One sender as JSON.
#[derive(Serialize)]
pub(super) struct Facts<'a> {
    name: &'a str,
    title: &'a str,
    from: &'static str,
    #[serde(flatten)]
    proof: Proof<'a>,
    needs: Vec<&'static str>,
    body: &'static str,
    event_id: Option<EventId<'a>>,
    key_from: &'static str,
    event_type_at: Option<&'a str>,
    occurred_at: Option<&'a str>,
    data_at: Option<&'a str>,
    unsigned_headers: UnsignedHeaders<'a>,
    challenge: Option<ChallengeFacts<'a>>,
    deadline_seconds: Option<u64>,
    retries: RetryFacts,
    strict_seconds: u64,
    retry_safe_seconds: Option<u64>,
    future_seconds: u64,
    events: Vec<Event<'a>>,
}

#[derive(Serialize)]
struct EventId<'a> {
    #[serde(rename = "in")]
    place: &'static str,
    /// Pointers that make up one id together, or one header.
    at: Vec<&'a str>,
}

#[derive(Serialize)]
struct UnsignedHeaders<'a> {
    event: Option<&'a str>,
    id: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(tag = "in", rename_all = "lowercase")]
enum ChallengeFacts<'a> {
    Body { text: &'a str, at: &'a str, is: &'a str },
    Query { parameter: &'a str },
}

#[derive(Serialize)]
struct RetryFacts {
    kind: &'static str,
    waits_seconds: Vec<u64>,
    horizon_seconds: Option<u64>,
}

#[derive(Serialize)]
struct Event<'a> {
    name: &'a str,
    source: &'static str,
}

impl<'a> Facts<'a> {
    pub(super) fn of(origin: Origin<'_>, sender: &'a Sender) -> Self {
        let Sender { scheme, envelope, timing, .. } = sender;
        let event = |event: &'a EventInfo| Event { name: &event.name, source: words::source(event.source) };
        Self {
            name: &sender.name,
            title: &sender.title,
            from: match origin {
                Origin::BuiltIn => "built_in",
                Origin::Catalogue => "catalogue",
                Origin::File(_) => "file",
            },
            proof: Proof::of(sender),
            needs: words::needs(sender).map(|(name, _)| name).collect(),
            body: match scheme.body {
                BodyForm::JsonObject => "json_object",
                BodyForm::Json => "json",
                _ => "opaque",
            },
            event_id: envelope.id.as_ref().and_then(event_id),
            key_from: match (&envelope.id, &scheme.check) {
                (Some(_), _) => "event_id",
                (None, Check::Remote(_)) => "canonical_body",
                (None, _) => "body",
            },
            event_type_at: envelope.event_type.as_deref(),
            occurred_at: envelope.occurred_at.as_deref(),
            data_at: envelope.data.as_deref(),
            unsigned_headers: UnsignedHeaders {
                event: scheme.unsigned.event.as_deref(),
                id: scheme.unsigned.id.as_deref(),
            },
            challenge: scheme.challenge.as_ref().and_then(challenge),
            deadline_seconds: timing.deadline.map(|deadline| deadline.as_secs()),
            retries: retries(&timing.retries),
            strict_seconds: STRICT_PAST.as_secs(),
            retry_safe_seconds: timing.retry_safe.map(|window| window.as_secs()),
            future_seconds: FUTURE.as_secs(),
            events: sender.events.iter().map(event).collect(),
        }
    }
}

fn event_id(id: &IdSource) -> Option<EventId<'_>> {
    match id {
        IdSource::Body(pointers) => {
            Some(EventId { place: "body", at: pointers.iter().map(|pointer| &**pointer).collect() })
        }
        IdSource::Header(name) => Some(EventId { place: "header", at: vec![name] }),
        _ => None,
    }
}

fn challenge(challenge: &Challenge) -> Option<ChallengeFacts<'_>> {
    match challenge {
        Challenge::Body { text, at, is } => Some(ChallengeFacts::Body { text, at, is }),
        Challenge::Query { parameter } => Some(ChallengeFacts::Query { parameter }),
        _ => None,
    }
}

fn retries(retries: &Retries) -> RetryFacts {
    RetryFacts {
        kind: words::retry_kind(retries),
        waits_seconds: match retries {
            Retries::After(waits) => waits.iter().map(Duration::as_secs).collect(),
            _ => Vec::new(),
        },
        horizon_seconds: retries.horizon().map(|horizon| horizon.as_secs()),
    }
}
