//! Settings of a verifier, and the refusal of those that cannot work.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, RwLock};
use std::time::SystemTime;

use super::keys::{self, KeySet};
use super::{Config, Verifier};
use crate::event::EventReader;
use crate::idempotency::KeySpace;
use crate::scheme::{Check, CheckedScheme, Scheme, Sender, StampPlace, TagEncoding, TokenEncoding};
use crate::tenants::Tenant;
use crate::time::{FUTURE, STRICT_PAST, TimestampFormat, Tolerance, UtcOffset, Window};
use crate::{ConfigError, Secret};

/// Settings of a [`Verifier`]. Refuses those that cannot work.
#[derive(Debug, Clone)]
#[must_use]
pub struct VerifierBuilder {
    sender: Sender,
    endpoint: Option<String>,
    tolerance: Option<Tolerance>,
    offsets: Vec<UtcOffset>,
    /// The one whose deliveries are verified: nobody in particular, unless it is named.
    own: Tenant,
}

/// What a receiver decides for its verifier.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting {
    pub(crate) tolerance: Tolerance,
    /// With it, secrets that have all ended are a mistake.
    pub(crate) now: Option<SystemTime>,
    /// Whether the secrets are those of tenants, and none is the verifier's own.
    pub(crate) tenants: bool,
}

impl VerifierBuilder {
    pub(super) fn new(sender: Sender) -> Self {
        Self { sender, endpoint: None, tolerance: None, offsets: Vec::new(), own: Tenant::new() }
    }

    /// Adds an active secret.
    pub fn secret(mut self, secret: Secret) -> Self {
        self.own = self.own.secret(secret);
        self
    }

    /// Adds a secret that is active until `end`, judged by our clock.
    pub fn secret_until(mut self, secret: Secret, end: SystemTime) -> Self {
        self.own = self.own.secret_until(secret, end);
        self
    }

    /// Names the address that the sender was given; default: the sender's name. It scopes every key, so
    /// renaming it makes every event a new one.
    pub fn endpoint(mut self, name: impl Into<String>) -> Self {
        self.endpoint = Some(name.into());
        self
    }

