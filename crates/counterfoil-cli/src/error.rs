//! What keeps a command from doing its work. All of it ends in exit code 2, with nothing on stdout.

use std::error::Error as _;
use std::io::{self, Write as _};

use counterfoil::{ConfigError, SignError};
use counterfoil_remote::ClientError;

use crate::output;

/// A mistake in the command or its input. No message holds a secret, nor what was given in a secret's place.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Sender(#[from] crate::known::SenderProblem),
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
    #[error("sender `{sender}` {why}: give {option}")]
    Missing { sender: String, why: &'static str, option: &'static str },
    #[error("sender `{sender}` has no use for --{option}: remove it")]
    Unused { sender: String, option: String },
    #[error("--public-url is no public URL: write it as https://HOST/PATH, exactly as it was given to the sender")]
    PublicUrl,
    #[error(transparent)]
    Config(ConfigError),
    #[error("cannot sign")]
    Sign(#[from] SignError),
    #[error(transparent)]
    Demo(#[from] crate::demo::DemoError),
    #[error(transparent)]
    Store(#[from] crate::store::StoreProblem),
    #[error("cannot start the HTTP client")]
    Client(#[from] reqwest::Error),
    #[error("--insecure-endpoint takes a loopback address, such as http://127.0.0.1:3001, and nothing behind the port")]
    Endpoint,
    #[error("cannot ask the sender's endpoint")]
    Remote(#[source] ClientError),
    #[error("cannot start the runtime")]
    Runtime(#[source] io::Error),
    #[error("cannot write to stdout")]
    Output(#[from] io::Error),
}

// What the library tells programmers is told here for a command line.
impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        let missing = |sender, why, option| Self::Missing { sender, why, option };
        match error {
            ConfigError::SecretMissing { sender } => {
                missing(sender, "is checked by a secret", "--secret-env VAR or --secret-file FILE")
            }
            ConfigError::PublicUrlMissing { sender } => missing(
                sender,
                "signs the address that it sends to",
                "--public-url URL, exactly as it was given to the sender",
            ),
            ConfigError::WebhookIdMissing { sender } => {
                missing(sender, "is checked by its own endpoint, which wants the webhook's id", "--webhook-id ID")
            }
            ConfigError::SettingUnused { sender, setting } => {
                Self::Unused { sender, option: setting.replace('_', "-") }
            }
            // It may hold a password.
            ConfigError::PublicUrlInvalid => Self::PublicUrl,
            other => Self::Config(other),
        }
    }
}

impl From<ClientError> for Error {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::BadBaseUrl => Self::Endpoint,
            other => Self::Remote(other),
        }
    }
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
