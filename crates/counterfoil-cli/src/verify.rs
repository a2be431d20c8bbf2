//! `counterfoil verify`: checks one captured request offline.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use counterfoil::scheme::Sender;
use counterfoil::time::{FUTURE, format_rfc3339};
use counterfoil::{Clock as _, Delivery, EventId, Rejection, SystemClock, Tolerance, UtcOffset, Verifier};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;

use crate::error::Error;
use crate::input::{self, Secrets};
use crate::output;

/// Check a captured request offline
///
/// Checks the headers and the body of a captured request as a receiver would, as of a given time, and prints
/// one JSON object. The body is taken byte for byte: give the one that arrived, not one that was printed anew.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Verify {
    /// Who signed the request.
    #[arg(long, value_name = "NAME", value_parser = input::sender())]
    sender: &'static Sender,
    #[command(flatten)]
    secrets: Secrets,
    /// A header of the request, its name in any case; repeat it for each.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    headers: Vec<OsString>,
    /// Check as of this time, RFC 3339 or Unix seconds [default: now]
    #[arg(long, value_name = "TIME", value_parser = input::time)]
    at: Option<SystemTime>,
    /// How old the signed time may be: strict (300 s), retry-safe (the sender's last retry), or seconds. It may
    /// lie 60 s ahead.
    #[arg(long, value_name = "strict|retry-safe|SECONDS", default_value = "strict", value_parser = tolerance)]
    tolerance: Tolerance,
    /// The UTC offset of the site, for a sender that signs local time; give two to cover summer time.
    #[arg(long, value_name = "+HH:MM", allow_hyphen_values = true)]
    utc_offset: Vec<UtcOffset>,
    /// Read the event's id at this JSON pointer, for a sender whose users write the body's template.
    #[arg(long, value_name = "POINTER")]
    event_id_at: Option<String>,
    /// The receiver's name for this address; it is part of the key [default: the sender's name]
    #[arg(long, value_name = "NAME")]
    endpoint: Option<String>,
    /// The body, or - for stdin.
    #[arg(value_name = "BODYFILE", default_value = "-")]
    body: PathBuf,
}

const EXAMPLES: &str = "\
Examples:
  counterfoil verify --sender handl --secret-env HANDL_SECRET \\
    -H 'X-HanDl-Signature: f8ebf7e3...' --at 2025-06-15T14:30:05Z body.json

  counterfoil verify --sender agency-os-ai-plugin \\
    --secret-file old.txt --secret-file new.txt \\
    -H 'X-AOSAI-Signature: sha256=b003b4cb...' --utc-offset +02:00 < body.json

