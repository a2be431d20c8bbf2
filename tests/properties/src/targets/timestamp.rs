//! Any text for a signed time, and any clock.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use counterfoil::scheme::{Check, Part, Sender, TimestampSource};
use counterfoil::time::TimestampFormat;
use counterfoil::{Tolerance, senders};

use crate::input::Input;
use crate::law;
use crate::request::{self, Request};
use crate::terms::{KEY, TIMED, Terms, noon};

const FORMATS: [TimestampFormat; 5] = [
    TimestampFormat::UnixSeconds,
    TimestampFormat::UnixMillis,
    TimestampFormat::Rfc3339,
    TimestampFormat::UnixOrRfc3339,
    TimestampFormat::SiteUnixSeconds,
];

const OFFSETS: [&str; 6] = ["+00:00", "+01:00", "+02:00", "-12:00", "+14:00", "+05:30"];

/// For every place and form of a signed time, any text of it, any clock and any tolerance, the verdict is that of the
/// model, the time corrected to UTC included; and a text that was not signed proves nothing.
pub fn timestamp(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut terms = Terms::of(&sender(&mut input));
    terms.tolerance = tolerance(&mut input);
    if terms.format() == Some(TimestampFormat::SiteUnixSeconds) {
        terms.offsets = (0..input.below(3)).map(|_| input.pick(&OFFSETS).parse().expect("an offset")).collect();
        if terms.offsets.is_empty() {
            terms.tolerance = Tolerance::RetrySafe;
        }
    }
    let now = if input.flag() { input.instant(noon()) } else { edge(&mut input, &terms) };
    let text = text(&mut input, &terms);
    let (stamp, body) = match terms.stamps_head() {
        true => (text, request::body(&terms, "0")),
        false => (Vec::new(), request::body(&terms, &String::from_utf8_lossy(&text))),
    };
    let Some(right) = Request::signed(&terms, KEY, &stamp, &body) else { return };
    let verdict = law::agree(&terms, &right.headers, &right.body, now);
    // In an entry, any text can be more entries.
    if !matches!(terms.sender.scheme.timestamp(), Some(TimestampSource::Entry { .. })) {
        let code = verdict.err().unwrap_or_default();
        assert!(!code.starts_with("signature_"), "{code} for a right signature");
    }
}

/// A sender as it is, or with another form of time.
fn sender(input: &mut Input<'_>) -> Sender {
    let mut sender = input.pick(&TIMED).clone();
    let format = *input.pick(&FORMATS);
    let kind = input.below(5);
    let Check::Hmac(hmac) = &mut sender.scheme.check else { return senders::AGILED };
    match (&mut hmac.timestamp, kind) {
        (_, 0 | 1) => {}
        (Some(TimestampSource::Header { format: form, .. } | TimestampSource::Entry { format: form, .. }), 2) => {
            *form = format;
        }
        (place, _) => {
            *place = Some(TimestampSource::Body { pointer: Cow::Borrowed("/nested/at"), format });
            hmac.signed = Cow::Borrowed(&[Part::Body]);
        }
    }
    // A header that is not signed any more is no place for an id.
    if !hmac.signed.iter().any(|part| matches!(part, Part::Header(_))) && sender.envelope.id_pointers().is_empty() {
        sender.envelope.id = None;
    }
    sender
}

fn tolerance(input: &mut Input<'_>) -> Tolerance {
    let mut length = || match input.below(3) {
        0 => Duration::from_secs(u64::from(input.byte())),
        1 => Duration::from_nanos(input.number()),
        _ => Duration::MAX,
    };
    let custom = Tolerance::Custom { past: length(), future: length() };
    *input.pick(&[Tolerance::Strict, Tolerance::RetrySafe, custom])
}

/// A clock for which noon lies at an edge of the window, or a nanosecond beside it.
fn edge(input: &mut Input<'_>, terms: &Terms) -> SystemTime {
    let strict = Duration::from_secs(300);
    let (past, future) = match terms.tolerance {
        Tolerance::RetrySafe => (terms.sender.timing.retry_safe.unwrap_or(strict), Duration::from_secs(60)),
        Tolerance::Custom { past, future } => (past, future),
        _ => (strict, Duration::from_secs(60)),
    };
    let moved = if input.flag() { noon().checked_add(past) } else { noon().checked_sub(future) };
    let (edge, beside) = (moved.unwrap_or(noon()), Duration::from_nanos(1));
    match input.below(4) {
        0 | 1 => Some(edge),
        2 => edge.checked_add(beside),
        _ => edge.checked_sub(beside),
    }
    .unwrap_or(edge)
}

/// A time near the clock's in the scheme's form or another, whole or edited; or anything.
fn text(input: &mut Input<'_>, terms: &Terms) -> Vec<u8> {
    let kind = input.below(4);
    let later = if input.flag() { input.number() % 1_000_000_000_000 } else { 0 };
    let at = noon() + Duration::from_nanos(later);
    let usual = if terms.stamps_head() {
        request::written(terms, at)
    } else {
        request::written_in_body(terms, at).into_bytes()
    };
    match kind {
        0 => usual,
        1 => input.edited(&usual),
        2 => {
            let text = counterfoil::time::format_rfc3339(at).expect("it has a form");
            let variants =
                [("T", "T"), ("T", "t"), ("T", " "), ("Z", "z"), ("Z", "+00:00"), ("Z", "-23:59"), ("Z", ".50Z")];
            let more = [("Z", ".Z"), ("Z", ""), ("Z", "+24:00"), (":00Z", ":60Z"), ("-05-", "-13-"), ("-18T", "-31T")];
            let (from, to) = *input.pick(&[&variants[..], &more].concat());
            let edited = input.edited(text.replace(from, to).as_bytes());
            if terms.stamps_head() || input.flag() { edited } else { [b"\"", &edited[..], b"\""].concat() }
        }
        _ => input.chunk().to_vec(),
    }
}
