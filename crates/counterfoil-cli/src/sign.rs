//! `counterfoil sign`: the headers that a sender would put beside a body.

use std::process::ExitCode;
use std::time::SystemTime;

use counterfoil::scheme::{Part, Sender, TimestampSource};
use counterfoil::{Clock as _, SystemClock};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::error::Error;
use crate::input;
use crate::output;
use crate::signing::{Signable, Signing};

/// Print the headers that a sender would send with a body
///
/// Prints the signature header, or the credential's; the timestamp header where the sender has one; the other
/// headers that it signs; and those given with -H. One `Name: value` a line, spelt as the sender spells it. A time
/// that the sender keeps in the body is signed as it stands there.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Sign {
    #[command(flatten)]
    signing: Signing,
    /// Stamp this time, RFC 3339 or Unix seconds [default: now]
    #[arg(long, value_name = "TIME", value_parser = input::time)]
    at: Option<SystemTime>,
}

const EXAMPLES: &str = "\
Examples:
  counterfoil sign --sender agiled --secret-env AGILED_SECRET \\
    --at 2026-05-18T12:00:00Z body.json

  counterfoil sign --sender agiled --secret-env AGILED_SECRET body.json |
    curl -H @- -H 'Content-Type: application/json' --data-binary @body.json \\
      http://localhost:3000/webhooks/agiled

A sender that signs an id in a header, one that signs its receiver's address, and one of your own:
  counterfoil sign --sender svix --secret-env SVIX_SECRET -H 'svix-id: msg_1' body.json
  counterfoil sign --sender square --secret-env SQUARE_SECRET \\
    --public-url https://shop.example/webhooks/square body.json
  counterfoil sign --senders senders.toml --sender till --secret-env TILL_SECRET body.json

A secret is never taken from the command line, where it would stay in the shell's history. Where the
credential of a sender is the secret itself, it is what is printed.

Exit codes: 0 signed, 2 a mistake in the command or its input, or a sender whose deliveries cannot \
be signed here (then nothing is printed on stdout)";

impl Sign {
    pub(crate) fn run(self) -> Result<ExitCode, Error> {
        let Signable { sender, signer, mut headers, body } = self.signing.read()?;
        signer.sign_into(&mut headers, &body, self.at.unwrap_or_else(|| SystemClock.now()))?;
        if let (Some(_), Some(what)) = (self.at, time_of_its_own(&sender)) {
            output::note(&format!("--at changes nothing: {} {what}", sender.name));
        }
        if headers.values().any(HeaderValue::is_sensitive) {
            output::note("the credential is the secret itself: keep it out of logs");
        }
        output::line(&text(&headers, &spellings(&sender)))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// What a sender signs instead of the time that it is given.
fn time_of_its_own(sender: &Sender) -> Option<String> {
    match sender.scheme.timestamp() {
        Some(TimestampSource::Body { pointer, .. }) => Some(format!("signs the time at `{pointer}` in the body")),
        Some(_) => None,
        None => Some("signs no time".to_owned()),
    }
}

/// The headers that a sender makes, as it spells them.
fn spellings(sender: &Sender) -> Vec<&str> {
    let stamp = match sender.scheme.timestamp() {
        Some(TimestampSource::Header { name, .. }) => Some(&**name),
        _ => None,
    };
    let parts = sender.scheme.hmac().map_or(&[][..], |hmac| &hmac.signed);
    let signed = parts.iter().filter_map(|part| match part {
        Part::Header(name) => Some(&**name),
        _ => None,
    });
    sender.scheme.header().into_iter().chain(stamp).chain(signed).collect()
}

/// A line for each header: the sender's own first.
fn text(headers: &HeaderMap, spellings: &[&str]) -> String {
    let is_own = |name: &HeaderName| spellings.iter().any(|spelling| name.as_str().eq_ignore_ascii_case(spelling));
    let own = spellings.iter().filter_map(|name| Some((*name, headers.get(*name)?)));
    let others = headers.iter().filter(|(name, _)| !is_own(name)).map(|(name, value)| (name.as_str(), value));
    let style = output::NAME;
    let line = |(name, value): (&str, &HeaderValue)| {
        format!("{style}{name}:{style:#} {}", String::from_utf8_lossy(value.as_bytes()))
    };
    own.chain(others).map(line).collect::<Vec<_>>().join("\n")
}
