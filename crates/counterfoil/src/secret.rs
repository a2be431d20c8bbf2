//! The shared secret of one sender, as the literal bytes that key its signatures.
//!
//! ```
//! use counterfoil::Secret;
//!
//! let secret = Secret::new("whsec_example")?;
//! assert_eq!(format!("{secret:?}"), "Secret(redacted)");
//! assert!(Secret::new("   ").is_err());
//! # Ok::<(), counterfoil::ConfigError>(())
//! ```

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::ConfigError;

/// Below this a secret can be found by trying; we warn, because the sender chose it.
pub(crate) const SHORT_SECRET_BYTES: usize = 16;

/// How a sender writes its secret down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SecretEncoding {
    /// The text is the key, every byte of it: a `whsec_` in front stays part of the key.
    #[default]
    Raw,
    /// Standard base64 with padding.
    Base64,
    /// Hex of either case.
    Hex,
    /// `whsec_` followed by standard base64; the prefix is not part of the key.
    Whsec,
}

/// The key bytes of one sender. Never printed, wiped when dropped.
///
/// # Security
/// `Debug` shows `Secret(redacted)`; there is no `Display` and no way to read the bytes back.
#[derive(Clone)]
pub struct Secret(Zeroizing<Box<[u8]>>);

impl Secret {
    /// Takes `text` literally, as [`SecretEncoding::Raw`] says.
    ///
    /// # Errors
    /// [`ConfigError::SecretBlank`] for empty or blank text, [`ConfigError::SecretIsReference`] for a
    /// text such as `env:NAME` that names a secret instead of being one.
    pub fn new(text: impl AsRef<[u8]>) -> Result<Self, ConfigError> {
        Self::decode(text, SecretEncoding::Raw)
    }

    /// Decodes `text` as `encoding` says.
    ///
    /// # Errors
    /// As [`Secret::new`], and [`ConfigError::SecretUndecodable`] where `text` is not of that encoding.
    pub fn decode(text: impl AsRef<[u8]>, encoding: SecretEncoding) -> Result<Self, ConfigError> {
        let text = text.as_ref();
        if text.iter().all(u8::is_ascii_whitespace) {
            return Err(ConfigError::SecretBlank);
        }
        if let Some(scheme) = reference_scheme(text) {
            return Err(ConfigError::SecretIsReference { scheme });
        }
        let bytes = match encoding {
            SecretEncoding::Raw => Zeroizing::new(Box::from(text)),
            SecretEncoding::Base64 => base64_key(text, encoding)?,
            SecretEncoding::Hex => Zeroizing::new(
                base16ct::mixed::decode_vec(text)
                    .map_err(|_| ConfigError::SecretUndecodable { encoding })?
                    .into_boxed_slice(),
            ),
            SecretEncoding::Whsec => {
                let rest = text.strip_prefix(b"whsec_").ok_or(ConfigError::SecretUndecodable { encoding })?;
                base64_key(rest, encoding)?
            }
        };
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Err(ConfigError::SecretBlank);
        }
        Ok(Self(bytes))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn is_short(&self) -> bool {
        self.0.len() < SHORT_SECRET_BYTES
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

fn base64_key(text: &[u8], encoding: SecretEncoding) -> Result<Zeroizing<Box<[u8]>>, ConfigError> {
    let bytes = STANDARD.decode(text).map_err(|_| ConfigError::SecretUndecodable { encoding })?;
    Ok(Zeroizing::new(bytes.into_boxed_slice()))
}

/// `env:NAME`, `file:/run/secret` and the like are names of secrets; used as the literal they would make
/// a key that anyone can guess.
fn reference_scheme(text: &[u8]) -> Option<&'static str> {
    ["env:", "file:", "vault:", "$"].into_iter().find(|scheme| {
        text.strip_prefix(scheme.as_bytes()).is_some_and(|rest| {
            !rest.is_empty() && rest.iter().all(|b| b.is_ascii_alphanumeric() || b"_-./{}:#".contains(b))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t4_blank_and_undecodable_secrets_are_construction_errors() {
        for text in ["", " ", "\t\r\n "] {
            assert!(matches!(Secret::new(text), Err(ConfigError::SecretBlank)), "{text:?}");
        }
        for (text, encoding) in [
            ("whsec_", SecretEncoding::Whsec),
            ("whsec_!!", SecretEncoding::Whsec),
            ("c2VjcmV0", SecretEncoding::Whsec),
            ("!!", SecretEncoding::Base64),
            ("c2VjcmV0cw", SecretEncoding::Base64),
            ("abc", SecretEncoding::Hex),
            ("zz", SecretEncoding::Hex),
        ] {
            assert!(Secret::decode(text, encoding).is_err(), "{text:?}");
        }
    }

    #[test]
    fn t18_a_reference_is_never_the_literal() {
        for text in
            ["env:HANDL_SECRET", "file:/run/secrets/handl", "vault:kv/handl#key", "$HANDL_SECRET", "${HANDL_SECRET}"]
        {
            assert!(matches!(Secret::new(text), Err(ConfigError::SecretIsReference { .. })), "{text:?}");
        }
    }

    #[test]
    fn raw_keeps_the_prefix_and_whsec_decodes_it() {
        assert_eq!(Secret::new("whsec_c2VjcmV0").unwrap().bytes(), b"whsec_c2VjcmV0");
        assert_eq!(Secret::decode("whsec_c2VjcmV0", SecretEncoding::Whsec).unwrap().bytes(), b"secret");
        assert_eq!(Secret::decode("736563726574", SecretEncoding::Hex).unwrap().bytes(), b"secret");
    }

    #[test]
    fn t20_debug_is_redacted() {
        assert_eq!(format!("{:?}", Secret::new("abcdefgh").unwrap()), "Secret(redacted)");
    }
}
