//! Signs a body as a sender would: the scheme the other way round, for tests, rehearsals and the command line.
//!
//! ```
//! use counterfoil::{senders, Clock, Secret, Signer, SystemClock};
//!
//! let signer = Signer::new(&senders::HANDL, &Secret::new("whsec_example_0123")?)?;
//! let headers = signer.sign(b"{}", SystemClock.now())?;
//! assert_eq!(headers["x-handl-signature"].len(), 64);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::time::SystemTime;

use http::{HeaderMap, HeaderValue};

use crate::scheme::{CheckedScheme, Part, Sender};
use crate::signature::{MacKey, Macs};
use crate::{ConfigError, Secret};

/// Makes the headers that go with a body.
#[derive(Debug)]
pub struct Signer {
    sender: Sender,
    scheme: CheckedScheme,
    key: MacKey,
}

impl Signer {
    /// A signer for `sender` under `secret`.
    ///
    /// # Errors
    /// The scheme is not a safe one, or the secret was read in another way than the sender writes it.
    pub fn new(sender: &Sender, secret: &Secret) -> Result<Self, ConfigError> {
        sender.check_secret(secret)?;
        Ok(Self { scheme: sender.scheme.check()?, sender: sender.clone(), key: MacKey::new(secret) })
    }

    /// The signature header of `body`, and the timestamp header where the scheme has one, both as of `at`.
    /// A time inside the body is the caller's affair.
    ///
    /// # Errors
    /// The scheme's timestamp form cannot hold `at`.
    pub fn sign(&self, body: &[u8], at: SystemTime) -> Result<HeaderMap, SignError> {
        let mut headers = HeaderMap::new();
        let mut stamp = String::new();
        if let Some((name, format)) = &self.scheme.timestamp {
            stamp = format.format(at).ok_or(SignError)?;
            headers.insert(name.clone(), HeaderValue::try_from(stamp.as_str()).map_err(|_| SignError)?);
        }
        let mut macs = Macs::begin(std::iter::once(Some(&self.key)));
        for part in &*self.sender.scheme.signed {
            macs.update(match part {
                Part::Timestamp => stamp.as_bytes(),
                Part::Literal(text) => text.as_bytes(),
                Part::Body => body,
            });
        }
        let form = &self.sender.scheme.signature;
        let tag = macs.finish(0).ok_or(SignError)?;
        let value = format!("{}{}", form.prefix, tag.encode(form.encoding));
        headers.insert(self.scheme.signature.clone(), HeaderValue::try_from(value).map_err(|_| SignError)?);
        Ok(headers)
    }
}

/// The scheme cannot write the given time: its form holds the years 2001 to 2286, or 0 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the scheme has no form for this time: give one from 2001-09-09 to 2286-11-20")]
pub struct SignError;
