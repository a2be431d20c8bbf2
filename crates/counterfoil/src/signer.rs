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

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue};

use crate::scheme::{Check, CheckedScheme, Hmac, Part, Sender, SignatureHeader, StampPlace, Token, TokenEncoding};
use crate::signature::{MacKey, Macs, digest};
use crate::verifier::PublicUrl;
use crate::{ConfigError, Secret};

/// Makes the headers that go with a body.
#[derive(Debug)]
pub struct Signer {
    sender: Sender,
    scheme: CheckedScheme,
    proof: Proof,
    url: Option<PublicUrl>,
}

#[derive(Debug)]
enum Proof {
    Mac(MacKey),
    Credential(HeaderValue),
}

/// The time as it goes under the MAC, and as it is sent.
struct Stamp<'s> {
    text: String,
    place: Option<&'s StampPlace>,
}

impl Signer {
    /// A signer for `sender` under `secret`.
    ///
    /// # Errors
    /// The scheme is not a safe one, the secret was read in another way than the sender writes it, or nobody but the
    /// sender can sign.
    pub fn new(sender: &Sender, secret: &Secret) -> Result<Self, ConfigError> {
        sender.check_secret(secret)?;
        let name = || sender.name.clone().into_owned();
        let unsignable = |reason| ConfigError::Unsignable { sender: name(), reason };
        let proof = match &sender.scheme.check {
            Check::Hmac(hmac) => {
                Proof::Mac(MacKey::new(secret, hmac.hash).ok_or_else(|| ConfigError::Sha1 { sender: name() })?)
            }
            Check::Token(token) => {
                let value = credential(token, secret);
                Proof::Credential(value.ok_or_else(|| unsignable("the credential cannot stand in a header"))?)
            }
            Check::Remote(_) => return Err(unsignable("how it signs is not public, and only its endpoint can tell")),
            Check::InsecureUnsigned => return Err(unsignable("nothing is signed")),
        };
        Ok(Self { scheme: sender.check()?, sender: sender.clone(), proof, url: None })
    }

    /// Signs for this address, for a sender that signs it.
    ///
    /// # Errors
    /// It is no URL.
    pub fn with_public_url(mut self, url: &str) -> Result<Self, ConfigError> {
        self.url = Some(PublicUrl::parse(url)?);
        Ok(self)
    }

    /// The headers that prove `body`: the signature with the headers that are signed, the timestamp as of `at` among
    /// them, or the credential. A time inside the body is the caller's affair.
    ///
    /// # Errors
    /// The scheme's timestamp form cannot hold `at`, or it signs an address that was not given.
    pub fn sign(&self, body: &[u8], at: SystemTime) -> Result<HeaderMap, SignError> {
        let mut headers = HeaderMap::new();
        self.sign_into(&mut headers, body, at)?;
        Ok(headers)
    }

    /// As [`sign`](Self::sign), into headers that may hold some already: those that the scheme signs besides the
    /// timestamp, such as an id, are taken as they are. One that is absent is made of the body's digest.
    ///
    /// # Errors
    /// As [`sign`](Self::sign).
    pub fn sign_into(&self, headers: &mut HeaderMap, body: &[u8], at: SystemTime) -> Result<(), SignError> {
        let Some(header) = self.scheme.header.clone() else { return Ok(()) };
        let value = match (&self.proof, self.sender.scheme.hmac()) {
            (Proof::Mac(key), Some(hmac)) => self.signature(headers, hmac, key, body, at)?,
            (Proof::Credential(value), _) => value.clone(),
            (Proof::Mac(_), None) => return Ok(()),
        };
        headers.insert(header, value);
        Ok(())
    }

    fn signature(
        &self,
        headers: &mut HeaderMap,
        hmac: &Hmac,
        key: &MacKey,
        body: &[u8],
        at: SystemTime,
    ) -> Result<HeaderValue, SignError> {
        let stamp = self.stamp(at)?;
        if let Some(StampPlace::Header(name)) = stamp.place {
            headers.insert(name.clone(), value(&stamp.text)?);
        }
        for signed in &self.scheme.signed {
            let id = || value(&base16ct::lower::encode_string(&digest(body)[..16]));
            if !headers.contains_key(&signed.name) {
                headers.insert(signed.name.clone(), id()?);
            }
        }
        let mut macs = Macs::begin(hmac.hash, std::iter::once(Some(key)));
        let url = || self.url.as_ref().ok_or(SignError::PublicUrlMissing);
        for part in &*hmac.signed {
            macs.update(match part {
                Part::Timestamp => stamp.text.as_bytes(),
                Part::Literal(text) => text.as_bytes(),
                Part::Header(name) => headers.get(&**name).map(HeaderValue::as_bytes).unwrap_or_default(),
                Part::Body => body,
                Part::Method => b"POST",
                Part::Path => url()?.path().as_bytes(),
                Part::Url => url()?.as_str().as_bytes(),
            });
        }
        let tag = macs.finish(0).ok_or(SignError::Time)?;
        #[expect(clippy::disallowed_methods, reason = "this tag is for the wire, and for nobody to compare here")]
        let tag = tag.encode(hmac.signature.encoding);
        value(&entries(&hmac.signature, &tag, &stamp))
    }

    fn stamp(&self, at: SystemTime) -> Result<Stamp<'_>, SignError> {
        match &self.scheme.stamp {
            None => Ok(Stamp { text: String::new(), place: None }),
            Some((place, format)) => {
                let text = format.format(at).ok_or(SignError::Time)?;
                Ok(Stamp { text, place: Some(place) })
            }
        }
    }
}

/// The value of a signature header, with the time in front where it is an entry of it.
fn entries(form: &SignatureHeader, tag: &str, stamp: &Stamp<'_>) -> String {
    match stamp.place {
        Some(StampPlace::Entry(prefix, separator)) => format!("{prefix}{}{separator}{}{tag}", stamp.text, form.prefix),
        _ => format!("{}{tag}", form.prefix),
    }
}

fn credential(token: &Token, secret: &Secret) -> Option<HeaderValue> {
    let text = std::str::from_utf8(secret.bytes()).ok()?;
    let mut value = HeaderValue::try_from(match token.encoding {
        TokenEncoding::Plain => format!("{}{text}", token.prefix),
        TokenEncoding::Base64 => format!("{}{}", token.prefix, STANDARD.encode(text)),
    })
    .ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn value(text: &str) -> Result<HeaderValue, SignError> {
    HeaderValue::try_from(text).map_err(|_| SignError::Time)
}

/// Why a body cannot be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The scheme cannot write the given time: its form holds the years 2001 to 2286, or 0 to 9999.
    #[error("the scheme has no form for this time: give one from 2001-09-09 to 2286-11-20")]
    Time,
    /// The scheme signs the address that a delivery goes to.
    #[error(
        "the scheme signs the receiver's address: give it with `.with_public_url(..)`, on the command line `--public-url`"
    )]
    PublicUrlMissing,
}
