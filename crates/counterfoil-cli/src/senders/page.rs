//! All facts of one sender, for people.

use std::time::Duration;

use comfy_table::{Cell, Color, presets};
use counterfoil::scheme::{Check, EventSource, Hmac, Retries, Sender};
use counterfoil::time::{FUTURE, STRICT_PAST, TimestampFormat};
use humantime::format_duration;

use super::{new_table, pad, words};
use crate::known::Origin;

pub(super) fn page(origin: Origin<'_>, sender: &Sender) -> String {
    let mut table = new_table(presets::NOTHING);
    let rows = [origin_rows(origin, sender), proof_rows(sender), event_rows(sender), timing_rows(sender)];
    for (label, text) in rows.into_iter().flatten() {
        table.add_row([Cell::new(label).fg(Color::DarkCyan), Cell::new(words::printable(&text))]);
    }
    for source in [EventSource::Documented, EventSource::Shipped, EventSource::Unconfirmed] {
        let events = sender.events.iter().filter(|event| event.source == source);
        let names: Vec<_> = events.map(|event| &*event.name).collect();
        if !names.is_empty() {
            let label = Cell::new(format!("Events, {}", words::source(source))).fg(Color::DarkCyan);
            table.add_row([label, Cell::new(words::printable(&names.join(" ")))]);
        }
    }
    pad(&mut table);
    table.trim_fmt()
}

type Rows = Vec<(&'static str, String)>;

fn origin_rows(origin: Origin<'_>, sender: &Sender) -> Rows {
    vec![("Sender", format!("{} ({})", sender.title, sender.name)), ("From", words::origin(origin))]
}

/// How a delivery is proven.
fn proof_rows(sender: &Sender) -> Rows {
    let mut rows = vec![("Check", words::check(sender))];
    match &sender.scheme.check {
        Check::Token(token) => rows.push(("Credential", words::credential_form(token))),
        Check::Hmac(hmac) => rows.push(("Signature", words::signature_form(hmac))),
        Check::Remote(remote) => {
            rows.push(("Signature", format!("{}: a form that only the sender knows", remote.header)));
        }
        _ => {}
    }
    rows.push(("Secret", words::secret(sender).to_owned()));
    rows.extend(words::needs(sender).map(|(_, what)| ("Needs", what.to_owned())));
    if let Some(hmac) = sender.scheme.hmac() {
        rows.extend([("Signed bytes", words::signed_bytes(hmac)), ("Signed time", signed_time(hmac))]);
    }
    if let Some(challenge) = &sender.scheme.challenge {
        rows.push(("Challenge", words::challenge(challenge)));
    }
    rows
}

/// What is read from a proven body.
fn event_rows(sender: &Sender) -> Rows {
    let unsigned = &sender.scheme.unsigned;
    let event_type = match (&sender.envelope.event_type, &unsigned.event) {
        (Some(pointer), _) => pointer.to_string(),
        (None, Some(header)) => format!("not in the body: only {header} has it, which is not signed"),
        (None, None) => "none is read".to_owned(),
    };
    let mut rows = vec![
        ("Body", words::body(sender.scheme.body).to_owned()),
        ("Event type", event_type),
        ("Key from", words::key(sender)),
    ];
    let headers: Vec<_> = [&unsigned.event, &unsigned.id].into_iter().flatten().map(|name| &**name).collect();
    if !headers.is_empty() {
        rows.push(("Not signed", headers.join(", ")));
    }
    rows
}

fn timing_rows(sender: &Sender) -> Rows {
    let mut rows = vec![
        ("Deadline", words::or_else(sender.timing.deadline, "not stated")),
        ("Retries", retries(&sender.timing.retries)),
    ];
    match sender.scheme.timestamp() {
        Some(_) => rows.extend([("Strict", window(STRICT_PAST)), ("Retry-safe", retry_safe(sender))]),
        None => rows.push(("Replays", "known by their key alone: no time is checked".to_owned())),
    }
    rows
}

fn signed_time(hmac: &Hmac) -> String {
    let Some(timestamp) = &hmac.timestamp else { return "none".to_owned() };
    let (place, at) = words::place(timestamp).unwrap_or_default();
    format!("{place} {at}: {}", words::time_format(timestamp.format()))
}

fn retries(retries: &Retries) -> String {
    match (retries, retries.horizon()) {
        (Retries::After(waits), Some(horizon)) => {
            let waits: Vec<_> = waits.iter().map(|wait| format_duration(*wait).to_string()).collect();
            format!("{} in {}, after {}", waits.len(), format_duration(horizon), waits.join(", "))
        }
        (Retries::Never, _) => "none: a failed delivery is lost".to_owned(),
        (Retries::Manual, _) => "when somebody presses the button".to_owned(),
        _ => "not known".to_owned(),
    }
}

fn retry_safe(sender: &Sender) -> String {
    let window = window(sender.timing.retry_safe.unwrap_or(STRICT_PAST));
    match sender.scheme.timestamp() {
        Some(timestamp) if timestamp.format() == TimestampFormat::SiteUnixSeconds => {
            format!("{window}; without --utc-offset, at any offset on Earth")
        }
        _ => window,
    }
}

fn window(past: Duration) -> String {
    format!("{} past, {} ahead", format_duration(past), format_duration(FUTURE))
}
