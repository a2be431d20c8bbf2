//! A row, in words and as JSON.

use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anstyle::Style;
use counterfoil::idempotency::{Note, Record, State};
use counterfoil::time::format_rfc3339;
use humantime::format_duration;
use serde::Serialize;

use super::event;
use crate::output;

/// A row as JSON. Durations are in seconds, times are RFC 3339.
#[derive(Serialize)]
struct Facts<'a> {
    event: String,
    scope: i32,
    key: String,
    state: &'static str,
    attempts: u32,
    token: i64,
    /// `null` where nobody holds the event, 0 where its holder let the lease pass.
    lease_left_seconds: Option<f64>,
    first_at: Option<String>,
    expires_at: Option<String>,
    fingerprint: String,
    note: &'a str,
    reason: Option<&'a str>,
}

/// The rows as JSON, one on each line.
pub(super) fn lines(records: &[Record]) -> io::Result<String> {
    let lines: Result<Vec<_>, _> = records.iter().map(json).collect();
    Ok(lines?.join("\n"))
}

fn json(record: &Record) -> serde_json::Result<String> {
    let facts = Facts {
        event: address(record),
        scope: record.scope.as_i32(),
        key: record.key.to_string(),
        state: record.state.as_str(),
        attempts: record.attempts,
        token: record.token,
        lease_left_seconds: (record.state == State::Claimed).then_some(record.lease_left.as_secs_f64()),
        first_at: format_rfc3339(record.first_at),
        expires_at: format_rfc3339(record.expires_at),
        fingerprint: format!("{:?}", record.fingerprint),
        note: record.note.as_str(),
        reason: record.reason.as_ref().map(Note::as_str),
    };
    Ok(escape(serde_json::to_string(&facts)?))
}

/// Escapes the control characters that JSON takes as they are, and terminals do not.
fn escape(json: String) -> String {
    let controls = '\u{7f}'..='\u{9f}';
    if !json.contains(|char| controls.contains(&char)) {
        return json;
    }
    controls.fold(json, |json, control| json.replace(control, &format!("\\u{:04x}", u32::from(control))))
}

pub(super) fn address(record: &Record) -> String {
    event::print((record.scope, record.key))
}

pub(super) fn style(state: State) -> Style {
    match state {
        State::Ready => output::NAME,
        State::Claimed => output::WARN,
        State::Done => output::GOOD,
        State::Dead => output::BAD,
    }
}

/// How long the lease of a claimed event still runs.
pub(super) fn lease(record: &Record) -> String {
    match (record.state, record.lease_left.as_secs()) {
        (State::Claimed, _) if record.lease_left.is_zero() => "passed".to_owned(),
        (State::Claimed, 0) => "<1s".to_owned(),
        (State::Claimed, seconds) => format_duration(Duration::from_secs(seconds)).to_string(),
        _ => String::new(),
    }
}

/// To the second.
pub(super) fn time(at: SystemTime) -> String {
    let seconds = at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let whole = UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
    whole.and_then(format_rfc3339).unwrap_or_else(|| "unknown".to_owned())
}

/// `text` from a sender or a handler, without anything by which it could move a terminal's cursor or turn its text.
pub(super) fn plain(text: &str) -> String {
    let escape = |char: char| match char {
        '\'' | '"' | '\\' => char.to_string(),
        other => other.escape_debug().to_string(),
    };
    text.chars().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_cannot_steer_a_terminal() {
        for (text, shown) in [
            ("handl order.created \"évt\\1'\"", "handl order.created \"évt\\1'\""),
            ("a\u{1b}[2J\u{9b}2J\n\u{202e}b\u{7f}", "a\\u{1b}[2J\\u{9b}2J\\n\\u{202e}b\\u{7f}"),
        ] {
            assert_eq!(plain(text), shown);
        }
    }

    #[test]
    fn times_are_shown_to_the_second() {
        let at = UNIX_EPOCH + Duration::from_micros(1_779_105_600_999_999);
        assert_eq!(time(at), "2026-05-18T12:00:00Z");
        assert_eq!(time(UNIX_EPOCH - Duration::from_secs(1)), "1970-01-01T00:00:00Z");
    }
}
