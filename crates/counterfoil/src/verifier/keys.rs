//! The secrets in use, and the part of the keys' space that goes with them.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use super::MAX_SECRETS;
use super::builder::name;
use crate::idempotency::KeySpace;
use crate::scheme::{Check, Hmac, Part, Sender};
use crate::signature::{MacKey, Tag};
use crate::{ConfigError, Secret};

/// One immutable set of secrets. A request that sees it replaced before its verdict begins again with the new one.
pub(crate) struct KeySet {
    pub(super) keys: Box<[Key]>,
    pub(super) key_space: KeySpace,
    /// Whose secrets they are, where there are tenants.
    pub(super) tenant: Option<Arc<str>>,
    pub(super) address: Address,
    /// Whether the keys are real. Those of a tenant that does not exist are tried like any other and never match.
    pub(super) known: bool,
}

/// One secret, ready for its check.
pub(super) struct Key {
    pub(super) proof: Proof,
    until: Option<SystemTime>,
}

/// What a secret proves a delivery by.
pub(super) enum Proof {
    Mac(MacKey),
    Credential(Tag),
    /// Goes to the sender's endpoint.
    Asked(Secret),
    /// There is no secret and nothing is proven.
    Unsigned,
}

impl Key {
    pub(super) fn is_active(&self, now: SystemTime) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    pub(super) fn mac(&self) -> Option<&MacKey> {
        match &self.proof {
            Proof::Mac(key) => Some(key),
            _ => None,
        }
    }
}

/// A secret and the moment it ends.
pub(crate) type Dated = (Secret, Option<SystemTime>);

/// Where `now` is given, a set that is wholly in the past is a mistake.
pub(super) fn build(sender: &Sender, secrets: &[Dated], now: Option<SystemTime>) -> Result<Box<[Key]>, ConfigError> {
    let sender_name = || sender.name.clone().into_owned();
    if matches!(sender.scheme.check, Check::InsecureUnsigned) {
        if !secrets.is_empty() {
            let reason = "it is unsigned: remove the secret, or choose a check that uses it";
            return Err(ConfigError::SecretUnused { sender: sender_name(), reason });
        }
        return Ok([Key { proof: Proof::Unsigned, until: None }].into());
    }
    if secrets.is_empty() {
        return Err(ConfigError::SecretMissing { sender: sender_name() });
    }
    if secrets.len() > MAX_SECRETS {
        return Err(ConfigError::SecretsTooMany { given: secrets.len(), most: MAX_SECRETS });
    }
    secrets.iter().try_for_each(|(secret, _)| sender.check_secret(secret))?;
    let key = |(secret, until): &Dated| Ok(Key { proof: proof(sender, secret)?, until: *until });
    let keys = secrets.iter().map(key).collect::<Result<Box<[Key]>, ConfigError>>()?;
    if now.is_some_and(|now| !keys.iter().any(|key| key.is_active(now))) {
        return Err(ConfigError::SecretsEnded { sender: sender_name() });
    }
    Ok(keys)
}

/// Says so where a secret can be found by trying: the sender chose it, so that it is taken all the same.
pub(super) fn warn_of_short(sender: &Sender, secrets: &[Dated]) {
    if secrets.iter().any(|(secret, _)| secret.is_short()) {
        let least = crate::secret::SHORT_SECRET_BYTES;
        tracing::warn!(target: "counterfoil", sender = %sender.name, least, "a short secret can be found by trying");
    }
}

/// A key that costs what a real one costs, for requests that name no tenant of ours.
pub(super) fn decoy(sender: &Sender) -> Result<Box<[Key]>, ConfigError> {
    let secret = Secret::decode("64656c69766572656420746f206e6f626f6479", sender.scheme.secret)
        .or_else(|_| Secret::decode("ZGVsaXZlcmVkIHRvIG5vYm9keQ==", sender.scheme.secret))
        .or_else(|_| Secret::decode("whsec_ZGVsaXZlcmVkIHRvIG5vYm9keQ==", sender.scheme.secret))?;
    Ok([Key { proof: proof(sender, &secret)?, until: None }].into())
}

fn proof(sender: &Sender, secret: &Secret) -> Result<Proof, ConfigError> {
    Ok(match &sender.scheme.check {
        Check::Hmac(hmac) => {
            let sha1 = || ConfigError::Sha1 { sender: sender.name.clone().into_owned() };
            Proof::Mac(MacKey::new(secret, hmac.hash).ok_or_else(sha1)?)
        }
        Check::Token(_) => Proof::Credential(Tag::of_credential(secret.bytes())),
        Check::Remote(_) => Proof::Asked(secret.clone()),
        Check::InsecureUnsigned => Proof::Unsigned,
    })
}

/// What the sender knows this receiver by.
#[derive(Debug, Clone, Default)]
pub(crate) struct Address {
    /// The URL that it signs.
    pub(crate) url: Option<PublicUrl>,
    /// The webhook's id, which its endpoint is asked with.
    pub(crate) webhook_id: Option<Arc<str>>,
}

