//! A sender's data in words for people, and as JSON for programs.

use std::time::Duration;

use counterfoil::scheme::{BodyForm, EventSource, IdSource, Part, Retries, Sender, TagEncoding, TimestampSource};
use counterfoil::time::{FUTURE, STRICT_PAST, TimestampFormat};
use serde::Serialize;

/// One sender as JSON.
#[derive(Serialize)]
pub(super) struct Facts<'a> {
    name: &'a str,
    title: &'a str,
    signature: Option<Signature<'a>>,
    signed_bytes: String,
    signed_time: Option<SignedTime<'a>>,
    body: &'static str,
    event_id_at: Option<String>,
    event_type_at: Option<&'a str>,
    occurred_at: Option<&'a str>,
    data_at: Option<&'a str>,
    unsigned_headers: Vec<&'a str>,
    deadline_seconds: Option<u64>,
    retries: RetryFacts,
    strict_seconds: u64,
    retry_safe_seconds: Option<u64>,
    future_seconds: u64,
    events: Vec<Event<'a>>,
}

#[derive(Serialize)]
struct Signature<'a> {
    header: &'a str,
    prefix: &'a str,
    encoding: &'static str,
    separator: Option<char>,
}

#[derive(Serialize)]
struct SignedTime<'a> {
    #[serde(rename = "in")]
    place: &'static str,
    at: &'a str,
    format: &'static str,
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
    pub(super) fn of(sender: &'a Sender) -> Self {
        let Sender { scheme, envelope, timing, .. } = sender;
        let waits = match &timing.retries {
            Retries::After(waits) => waits.iter().map(Duration::as_secs).collect(),
            _ => Vec::new(),
        };
        let event =
            |event: &'a counterfoil::scheme::EventInfo| Event { name: &event.name, source: source(event.source) };
        Self {
            name: &sender.name,
            title: &sender.title,
            signature: scheme.hmac().map(|hmac| Signature {
                header: &hmac.signature.name,
                prefix: &hmac.signature.prefix,
                encoding: encoding(hmac.signature.encoding),
                separator: hmac.signature.separator,
            }),
            signed_bytes: signed_bytes(sender),
            signed_time: scheme.timestamp().and_then(|timestamp| {
                let (place, at) = place(timestamp)?;
                Some(SignedTime { place, at, format: format(timestamp.format()) })
            }),
            body: body(scheme.body),
            event_id_at: id(sender),
            event_type_at: envelope.event_type.as_deref(),
            occurred_at: envelope.occurred_at.as_deref(),
            data_at: envelope.data.as_deref(),
            unsigned_headers: unsigned_headers(sender).collect(),
            deadline_seconds: timing.deadline.map(|deadline| deadline.as_secs()),
            retries: RetryFacts {
                kind: retry_kind(&timing.retries),
                waits_seconds: waits,
                horizon_seconds: timing.retries.horizon().map(|horizon| horizon.as_secs()),
            },
            strict_seconds: STRICT_PAST.as_secs(),
            retry_safe_seconds: timing.retry_safe.map(|window| window.as_secs()),
            future_seconds: FUTURE.as_secs(),
            events: sender.events.iter().map(event).collect(),
        }
    }
}

/// The bytes under the MAC, such as `<X-Agiled-Webhook-Timestamp>.<body>`.
pub(super) fn signed_bytes(sender: &Sender) -> String {
    let time = match sender.scheme.timestamp() {
        Some(TimestampSource::Header { name, .. }) => &**name,
        _ => "time",
    };
    join_parts(sender, time)
}

/// The same in short: `<time>.<body>`.
pub(super) fn signed_bytes_in_short(sender: &Sender) -> String {
    join_parts(sender, "time")
}

pub(super) fn signature_form(sender: &Sender) -> String {
    let Some(hmac) = sender.scheme.hmac() else { return sender.scheme.header().unwrap_or_default().to_owned() };
    let form = &hmac.signature;
    let digits = match form.encoding {
        TagEncoding::Hex => "<64 hex digits>",
        _ => "<44 characters of base64>",
    };
    let list = form.separator.map(|separator| format!(", one or more with `{separator}` between them"));
    format!("{}: {}{digits}{}", form.name, form.prefix, list.unwrap_or_default())
}

/// Where the signed time is: `header` and its name, or `body` and a pointer.
pub(super) fn place(timestamp: &TimestampSource) -> Option<(&'static str, &str)> {
    match timestamp {
        TimestampSource::Header { name, .. } => Some(("header", name)),
        TimestampSource::Body { pointer, .. } => Some(("body", pointer)),
        _ => None,
    }
}

pub(super) fn format_in_words(format: TimestampFormat) -> &'static str {
    match format {
        TimestampFormat::UnixSeconds => "Unix seconds",
        TimestampFormat::Rfc3339 => "RFC 3339",
        TimestampFormat::UnixOrRfc3339 => "Unix seconds, Unix milliseconds or RFC 3339",
        TimestampFormat::SiteUnixSeconds => "Unix seconds plus the site's UTC offset (give --utc-offset)",
        _ => "another form",
    }
}

pub(super) fn body_in_words(form: BodyForm) -> &'static str {
    match form {
        BodyForm::JsonObject => "one JSON object",
        BodyForm::Json => "one JSON value",
        _ => "any bytes",
    }
}

pub(super) fn id(sender: &Sender) -> Option<String> {
    match sender.envelope.id.as_ref()? {
        IdSource::Body(pointers) => Some(pointers.join(" + ")),
        IdSource::Header(name) => Some(name.to_string()),
        _ => None,
    }
}

/// Headers that are shown to people and decide nothing.
pub(super) fn unsigned_headers(sender: &Sender) -> impl Iterator<Item = &str> {
    let headers = &sender.scheme.unsigned;
    [headers.event.as_deref(), headers.id.as_deref()].into_iter().flatten()
}

pub(super) fn source(source: EventSource) -> &'static str {
    match source {
        EventSource::Documented => "documented",
        EventSource::Shipped => "shipped",
        _ => "unconfirmed",
    }
}

pub(super) fn retry_kind(retries: &Retries) -> &'static str {
    match retries {
        Retries::Never => "none",
        Retries::Manual => "manual",
        Retries::After(_) => "automatic",
        _ => "unknown",
    }
}

fn join_parts(sender: &Sender, time: &str) -> String {
    let part = |part: &Part| match part {
        Part::Timestamp => format!("<{time}>"),
        Part::Literal(text) => text.clone().into_owned(),
        _ => "<body>".to_owned(),
    };
    sender.scheme.hmac().into_iter().flat_map(|hmac| &*hmac.signed).map(part).collect()
}

fn encoding(encoding: TagEncoding) -> &'static str {
    match encoding {
        TagEncoding::Hex => "hex",
        _ => "base64",
    }
}

fn body(form: BodyForm) -> &'static str {
    match form {
        BodyForm::JsonObject => "json_object",
        BodyForm::Json => "json",
        _ => "opaque",
    }
}

fn format(format: TimestampFormat) -> &'static str {
    match format {
        TimestampFormat::UnixSeconds => "unix_seconds",
        TimestampFormat::Rfc3339 => "rfc3339",
        TimestampFormat::UnixOrRfc3339 => "unix_or_rfc3339",
        TimestampFormat::SiteUnixSeconds => "site_unix_seconds",
        _ => "other",
    }
}
