//! `counterfoil verify`: checks one captured request.

mod ask;
mod verdict;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use counterfoil::scheme::Sender;
use counterfoil::time::FUTURE;
use counterfoil::verifier::Verified;
use counterfoil::{Clock as _, Rejection, SystemClock, Tolerance, UtcOffset, Verifier};
use http::HeaderMap;

use crate::choice::Choice;
use crate::error::Error;
use crate::secrets::Secrets;
use crate::{headers, input};
use verdict::Outcome;

/// Check a captured request
///
/// Checks the headers and the body of a captured request as a receiver would, as of a given time, and prints
/// one JSON object. The body is taken byte for byte: give the one that arrived, not one that was printed anew.
///
/// Works offline, but for a sender that only its own endpoint can check: then the endpoint is sent the body, the
/// signature and the secrets. `counterfoil senders NAME` says whether a sender is one of those.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Verify {
    #[command(flatten)]
    choice: Choice,
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
    /// The receiver's address exactly as it was given to the sender, for a sender that signs it.
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// The id that the sender gave to the webhook, for a sender whose own endpoint is asked.
    #[arg(long, value_name = "ID")]
    webhook_id: Option<String>,
    /// Ask at this loopback address, such as http://127.0.0.1:3001, instead of the sender's own endpoint: for
    /// tests. It is sent the secrets, and its word counts.
    #[arg(long, value_name = "URL")]
    insecure_endpoint: Option<String>,
    /// Read the event's id at this JSON pointer, for a sender whose users write the body's template; repeat it for
    /// an id that several members make together.
    #[arg(long, value_name = "POINTER")]
    event_id_at: Vec<String>,
    /// The receiver's name for this address; it is part of the key [default: the sender's name]
    #[arg(long, value_name = "NAME")]
    endpoint: Option<String>,
    /// Whose delivery it is, for a receiver with tenants; it is part of the key.
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
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

A sender of your own, one whose user chose another check, and one whose endpoint is asked:
  counterfoil verify --senders senders.toml --sender till --secret-env TILL_SECRET \\
    -H 'X-Till-Signature: v1=K1koq3W1...' body.json

  counterfoil verify --sender angage --check bearer --secret-env ANGAGE_TOKEN \\
    -H @head.txt --event-id-at /event --event-id-at /data/order_id body.json

  counterfoil verify --sender agencyhandy --secret-env AGENCYHANDY_SECRET \\
    --webhook-id 64f0c0ffee64f0c0ffee64f0 -H 'x-ah-sig: 9f86d081...' body.json

Prints one of these on one line, or spread and coloured on a terminal:
  {\"verdict\":\"valid\",\"event_id\":...,\"event_type\":...,\"unsigned_event_type\":...,
   \"signed_at\":...,\"key\":...}
  {\"verdict\":\"challenge\",\"text\":...}       proven, and no event: the sender wants the text echoed
  {\"verdict\":\"rejected\",\"code\":\"signature_mismatch\",\"reason\":...}
What a delivery lacks is null. An id that is a number is given by its digits, one of several members as \
their JSON array. A type from a header that is not signed is unsigned. The code is could_not_verify where \
the sender's endpoint did not say.

A secret is never taken from the command line, where it would stay in the shell's history. A header that is \
itself a secret, such as a bearer token, is read from a file: -H @FILE, a `Name: value` on each line.

Exit codes: 0 valid or a challenge, 1 rejected, 2 a mistake in the command or its input (then nothing is \
printed on stdout)";

impl Verify {
    pub(crate) fn run(self) -> Result<ExitCode, Error> {
        let sender = self.sender()?;
        let verifier = self.verifier(&sender)?;
        let headers = headers::read(&self.headers)?;
        let body = input::body(&self.body)?.into();
        let now = self.at.unwrap_or_else(|| SystemClock.now());
        let outcome = match check(&verifier, &headers, body, now) {
            Ok(Verified::Fresh(delivery)) => Outcome::Valid(delivery),
            Ok(Verified::Stale(stale)) => Outcome::Rejected(stale.into_rejection()),
            Ok(Verified::Challenge(text)) => Outcome::Challenge(text),
            Ok(Verified::Ask(check)) => ask::ask(*check, self.insecure_endpoint.as_deref(), now)?,
            Ok(_) => Outcome::Rejected(Rejection::CouldNotVerify { reason: "this command cannot check it".into() }),
            Err(rejection) => Outcome::Rejected(rejection),
        };
        outcome.print()?;
        Ok(ExitCode::from(u8::from(matches!(outcome, Outcome::Rejected(_)))))
    }

    fn sender(&self) -> Result<Sender, Error> {
        let sender = self.choice.sender()?;
        if self.insecure_endpoint.is_some() && sender.scheme.remote().is_none() {
            let option = "insecure-endpoint".to_owned();
            return Err(Error::Unused { sender: sender.name.into_owned(), option });
        }
        match self.event_id_at.is_empty() {
            true => Ok(sender),
            false => Ok(sender.with_event_id_from(self.event_id_at.iter().cloned())),
        }
    }

    fn verifier(&self, sender: &Sender) -> Result<Verifier, Error> {
        let mut builder = Verifier::builder(sender.clone()).tolerance(self.tolerance);
        for secret in self.secrets.read(sender)? {
            builder = builder.secret(secret);
        }
        for offset in &self.utc_offset {
            builder = builder.utc_offset(*offset);
        }
        if let Some(url) = &self.public_url {
            builder = builder.public_url(url);
        }
        if let Some(id) = &self.webhook_id {
            builder = builder.webhook_id(id);
        }
        if let Some(endpoint) = &self.endpoint {
            builder = builder.endpoint(endpoint);
        }
        if let Some(tenant) = &self.tenant {
            builder = builder.tenant(tenant);
        }
        Ok(builder.build()?)
    }
}

fn check(verifier: &Verifier, headers: &HeaderMap, body: Bytes, now: SystemTime) -> Result<Verified, Rejection> {
    let mut presented = verifier.present(headers, now)?;
    presented.push(body);
    presented.finish(headers, now)
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
    fn tolerance_is_a_preset_or_seconds() {
        assert_eq!(tolerance("900"), Ok(Tolerance::Custom { past: Duration::from_secs(900), future: FUTURE }));
        assert_eq!(tolerance("retry-safe"), Ok(Tolerance::RetrySafe));
        for text in ["", "Strict", "-1", "1.5", "5m", "99999999999999999999"] {
            assert!(tolerance(text).is_err(), "{text:?}");
        }
    }
}
