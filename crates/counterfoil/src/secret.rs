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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
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
pub struct Secret {
    key: Zeroizing<Box<[u8]>>,
    encoding: SecretEncoding,
}

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
        if is_blank(text) {
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
        if is_blank(&bytes) {
            return Err(ConfigError::SecretBlank);
        }
        Ok(Self { key: bytes, encoding })
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.key
    }

    /// How this secret was read.
    #[must_use]
    pub const fn encoding(&self) -> SecretEncoding {
        self.encoding
    }

    pub(crate) fn is_short(&self) -> bool {
        self.key.len() < SHORT_SECRET_BYTES
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

fn base64_key(text: &[u8], encoding: SecretEncoding) -> Result<Zeroizing<Box<[u8]>>, ConfigError> {
    // Every buffer that holds the key is wiped, so none may grow or shrink on its way.
    let mut bytes = Zeroizing::new(vec![0; text.len()]);
    let length = STANDARD.decode_slice(text, &mut bytes).map_err(|_| ConfigError::SecretUndecodable { encoding })?;
    Ok(Zeroizing::new(Box::from(bytes.get(..length).unwrap_or_default())))
}

/// Nothing but white space and zeros. HMAC pads a key with zeros, so that zeros alone are the empty key.
fn is_blank(bytes: &[u8]) -> bool {
    let blank = |char: char| char.is_whitespace() || char == '\0';
    std::str::from_utf8(bytes).is_ok_and(|text| text.chars().all(blank))
}

/// `env:NAME` and `${NAME}` are names of secrets; used as the literal they would make a key that anyone can guess.
fn reference_scheme(text: &[u8]) -> Option<&'static str> {
    let text = std::str::from_utf8(text).ok()?;
    let is_name = |name: &str| {
        let head = |char: char| char.is_ascii_alphabetic() || char == '_';
        name.starts_with(head) && name.chars().all(|char| char.is_ascii_alphanumeric() || char == '_')
    };
    let is_variable = |name: &str| is_name(name) && !name.contains(|char: char| char.is_ascii_lowercase());
    if text.strip_prefix("env:").is_some_and(is_name) {
        return Some("env:");
    }
    let name = text.strip_prefix('$')?;
    let name = name.strip_prefix('{').and_then(|name| name.strip_suffix('}')).unwrap_or(name);
    is_variable(name).then_some("$")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t4_blank_and_undecodable_secrets_are_construction_errors() {
        for text in ["", " ", "\t\r\n ", "\u{b}", "\u{a0}", "\0", "\0\0 "] {
            assert!(matches!(Secret::new(text), Err(ConfigError::SecretBlank)), "{text:?}");
        }
        for (text, encoding) in [
            ("whsec_", SecretEncoding::Whsec),
            ("whsec_!!", SecretEncoding::Whsec),
            ("c2VjcmV0", SecretEncoding::Whsec),
            ("!!", SecretEncoding::Base64),
            ("c2VjcmV0cw", SecretEncoding::Base64),
            ("abc", SecretEncoding::Hex),
            ("0000", SecretEncoding::Hex),
            ("zz", SecretEncoding::Hex),
        ] {
            assert!(Secret::decode(text, encoding).is_err(), "{text:?}");
        }
    }

    #[test]
    fn t18_a_reference_is_never_the_literal() {
        for text in
            ["env:HANDL_SECRET", "env:handl", "env:_handl_2", "$HANDL_SECRET", "$_A1", "${HANDL_SECRET}", "${_A1}"]
        {
            assert!(matches!(Secret::new(text), Err(ConfigError::SecretIsReference { .. })), "{text:?}");
        }
    }

    #[test]
    fn a_secret_that_only_resembles_a_reference_is_taken() {
        for text in [
            "$uperSecret123",
            "env: not a name",
            "env:1handl",
            "env:a-b",
            "file:1f8a",
            "environment",
            "$",
            "${}",
            "$1A",
            "$A-B",
            "$handl_secret",
            "${handl}",
            "${A",
        ] {
            assert!(Secret::new(text).is_ok(), "{text:?}");
        }
    }

    #[test]
    fn a_secret_below_16_bytes_is_short() {
        assert!(Secret::new("a".repeat(15)).unwrap().is_short());
        assert!(!Secret::new("a".repeat(16)).unwrap().is_short());
        // The key's own length counts, and not that of its text.
        assert!(Secret::decode("00ff".repeat(7), SecretEncoding::Hex).unwrap().is_short());
    }

    #[test]
    fn zeros_and_blanks_beside_something_are_a_secret() {
        for text in ["\0x", " x ", "\u{a0}x"] {
            assert_eq!(Secret::new(text).unwrap().bytes(), text.as_bytes());
        }
        assert_eq!(Secret::decode("00ff", SecretEncoding::Hex).unwrap().bytes(), [0, 255]);
    }

    #[test]
    fn a_secret_knows_how_it_was_written() {
        for encoding in [SecretEncoding::Raw, SecretEncoding::Base64, SecretEncoding::Hex] {
            assert_eq!(Secret::decode("00ffabcd", encoding).unwrap().encoding(), encoding);
        }
        assert_eq!(Secret::decode("c2VjcmV0", SecretEncoding::Base64).unwrap().bytes(), b"secret");
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
