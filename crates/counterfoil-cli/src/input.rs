//! What several subcommands read: senders, secrets, bodies and times.

use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use counterfoil::scheme::Sender;
use counterfoil::time::{format_rfc3339, parse_rfc3339};
use counterfoil::{ConfigError, Secret, senders};

use crate::error::Error;

/// Reads a sender's name; an unknown one is answered with the list of names and the nearest.
pub(crate) fn sender() -> impl TypedValueParser<Value = &'static Sender> {
    let names = senders::ALL.iter().map(|sender| PossibleValue::new(&*sender.name).help(&*sender.title));
    PossibleValuesParser::new(names).try_map(|name| senders::by_name(&name).ok_or("is not a sender"))
}

/// The active secrets of a sender.
#[derive(clap::Args)]
#[group(required = true, multiple = true)]
pub(crate) struct Secrets {
    /// Read a secret from this environment variable; repeat it for a rotation.
    #[arg(long, value_name = "VAR")]
    secret_env: Vec<OsString>,
    /// Read a secret from this file, less exactly one line feed (or CR LF) at its end; repeat it for a rotation.
    #[arg(long, value_name = "FILE")]
    secret_file: Vec<PathBuf>,
}

impl Secrets {
    pub(crate) fn read(&self, sender: &Sender) -> Result<Vec<Secret>, Error> {
        let variables = self.secret_env.iter().zip(1..).map(|(name, number)| from_env(name, number, sender));
        let files = self.secret_file.iter().zip(1..).map(|(path, number)| from_file(path, number, sender));
        variables.chain(files).collect()
    }
}

/// The one secret to sign with.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct SigningSecret {
    /// Read the secret from this environment variable.
    #[arg(long, value_name = "VAR")]
    secret_env: Option<OsString>,
    /// Read the secret from this file, less exactly one line feed (or CR LF) at its end.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
}

impl SigningSecret {
    pub(crate) fn read(&self, sender: &Sender) -> Result<Secret, Error> {
        match (&self.secret_env, &self.secret_file) {
            (Some(name), _) => from_env(name, 1, sender),
            (None, Some(path)) => from_file(path, 1, sender),
            (None, None) => Err(ConfigError::SecretMissing { sender: sender.name.clone().into_owned() }.into()),
        }
    }
}

/// Reads a body byte for byte; `-` is stdin.
pub(crate) fn body(path: &Path) -> Result<Vec<u8>, Error> {
    if path != Path::new("-") {
        return std::fs::read(path).map_err(|source| Error::Body { origin: format!("`{}`", path.display()), source });
    }
    let mut stdin = io::stdin().lock();
    if stdin.is_terminal() {
        let _ = writeln!(anstream::stderr(), "reading the body from the terminal; end it with Ctrl-D");
    }
    let mut body = Vec::new();
    stdin.read_to_end(&mut body).map_err(|source| Error::Body { origin: "stdin".to_owned(), source })?;
    Ok(body)
}

/// Reads RFC 3339, or whole seconds since 1970.
pub(crate) fn time(text: &str) -> Result<SystemTime, String> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = || digits.then(|| text.parse().ok()).flatten().map(Duration::from_secs);
    parse_rfc3339(text)
        .or_else(|| UNIX_EPOCH.checked_add(seconds()?))
        // Milliseconds taken for seconds end up far beyond the year 9999, the last that RFC 3339 can write.
        .filter(|at| format_rfc3339(*at).is_some())
        .ok_or_else(|| "write it as 2026-05-18T12:00:00Z or as Unix seconds, 1779105600".to_owned())
}

fn from_env(name: &OsStr, number: usize, sender: &Sender) -> Result<Secret, Error> {
    let origin = match name.to_str().filter(|name| is_shown(name)) {
        Some(name) => format!("environment variable `{name}`"),
        None => format!("the variable that --secret-env number {number} names"),
    };
    let Some(value) = std::env::var_os(name) else { return Err(Error::SecretUnset { origin }) };
    decode(value.as_encoded_bytes(), origin, sender)
}

fn from_file(path: &Path, number: usize, sender: &Sender) -> Result<Secret, Error> {
    let origin = format!("the file of --secret-file number {number}");
    match std::fs::read(path) {
        Ok(bytes) => decode(strip_newline(&bytes), origin, sender),
        Err(source) => Err(Error::SecretUnreadable { origin, source }),
    }
}

fn decode(bytes: &[u8], origin: String, sender: &Sender) -> Result<Secret, Error> {
    Secret::decode(bytes, sender.scheme.secret).map_err(|source| Error::Secret { origin, source })
}

fn strip_newline(bytes: &[u8]) -> &[u8] {
    bytes.strip_suffix(b"\r\n").or_else(|| bytes.strip_suffix(b"\n")).unwrap_or(bytes)
}

/// Whether `name` can only be the name of a variable. Anything else may be the secret itself, given in the
/// wrong place, and is not repeated.
fn is_shown(name: &str) -> bool {
    name.contains('_') && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_or_unix_seconds() {
        let noon = UNIX_EPOCH + Duration::from_secs(1_779_105_600);
        for text in ["1779105600", "2026-05-18T12:00:00Z", "2026-05-18T14:00:00.000+02:00"] {
            assert_eq!(time(text), Ok(noon), "{text}");
        }
        assert_eq!(time("0"), Ok(UNIX_EPOCH));
        for text in ["", "now", "-1", "+1", "1.5", "1779105600000", "99999999999999999999", "2026-05-18"] {
            assert!(time(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn one_newline_is_taken_off_and_no_more() {
        for (file, secret) in [("s\n", "s"), ("s\r\n", "s"), ("s", "s"), ("s\n\n", "s\n"), (" s \n", " s "), ("\n", "")]
        {
            assert_eq!(strip_newline(file.as_bytes()), secret.as_bytes(), "{file:?}");
        }
    }

    #[test]
    fn what_may_be_a_secret_is_not_repeated() {
        assert!(is_shown("HANDL_SECRET_2"));
        for text in ["whsec_example", "JBSWY3DPEHPK3PXP", "secret", ""] {
            assert!(!is_shown(text), "{text:?}");
        }
    }
}