    /// Makes a verifier of one tenant's deliveries, with the keys that a receiver of many gives them.
    pub fn tenant(mut self, name: impl Into<String>) -> Self {
        self.own = self.own.named(name);
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

    /// The address that the sender was given, exactly as it was given, for a sender that signs it. What a request
    /// says of its own address is never believed: proxies change it.
    pub fn public_url(mut self, url: impl Into<String>) -> Self {
        self.own = self.own.public_url(url);
        self
    }

    /// The id that the sender gave to the webhook, for a sender whose endpoint is asked.
    pub fn webhook_id(mut self, id: impl Into<String>) -> Self {
        self.own = self.own.webhook_id(id);
        self
    }

    /// Builds the verifier.
    ///
    /// # Errors
    /// A setting that cannot work, with what to change.
    pub fn build(self) -> Result<Verifier, ConfigError> {
        self.build_with(Setting { tolerance: Tolerance::Strict, now: None, tenants: false })
    }

    pub(crate) fn build_with(self, setting: Setting) -> Result<Verifier, ConfigError> {
        let name: Arc<str> = name(&self.sender.name)?;
        let endpoint: Arc<str> = match &self.endpoint {
            Some(endpoint) => self::name(endpoint)?,
            None => name.clone(),
        };
        let tenant = self.own.name().map(self::name).transpose()?;
        let scheme = self.sender.check()?;
        let reader = EventReader::new(&self.sender)?;
        let window = self.window(setting.tolerance)?;
        let address = self.own.address()?;
        if setting.tenants {
            // What is missing here may be each tenant's own.
            address.check_unused(&self.sender)?;
        } else {
            address.check(&self.sender)?;
        }
        keys::warn_of_short(&self.sender, self.own.secrets());
        let keys = KeySet {
            keys: if setting.tenants {
                self.no_keys()?
            } else {
                keys::build(&self.sender, self.own.secrets(), setting.now)?
            },
            key_space: KeySpace::new(&name, &endpoint, tenant.as_deref().unwrap_or_default()),
            tenant,
            address: address.clone(),
            known: true,
        };
        let config = Config {
            name,
            endpoint,
            form: form(&self.sender.scheme).into(),
            timestamp_place: timestamp_place(&scheme, &reader),
            remote: self.sender.scheme.remote().cloned().map(Arc::new),
            sender: self.sender,
            scheme,
            reader,
            window,
            address,
            tenants: setting.tenants,
            keys: RwLock::new(Arc::new(keys)),
            generation: AtomicU64::new(0),
        };
        Ok(Verifier { config: Arc::new(config) })
    }

    fn no_keys(&self) -> Result<Box<[keys::Key]>, ConfigError> {
        let sender = || self.sender.name.clone().into_owned();
        if !self.own.secrets().is_empty() {
            let reason = "its tenants have theirs: remove `.secret(..)`";
            return Err(ConfigError::SecretUnused { sender: sender(), reason });
        }
        if matches!(self.sender.scheme.check, Check::InsecureUnsigned) {
            return Err(ConfigError::SettingUnused { sender: sender(), setting: "tenants" });
        }
        Ok(Box::default())
    }

    fn window(&self, default: Tolerance) -> Result<Option<Window>, ConfigError> {
        let sender = || self.sender.name.clone().into_owned();
        let timestamp = self.sender.scheme.timestamp();
        let of_site = timestamp.is_some_and(|timestamp| timestamp.format() == TimestampFormat::SiteUnixSeconds);
        if !of_site && !self.offsets.is_empty() {
            return Err(ConfigError::UtcOffsetUnused { sender: sender() });
        }
        if timestamp.is_none() {
            return Ok(None);
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

/// Whether keys and logs can hold that name.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=255).contains(&text.len()) && !text.chars().any(char::is_control)
}

pub(super) fn name(text: &str) -> Result<Arc<str>, ConfigError> {
    if is_name(text) { Ok(text.into()) } else { Err(ConfigError::Name { name: text.chars().take(64).collect() }) }
}

/// The form of the header that proves a delivery, in words.
fn form(scheme: &Scheme) -> String {
    match &scheme.check {
        Check::Hmac(hmac) => {
            let form = &hmac.signature;
            let width = hmac.hash.width();
            let digits = match form.encoding {
                TagEncoding::Hex => format!("{} hex digits", 2 * width),
                TagEncoding::Base64 => format!("{} characters of base64", width.div_ceil(3) * 4),
                TagEncoding::Base64Url => format!("{} characters of URL-safe base64", (width * 4).div_ceil(3)),
            };
            match form.separator {
                None => format!("`{}<{digits}>`, and nothing else", form.prefix),
                Some(separator) => format!("`{}<{digits}>` among entries separated by `{separator}`", form.prefix),
            }
        }
        Check::Token(token) => match token.encoding {
            TokenEncoding::Plain => format!("`{}<credential>`", token.prefix),
            TokenEncoding::Base64 => format!("`{}<base64 of user:password>`", token.prefix),
        },
        Check::Remote(_) => "1 to 1024 visible ASCII characters".to_owned(),
        Check::InsecureUnsigned => String::new(),
    }
}

fn timestamp_place(scheme: &CheckedScheme, reader: &EventReader) -> Arc<str> {
    match (&scheme.stamp, reader.signed_at_pointer()) {
        (Some((StampPlace::Header(header), _)), _) => header.as_str().into(),
        (Some((StampPlace::Entry(prefix, _), _)), _) => {
            format!("{prefix} in {}", scheme.header.as_ref().map_or("", |header| header.as_str())).into()
        }
        (None, Some(pointer)) => pointer.text.clone(),
        (None, None) => "".into(),
    }
}
