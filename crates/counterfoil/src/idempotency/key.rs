//! What makes two deliveries the same event: derived from signed material only.

use std::fmt;
use std::str::FromStr;

use crate::event::EventId;
use crate::signature::{Parts, digest};

/// Changes only if the derivation does, so that no two derivations can share a key.
const KEY_VERSION: &[u8] = b"counterfoil-key-1";

/// The key of an event: 16 bytes, the same in every process, language and version.
///
/// It is the head of SHA-256 over (version, sender, endpoint, tenant, kind, id or body digest), each part
/// preceded by its length as eight big-endian bytes. The kind is `text`, `integer`, `composite` or `body`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IdempotencyKey([u8; 16]);

/// The part of a store that belongs to one (sender, endpoint, tenant).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scope(i32);

/// The head of the body's SHA-256: tells two bodies of one key apart.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 16]);

/// Derives the keys of one (sender, endpoint, tenant).
#[derive(Clone)]
pub(crate) struct KeySpace {
    scope: Scope,
    /// Everything up to the kind, hashed once for each kind.
    text: Parts,
    integer: Parts,
    composite: Parts,
    body: Parts,
}

impl KeySpace {
    pub(crate) fn new(sender: &str, endpoint: &str, tenant: &str) -> Self {
        let names =
            |digest| [sender, endpoint, tenant].iter().fold(digest, |digest: Parts, name| digest.with(name.as_bytes()));
        let scope = Scope(i32::from_be_bytes(head(&names(Parts::new()).finish())));
        let prefix = names(Parts::new().with(KEY_VERSION));
        let of_kind = |kind: &str| prefix.clone().with(kind.as_bytes());
        Self {
            scope,
            text: of_kind("text"),
            integer: of_kind("integer"),
            composite: of_kind("composite"),
            body: of_kind("body"),
        }
    }

    pub(crate) const fn scope(&self) -> Scope {
        self.scope
    }

    pub(crate) fn key_of_id(&self, id: &EventId) -> IdempotencyKey {
        let kind = match id {
            EventId::Text(_) => &self.text,
            EventId::Integer(_) => &self.integer,
            EventId::Composite(_) => &self.composite,
        };
        key(kind, id.as_str().as_bytes())
    }

    /// The key of a body and its fingerprint, which are made of one digest.
    pub(crate) fn key_of_body(&self, body: &[u8]) -> (IdempotencyKey, Fingerprint) {
        let digest = digest(body);
        (key(&self.body, &digest), Fingerprint(head(&digest)))
    }
}

fn key(kind: &Parts, value: &[u8]) -> IdempotencyKey {
    IdempotencyKey(head(&kind.clone().with(value).finish()))
}

impl IdempotencyKey {
    /// The key as stored.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base16ct::lower::encode_string(&self.0))
    }
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for IdempotencyKey {
    type Err = KeyError;

    /// Reads 32 hex digits.
    fn from_str(text: &str) -> Result<Self, KeyError> {
        let mut bytes = [0; 16];
        match base16ct::mixed::decode(text, &mut bytes) {
            Ok(read) if read.len() == 16 => Ok(Self(bytes)),
            _ => Err(KeyError),
        }
    }
}

/// The text is not 32 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key is 32 hex digits")]
pub struct KeyError;

impl Scope {
    /// The scope as stored.
    #[must_use]
    pub const fn from_i32(value: i32) -> Self {
        Self(value)
    }

    /// The integer to store.
    #[must_use]
    pub const fn as_i32(self) -> i32 {
        self.0
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Fingerprint {
    /// The fingerprint of `body`.
    #[must_use]
    pub fn of(body: &[u8]) -> Self {
        Self(head(&digest(body)))
    }

    /// The fingerprint as stored.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base16ct::lower::encode_string(&self.0))
    }
}

fn head<const N: usize>(hash: &[u8; 32]) -> [u8; N] {
    let mut head = [0; N];
    head.copy_from_slice(&hash[..N]);
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space(sender: &str, endpoint: &str, tenant: &str) -> KeySpace {
        KeySpace::new(sender, endpoint, tenant)
    }

    fn handl() -> KeySpace {
        space("handl", "handl", "")
    }

    #[test]
    fn t9_keys_are_the_same_in_every_process_and_version() {
        // Made with Python's hashlib by the rule in this type's documentation.
        let id = EventId::Text("evt_abc123".into());
        assert_eq!(handl().key_of_id(&id).to_string(), "2c151c1724a22e51cf3c629aa99b237d");
        assert_eq!(handl().key_of_id(&EventId::Integer("42".into())).to_string(), "9b32210348e990fc56eec15be28ac3ee");
        assert_eq!(handl().key_of_body(b"{}").0.to_string(), "3ee04db220711ae4f494daae8c59f6ee");
        assert_eq!(handl().scope().as_i32(), -1918533151);
    }

    #[test]
    fn t37_every_part_scopes_the_key() {
        let id = EventId::Text("evt_1".into());
        let key = handl().key_of_id(&id);
        assert_ne!(key, space("agiled", "handl", "").key_of_id(&id));
        assert_ne!(key, space("handl", "shop-2", "").key_of_id(&id));
        assert_ne!(key, space("handl", "handl", "t").key_of_id(&id));
        assert_ne!(key, handl().key_of_id(&EventId::Integer("1".into())));
        assert_ne!(handl().scope(), space("handl", "shop-2", "").scope());
    }

    #[test]
    fn keys_parse_as_they_print() {
        let (key, fingerprint) = handl().key_of_body(b"{}");
        assert_eq!(fingerprint, Fingerprint::of(b"{}"));
        assert_eq!(key.to_string().parse(), Ok(key));
        assert!("00".parse::<IdempotencyKey>().is_err());
        assert!("é".repeat(16).parse::<IdempotencyKey>().is_err());
    }

    #[test]
    fn what_is_stored_is_what_is_read() {
        let bytes: [u8; 16] = std::array::from_fn(|index| u8::try_from(index).unwrap());
        let hex = "000102030405060708090a0b0c0d0e0f";
        let key = IdempotencyKey::from_bytes(bytes);
        assert_eq!((key.as_bytes(), key.to_string(), format!("{key:?}")), (&bytes, hex.to_owned(), hex.to_owned()));
        assert_eq!(hex.to_uppercase().parse(), Ok(key));
        for wrong in [&hex[..30], &format!("{hex}00"), &format!("{hex} "), ""] {
            assert_eq!(wrong.parse::<IdempotencyKey>(), Err(KeyError), "{wrong:?}");
        }
        let fingerprint = Fingerprint::from_bytes(bytes);
        assert_eq!((fingerprint.as_bytes(), format!("{fingerprint:?}")), (&bytes, hex.to_owned()));
        let scope = Scope::from_i32(-7);
        assert_eq!((scope.as_i32(), scope.to_string()), (-7, "-7".to_owned()));
    }

    #[test]
    fn ids_of_every_kind_have_keys_of_their_own() {
        let kinds = [EventId::Text("[1]".into()), EventId::Integer("[1]".into()), EventId::Composite("[1]".into())];
        let [text, integer, composite] = kinds.map(|id| handl().key_of_id(&id));
        let (body, _) = handl().key_of_body(b"[1]");
        let keys = [text, integer, composite, body];
        assert!(keys.iter().enumerate().all(|(index, key)| !keys[..index].contains(key)), "{keys:?}");
    }
}
