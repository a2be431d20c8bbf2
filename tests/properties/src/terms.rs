//! What a verifier is told, in a form that both sides of a comparison can read.

use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use counterfoil::scheme::{BodyForm, Check, Sender, TimestampSource, Token, TokenEncoding};
use counterfoil::time::TimestampFormat;
use counterfoil::verifier::VerifierBuilder;
use counterfoil::{Secret, SecretEncoding, Tolerance, UtcOffset, Verifier, senders};

use crate::model::{is_in_head, mac};

/// A key that is fit for every check. Nothing that is shown may hold it.
pub(crate) const KEY: &[u8] = b"counterfoil:the-key-of-the-laws";

/// The public URL and its path.
pub(crate) const URL: (&str, &str) = ("https://shop.example/hooks/b?c=d", "/hooks/b?c=d");

/// Every sender of the crate and of its catalogue.
pub(crate) static SENDERS: LazyLock<Vec<Sender>> =
    LazyLock::new(|| senders::ALL.iter().chain(senders::catalogue()).cloned().collect());

/// Those that sign a time.
pub(crate) static TIMED: LazyLock<Vec<Sender>> =
    LazyLock::new(|| SENDERS.iter().filter(|sender| sender.scheme.timestamp().is_some()).cloned().collect());

/// The clock where nothing else is said.
pub(crate) fn noon() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_779_105_600)
}

/// What a verifier is told.
#[derive(Clone)]
pub(crate) struct Terms {
    pub(crate) sender: Sender,
    /// Keys as they are, each with its end.
    pub(crate) keys: Vec<(Vec<u8>, Option<SystemTime>)>,
    pub(crate) tolerance: Tolerance,
    pub(crate) offsets: Vec<UtcOffset>,
    pub(crate) endpoint: Option<String>,
    pub(crate) tenant: Option<String>,
    /// The public URL and its path, for a sender that signs it.
    pub(crate) url: (&'static str, &'static str),
}

impl Terms {
    /// One secret, strict, two hours east of Greenwich where that is asked.
    pub(crate) fn of(sender: &Sender) -> Self {
        let unsigned = matches!(sender.scheme.check, Check::InsecureUnsigned);
        let mut terms = Self {
            sender: sender.clone(),
            keys: if unsigned { Vec::new() } else { vec![(KEY.to_vec(), None)] },
            tolerance: Tolerance::Strict,
            offsets: Vec::new(),
            endpoint: None,
            tenant: None,
            url: URL,
        };
        if terms.format() == Some(TimestampFormat::SiteUnixSeconds) {
            terms.offsets.push("+02:00".parse().expect("an offset"));
        }
        terms
    }

    /// The form of the signed time.
    pub(crate) fn format(&self) -> Option<TimestampFormat> {
        self.sender.scheme.timestamp().map(TimestampSource::format)
    }

    /// Whether the time stands before the body.
    pub(crate) fn stamps_head(&self) -> bool {
        is_in_head(self.sender.scheme.timestamp())
    }

    /// The keys that count at `now`, with their indexes.
    pub(crate) fn active(&self, now: SystemTime) -> impl Iterator<Item = (usize, &[u8])> {
        let active = move |end: &Option<SystemTime>| end.is_none_or(|end| now < end);
        self.keys.iter().enumerate().filter(move |(_, (_, end))| active(end)).map(|(index, (key, _))| (index, &key[..]))
    }

    /// The verifier that has been told so.
    pub(crate) fn verifier(&self) -> Verifier {
        self.builder().build().unwrap_or_else(|error| panic!("{}: {error}", self.sender.name))
    }

    pub(crate) fn builder(&self) -> VerifierBuilder {
        let mut builder = Verifier::builder(self.sender.clone()).tolerance(self.tolerance);
        for (key, end) in &self.keys {
            let secret = self.secret(key);
            builder = match end {
                None => builder.secret(secret),
                Some(end) => builder.secret_until(secret, *end),
            };
        }
        builder = self.offsets.iter().fold(builder, |builder, offset| builder.utc_offset(*offset));
        if let Some(endpoint) = &self.endpoint {
            builder = builder.endpoint(endpoint);
        }
        if let Some(tenant) = &self.tenant {
            builder = builder.tenant(tenant);
        }
        if self.signs_url() {
            builder = builder.public_url(self.url.0);
        }
        if self.sender.scheme.remote().is_some() {
            builder = builder.webhook_id("hook-1");
        }
        builder
    }

    /// The secret as the sender writes it.
    pub(crate) fn secret(&self, key: &[u8]) -> Secret {
        let secret = match self.sender.scheme.secret {
            SecretEncoding::Raw => Secret::new(key),
            SecretEncoding::Base64 => Secret::decode(mac::base64(key), SecretEncoding::Base64),
            SecretEncoding::Hex => Secret::decode(mac::hex(key), SecretEncoding::Hex),
            other => Secret::decode(format!("whsec_{}", mac::base64(key)), other),
        };
        secret.unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) fn signs_url(&self) -> bool {
        use counterfoil::scheme::Part;
        let hmac = self.sender.scheme.hmac();
        hmac.is_some_and(|hmac| hmac.signed.iter().any(|part| matches!(part, Part::Url | Part::Path)))
    }

    pub(crate) fn has_json(&self) -> bool {
        self.sender.scheme.body != BodyForm::Opaque
    }

    /// The value of the header that holds that credential.
    pub(crate) fn credential(token: &Token, key: &[u8]) -> Vec<u8> {
        let rest = match token.encoding {
            TokenEncoding::Base64 => mac::base64(key).into_bytes(),
            _ => key.to_vec(),
        };
        [token.prefix.as_bytes(), &rest].concat()
    }
}
