//! What keeps a command from doing its work. All of it ends in exit code 2, with nothing on stdout.

use std::error::Error as _;
use std::io::{self, Write as _};

use counterfoil::{ConfigError, SignError};

use crate::output;

/// A mistake in the command or its input. No message holds a secret, nor what was given in a secret's place.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{origin} is not set: --secret-env takes the name of an environment variable, never the secret itself")]
    SecretUnset { origin: String },
    #[error("cannot read {origin}")]
    SecretUnreadable { origin: String, source: io::Error },
    #[error("{origin} cannot be used")]
    Secret { origin: String, source: ConfigError },
    #[error("cannot read the body from {origin}")]
    Body { origin: String, source: io::Error },
    #[error("-H number {number} {reason}: write it as -H 'Name: value'")]
    Header { number: usize, reason: &'static str },
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("cannot sign")]
    Sign(#[from] SignError),
    #[error(transparent)]
    Demo(#[from] crate::demo::DemoError),
    #[error(transparent)]
    Store(#[from] crate::store::StoreProblem),
    #[error("cannot start the HTTP client")]
    Client(#[from] reqwest::Error),
    #[error("cannot start the runtime")]
    Runtime(#[source] io::Error),
    #[error("cannot write to stdout")]
    Output(#[from] io::Error),
}

impl Error {
    pub(crate) fn print(&self) {
        // Whoever closed the pipe has read enough and does not want to hear of it.
        if matches!(self, Self::Output(source) if source.kind() == io::ErrorKind::BrokenPipe) {
            return;
        }
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(source) = cause {
            let reason = source.to_string();
            // Some errors already end with what caused them.
            if !text.ends_with(&reason) {
                text = format!("{text}: {reason}");
            }
            cause = source.source();
        }
        let style = output::BAD;
        // With stderr gone too there is nobody left to tell.
        let _ = writeln!(anstream::stderr(), "{style}error:{style:#} {text}");
    }
}