Prints one of these on one line, or spread and coloured on a terminal:
  {\"verdict\":\"valid\",\"event_id\":...,\"event_type\":...,\"signed_at\":...,\"key\":...}
  {\"verdict\":\"rejected\",\"code\":\"signature_mismatch\",\"reason\":...}
What a delivery lacks is null. An id that is a number is given by its digits.

A secret is never taken from the command line, where it would stay in the shell's history.

Exit codes: 0 valid, 1 rejected, 2 a mistake in the command or its input (then nothing is \
printed on stdout)";

impl Verify {
    pub(crate) fn run(self) -> Result<ExitCode, Error> {
        let verifier = self.verifier()?;
        let headers = headers(&self.headers)?;
        let body = input::body(&self.body)?;
        let now = self.at.unwrap_or_else(|| SystemClock.now());
        match verifier.verify_at(&headers, body, now) {
            Ok(delivery) => {
                print(&Verdict::valid(&delivery))?;
                Ok(ExitCode::SUCCESS)
            }
            Err(rejection) => {
                print(&Verdict::rejected(&rejection))?;
                Ok(ExitCode::from(1))
            }
        }
    }

    fn verifier(&self) -> Result<Verifier, Error> {
        let mut sender = self.sender.clone();
        if let Some(pointer) = &self.event_id_at {
            sender = sender.with_event_id_at(pointer.clone());
        }
        let mut builder = Verifier::builder(sender).tolerance(self.tolerance);
        for secret in self.secrets.read(self.sender)? {
            builder = builder.secret(secret);
        }
        for offset in &self.utc_offset {
            builder = builder.utc_offset(*offset);
        }
        if let Some(endpoint) = &self.endpoint {
            builder = builder.endpoint(endpoint);
        }
        Ok(builder.build()?)
    }
}

#[derive(Serialize)]
#[serde(tag = "verdict", rename_all = "lowercase")]
enum Verdict<'a> {
    Valid { event_id: Option<&'a str>, event_type: Option<&'a str>, signed_at: Option<String>, key: String },
    Rejected { code: &'static str, reason: String },
}

impl<'a> Verdict<'a> {
    fn valid(delivery: &'a Delivery) -> Self {
        Self::Valid {
            event_id: delivery.event_id().map(EventId::as_str),
            event_type: delivery.event_type(),
            signed_at: delivery.signed_at().and_then(format_rfc3339),
            key: delivery.key().to_string(),
        }
    }

    fn rejected(rejection: &Rejection) -> Self {
        Self::Rejected { code: rejection.kind().code(), reason: rejection.to_string() }
    }
}

fn print(verdict: &Verdict<'_>) -> Result<(), Error> {
    let mut text = output::json(verdict)?;
    if output::is_terminal() {
        let (word, style) = match verdict {
            Verdict::Valid { .. } => ("\"valid\"", output::GOOD),
            Verdict::Rejected { .. } => ("\"rejected\"", output::BAD),
        };
        text = text.replacen(word, &format!("{style}{word}{style:#}"), 1);
    }
    Ok(output::line(&text)?)
}

fn headers(texts: &[OsString]) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    for (text, number) in texts.iter().zip(1..) {
        let refuse = |reason| Error::Header { number, reason };
        let (name, value) = header(text).map_err(refuse)?;
        headers.try_append(name, value).map_err(|_| refuse("is one header too many"))?;
    }
    Ok(headers)
}

/// The header as it stood on the wire: the value's bytes, whatever they are, without the white space around them.
fn header(text: &OsStr) -> Result<(HeaderName, HeaderValue), &'static str> {
    let bytes = text.as_encoded_bytes();
    let colon = bytes.iter().position(|byte| *byte == b':').ok_or("has no colon")?;
    let name = HeaderName::from_bytes(&bytes[..colon]).map_err(|_| "has no valid name")?;
    let value = HeaderValue::from_bytes(trim(&bytes[colon + 1..])).map_err(|_| "has no valid value")?;
    Ok((name, value))
}

/// Takes off what RFC 9110 calls optional white space: spaces and tabs, nothing else.
fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

fn tolerance(text: &str) -> Result<Tolerance, String> {
    match text {
        "strict" => Ok(Tolerance::Strict),
        "retry-safe" => Ok(Tolerance::RetrySafe),
        _ if text.bytes().all(|byte| byte.is_ascii_digit()) => text
            .parse()
            .map(|seconds| Tolerance::Custom { past: Duration::from_secs(seconds), future: FUTURE })
            .map_err(|_| "that many seconds cannot be counted".to_owned()),
        _ => Err("write strict, retry-safe or a number of seconds".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_read_as_http_reads_them() {
        let read = |text: &str| header(OsStr::new(text)).map(|(name, value)| (name.to_string(), value));
        let value = |text: &[u8]| HeaderValue::from_bytes(text).unwrap();
        assert_eq!(read("X-Ts: \t2026-05-18T12:00:00Z \t"), Ok(("x-ts".into(), value(b"2026-05-18T12:00:00Z"))));
        assert_eq!(read("x-empty:"), Ok(("x-empty".into(), value(b""))));
        assert_eq!(read("x:\u{a0}é "), Ok(("x".into(), value("\u{a0}é".as_bytes()))));
        for text in ["", "x-ts", ": value", "x ts: value", " x: value", "x : value", "x: a\nb", "x: a\0b", "é: value"]
        {
            assert!(read(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn tolerance_is_a_preset_or_seconds() {
        assert_eq!(tolerance("900"), Ok(Tolerance::Custom { past: Duration::from_secs(900), future: FUTURE }));
        assert_eq!(tolerance("retry-safe"), Ok(Tolerance::RetrySafe));
        for text in ["", "Strict", "-1", "1.5", "5m", "99999999999999999999"] {
            assert!(tolerance(text).is_err(), "{text:?}");
        }
    }
}