impl Address {
    pub(crate) fn read(url: Option<&str>, webhook_id: Option<&str>) -> Result<Self, ConfigError> {
        Ok(Self { url: url.map(PublicUrl::parse).transpose()?, webhook_id: webhook_id.map(name).transpose()? })
    }

    /// This address, where it says something, and otherwise `other`.
    pub(super) fn or(&self, other: &Self) -> Self {
        Self {
            url: self.url.clone().or_else(|| other.url.clone()),
            webhook_id: self.webhook_id.clone().or_else(|| other.webhook_id.clone()),
        }
    }

    /// Whether it says nothing that `sender` has no use for.
    pub(super) fn check_unused(&self, sender: &Sender) -> Result<(), ConfigError> {
        let unused = |setting| ConfigError::SettingUnused { sender: sender.name.clone().into_owned(), setting };
        if self.url.is_some() && !wants_url(sender) {
            return Err(unused("public_url"));
        }
        if self.webhook_id.is_some() && sender.scheme.remote().is_none() {
            return Err(unused("webhook_id"));
        }
        Ok(())
    }

    /// Whether it says what `sender` has to be told, and nothing else.
    pub(super) fn check(&self, sender: &Sender) -> Result<(), ConfigError> {
        let name = || sender.name.clone().into_owned();
        if self.url.is_none() && wants_url(sender) {
            return Err(ConfigError::PublicUrlMissing { sender: name() });
        }
        if self.webhook_id.is_none() && sender.scheme.remote().is_some() {
            return Err(ConfigError::WebhookIdMissing { sender: name() });
        }
        self.check_unused(sender)
    }
}

fn wants_url(sender: &Sender) -> bool {
    let signs_url = |hmac: &Hmac| hmac.signed.iter().any(|part| matches!(part, Part::Path | Part::Url));
    sender.scheme.hmac().is_some_and(signs_url)
}

/// The address that a sender was given, as it was given. Never printed: people put secrets into addresses.
#[derive(Clone)]
pub(crate) struct PublicUrl {
    text: Arc<str>,
    path: Arc<str>,
}

impl PublicUrl {
    pub(crate) fn parse(text: &str) -> Result<Self, ConfigError> {
        let refuse = || ConfigError::PublicUrlInvalid;
        let uri: http::Uri = text.parse().map_err(|_| refuse())?;
        let authority = uri.authority().ok_or_else(refuse)?;
        let web = matches!(uri.scheme_str(), Some("https" | "http"));
        if !web || authority.host().is_empty() || authority.as_str().contains('@') || text.contains('#') {
            return Err(refuse());
        }
        let host_at = text.find("://").map(|at| at + 3).ok_or_else(refuse)?;
        let rest = text.get(host_at..).unwrap_or_default();
        let path = rest.find(['/', '?']).and_then(|at| rest.get(at..)).unwrap_or_default();
        // What goes over the wire has a path, and an empty one would separate nothing.
        let path = if path.starts_with('/') { path.into() } else { format!("/{path}").into() };
        Ok(Self { text: text.into(), path })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The path and query, as written, or `/`.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Debug for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicUrl(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::senders;

    #[test]
    fn a_stranger_costs_what_one_secret_costs() {
        let whsec = "whsec_YV9zZWNyZXRfb2Zfc29tZV9sZW5ndGgh";
        #[cfg(all(feature = "toml", feature = "insecure-sha1"))]
        let catalogue = senders::catalogue();
        #[cfg(not(all(feature = "toml", feature = "insecure-sha1")))]
        let catalogue: &[Sender] = &[];
        for sender in senders::ALL.iter().chain(catalogue) {
            let secret = Secret::decode(whsec, sender.scheme.secret).unwrap();
            let (real, decoy) = (build(sender, &[(secret, None)], None).unwrap(), decoy(sender).unwrap());
            let kinds = |keys: &[Key]| keys.iter().map(|key| std::mem::discriminant(&key.proof)).collect::<Vec<_>>();
            assert_eq!(kinds(&decoy), kinds(&real), "{}", sender.name);
            assert!(decoy.iter().all(|key| key.until.is_none()), "{}: it is tried at any time", sender.name);
        }
    }

    #[test]
    fn the_path_of_a_public_url_is_what_goes_over_the_wire() {
        for (url, path) in [
            ("https://shop.example", "/"),
            ("https://shop.example/", "/"),
            ("https://shop.example?a=b", "/?a=b"),
            ("https://shop.example:8443/hooks/square?a=/b", "/hooks/square?a=/b"),
            ("http://127.0.0.1:3000/x", "/x"),
            ("https://a.b/x/y", "/x/y"),
        ] {
            let parsed = PublicUrl::parse(url).unwrap();
            assert_eq!((parsed.as_str(), parsed.path()), (url, path));
        }
        for url in
            ["", "/hook", "shop.example/hook", "ftp://shop.example/", "https:///x", "https://a:b@c/", "https://a/#b"]
        {
            assert!(PublicUrl::parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn t14_a_public_url_is_not_shown() {
        let url = PublicUrl::parse("https://shop.example/hook/a-token-of-ours").unwrap();
        assert_eq!(format!("{url:?}"), "PublicUrl(redacted)");
    }
}
