//! Secrets, which are read from environment variables and files and never from the command line.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use counterfoil::scheme::Sender;
use counterfoil::{ConfigError, Secret};

use crate::error::Error;

/// The active secrets of a sender.
#[derive(clap::Args)]
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
