//! `counterfoil sign`: the headers that a sender would put beside a body.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use counterfoil::scheme::{Sender, TimestampSource};
use counterfoil::{Clock as _, Signer, SystemClock};

use crate::error::Error;
use crate::input::{self, SigningSecret};
use crate::output;

/// Print the headers that a sender would send with a body
///
/// Prints the signature header, and the timestamp header where the sender has one, spelt as the sender spells
/// them, one `Name: value` a line. A time that the sender keeps in the body is signed as it stands there.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Sign {
    /// Sign as this sender.
    #[arg(long, value_name = "NAME", value_parser = input::sender())]
    sender: &'static Sender,
    #[command(flatten)]
    secret: SigningSecret,
    /// Stamp this time, RFC 3339 or Unix seconds [default: now]
    #[arg(long, value_name = "TIME", value_parser = input::time)]
    at: Option<SystemTime>,
    /// The body, or - for stdin.
    #[arg(value_name = "BODYFILE", default_value = "-")]
    body: PathBuf,
}

const EXAMPLES: &str = "\
Examples:
  counterfoil sign --sender agiled --secret-env AGILED_SECRET \\
    --at 2026-05-18T12:00:00Z body.json

  counterfoil sign --sender agiled --secret-env AGILED_SECRET body.json |
    curl -H @- -H 'Content-Type: application/json' --data-binary @body.json \\
      http://localhost:3000/webhooks/agiled

A secret is never taken from the command line, where it would stay in the shell's history.

Exit codes: 0 signed, 2 a mistake in the command or its input (then nothing is \
printed on stdout)";

impl Sign {
    pub(crate) fn run(self) -> Result<ExitCode, Error> {
        let signer = Signer::new(self.sender, &self.secret.read(self.sender)?)?;
        let body = input::body(&self.body)?;
        let headers = signer.sign(&body, self.at.unwrap_or_else(|| SystemClock.now()))?;
        let scheme = &self.sender.scheme;
        let timestamp = match scheme.timestamp() {
            Some(TimestampSource::Header { name, .. }) => Some(name),
            Some(TimestampSource::Body { pointer, .. }) if self.at.is_some() => {
                let style = output::WARN;
                let _ = writeln!(
                    anstream::stderr(),
                    "{style}note:{style:#} --at changes nothing: {} signs the time at `{pointer}` in the body",
                    self.sender.name
                );
                None
            }
            _ => None,
        };
        let mut text = Vec::new();
        for name in [scheme.header(), timestamp.map(|name| &**name)].into_iter().flatten() {
            if let Some(value) = headers.get(name) {
                let style = output::NAME;
                text.push(format!("{style}{name}:{style:#} {}", String::from_utf8_lossy(value.as_bytes())));
            }
        }
        output::line(&text.join("\n"))?;
        Ok(ExitCode::SUCCESS)
    }
}
