//! Settings of a verifier, and the refusal of those that cannot work.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, RwLock};
use std::time::SystemTime;

use super::{Config, Key, Keys, MAX_SECRETS, Verifier};
use crate::event::EventReader;
use crate::idempotency::KeySpace;
use crate::scheme::{Sender, TagEncoding};
use crate::signature::MacKey;
use crate::time::{FUTURE, STRICT_PAST, TimestampFormat, Tolerance, UtcOffset, Window};
use crate::{ConfigError, Secret};

/// Settings of a [`Verifier`]. Refuses those that cannot work.
#[derive(Debug, Clone)]
#[must_use]
pub struct VerifierBuilder {
    sender: Sender,
    endpoint: Option<String>,
    secrets: Vec<(Secret, Option<SystemTime>)>,
    tolerance: Option<Tolerance>,
    offsets: Vec<UtcOffset>,
}

impl VerifierBuilder {
    pub(super) fn new(sender: Sender) -> Self {
        Self { sender, endpoint: None, secrets: Vec::new(), tolerance: None, offsets: Vec::new() }
    }

    /// Adds an active secret.
    pub fn secret(mut self, secret: Secret) -> Self {
        self.secrets.push((secret, None));
        self
    }

    /// Adds a secret that is active until `end`, judged by our clock.
    pub fn secret_until(mut self, secret: Secret, end: SystemTime) -> Self {
        self.secrets.push((secret, Some(end)));
        self
    }

    /// Names the address that the sender was given; default: the sender's name. It scopes every key, so
    /// renaming it makes every event a new one.
    pub fn endpoint(mut self, name: impl Into<String>) -> Self {
        self.endpoint = Some(name.into());
        self
    }

    /// Sets the tolerance. Default: [`Tolerance::Strict`] for a verifier on its own,
    /// [`Tolerance::RetrySafe`] for a receiver with a store.
    pub fn tolerance(mut self, tolerance: Tolerance) -> Self {
        self.tolerance = Some(tolerance);
        self
    }

    /// Adds a UTC offset of the site whose local time the sender signs: one, or two for summer time.
    pub fn utc_offset(mut self, offset: UtcOffset) -> Self {
        self.offsets.push(offset);
        self
    }

    /// Builds the verifier.
    ///
    /// # Errors
    /// A setting that cannot work, with what to change.
    pub fn build(self) -> Result<Verifier, ConfigError> {
        self.build_with(Tolerance::Strict, None)
    }

    /// With `now`, secrets that have all ended are a mistake.
    pub(crate) fn build_with(self, default: Tolerance, now: Option<SystemTime>) -> Result<Verifier, ConfigError> {
        let name: Arc<str> = name(&self.sender.name)?;
        let endpoint: Arc<str> = match &self.endpoint {
            Some(endpoint) => self::name(endpoint)?,
            None => name.clone(),
        };
        let scheme = self.sender.scheme.check()?;
        let reader =
            EventReader::new(self.sender.scheme.body, &self.sender.envelope, self.sender.scheme.timestamp.as_ref())?;
        let window = self.window(default)?;
        let timestamp_place = match (&scheme.timestamp, reader.signed_at_pointer()) {
            (Some((header, _)), _) => header.as_str().into(),
            (None, Some(pointer)) => pointer.text.clone(),
            (None, None) => "".into(),
        };
        let form = &self.sender.scheme.signature;
        let digits = match form.encoding {
            TagEncoding::Hex => "64 hex digits",
            TagEncoding::Base64 => "44 characters of base64",
        };
        let form = format!("`{}<{digits}>`, and nothing else", form.prefix).into();
        let keys = build_keys(&self.sender, &self.secrets, now)?;
        let key_space = KeySpace::new(&name, &endpoint, "");
        let config = Config {
            sender: self.sender,
            name,
            endpoint,
            scheme,
            form,
            timestamp_place,
            reader,
            window,
            key_space,
            keys: RwLock::new(keys),
            generation: AtomicU64::new(0),
        };
        Ok(Verifier { config: Arc::new(config) })
    }

    fn window(&self, default: Tolerance) -> Result<Option<Window>, ConfigError> {
        let sender = || self.sender.name.clone().into_owned();
        let Some(timestamp) = &self.sender.scheme.timestamp else { return Ok(None) };
        let of_site = timestamp.format() == TimestampFormat::SiteUnixSeconds;
        if !of_site && !self.offsets.is_empty() {
            return Err(ConfigError::UtcOffsetUnused { sender: sender() });
        }
        if self.offsets.len() > 2 {
            return Err(ConfigError::UtcOffsetsTooMany);
        }
        let tolerance = self.tolerance.unwrap_or(default);
        let (past, future) = match tolerance {
            Tolerance::Strict => (STRICT_PAST, FUTURE),
            Tolerance::RetrySafe => (self.sender.timing.retry_safe.unwrap_or(STRICT_PAST), FUTURE),
            Tolerance::Custom { past, future } => (past, future),
        };
        Ok(Some(match (of_site, self.offsets.is_empty(), tolerance) {
            (false, ..) => Window::utc(past, future),
            (true, false, _) => Window::of_site(past, future, &self.offsets),
            (true, true, Tolerance::RetrySafe) => Window::of_unknown_site(),
            (true, true, _) => return Err(ConfigError::UtcOffsetMissing { sender: sender() }),
        }))
    }
}

fn name(text: &str) -> Result<Arc<str>, ConfigError> {
    if text.is_empty() || text.len() > 255 || text.chars().any(char::is_control) {
        return Err(ConfigError::Name { name: text.chars().take(64).collect() });
    }
    Ok(text.into())
}

/// Where `now` is given, a set that is wholly in the past is a mistake.
pub(super) fn build_keys(
    sender: &Sender,
    secrets: &[(Secret, Option<SystemTime>)],
    now: Option<SystemTime>,
) -> Result<Keys, ConfigError> {
    let name = || sender.name.clone().into_owned();
    if secrets.is_empty() {
        return Err(ConfigError::SecretMissing { sender: name() });
    }
    if secrets.len() > MAX_SECRETS {
        return Err(ConfigError::SecretsTooMany { given: secrets.len(), most: MAX_SECRETS });
    }
    secrets.iter().try_for_each(|(secret, _)| sender.check_secret(secret))?;
    if secrets.iter().any(|(secret, _)| secret.is_short()) {
        let least = crate::secret::SHORT_SECRET_BYTES;
        tracing::warn!(sender = %sender.name, least, "a short secret can be found by trying");
    }
    let keys: Keys = secrets.iter().map(|(secret, until)| Key { mac: MacKey::new(secret), until: *until }).collect();
    if now.is_some_and(|now| !keys.iter().any(|key| key.is_active(now))) {
        return Err(ConfigError::SecretsEnded { sender: name() });
    }
    Ok(keys)
}
