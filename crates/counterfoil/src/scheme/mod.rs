//! How a sender signs, where its events keep their id, type and time, and how it retries: all as data.
//!
//! A [`Sender`] is one value. The engine reads it; nothing else in the crate knows any sender by name.
//! The values of the senders that ship with the crate are in [`senders`](crate::senders). Another sender
//! is another value:
//!
//! ```
//! use std::borrow::Cow;
//! use counterfoil::scheme::*;
//! use counterfoil::{Secret, Verifier};
//!
//! const TILL: Sender = Sender {
//!     name: Cow::Borrowed("till"),
//!     title: Cow::Borrowed("Till"),
//!     scheme: Scheme {
//!         signature: SignatureHeader {
//!             name: Cow::Borrowed("X-Till-Signature"),
//!             prefix: Cow::Borrowed("v1="),
//!             encoding: TagEncoding::Hex,
//!             separator: None,
//!         },
//!         signed: Cow::Borrowed(&[Part::Body]),
//!         timestamp: None,
//!         body: BodyForm::JsonObject,
//!         secret: counterfoil::SecretEncoding::Raw,
//!         unsigned: UnsignedHeaders { event: None, id: None },
//!     },
//!     envelope: Envelope {
//!         id: Some(Cow::Borrowed("/id")),
//!         event_type: Some(Cow::Borrowed("/type")),
//!         occurred_at: None,
//!         data: Some(Cow::Borrowed("/data")),
//!     },
//!     timing: Timing { deadline: None, retries: Retries::Unknown, retry_safe: None },
//!     events: Cow::Borrowed(&[]),
//! };
//!
//! let verifier = Verifier::builder(TILL).secret(Secret::new("till_secret_example")?).build()?;
//! # Ok::<(), counterfoil::ConfigError>(())
//! ```

use std::borrow::Cow;
use std::time::Duration;

use http::HeaderName;

use crate::time::TimestampFormat;
use crate::{ConfigError, Secret, SecretEncoding};

type Text = Cow<'static, str>;

/// Everything the receiver must know of one sender.
#[derive(Debug, Clone)]
pub struct Sender {
    /// The name in keys, logs, metrics and on the command line: lower case, words joined by `-`.
    pub name: Text,
    /// The name for people.
    pub title: Text,
    /// How deliveries are signed.
    pub scheme: Scheme,
    /// Where the signed body keeps what we read.
    pub envelope: Envelope,
    /// Deadline, retries and windows.
    pub timing: Timing,
    /// Event types known so far. The set is open: an unknown type is delivered like any other.
    pub events: Cow<'static, [EventInfo]>,
}

impl Sender {
    /// Takes the event id from `pointer` (RFC 6901) in the signed body instead of the sender's default,
    /// for senders whose users write the body's template.
    ///
    /// ```
    /// let sender = counterfoil::senders::ANGAGE.with_event_id_at("/delivery_id");
    /// assert_eq!(sender.envelope.id.as_deref(), Some("/delivery_id"));
    /// ```
    #[must_use]
    pub fn with_event_id_at(mut self, pointer: impl Into<Text>) -> Self {
        self.envelope.id = Some(pointer.into());
        self
    }

    /// A secret read in another way would silently make another key.
    pub(crate) fn check_secret(&self, secret: &Secret) -> Result<(), ConfigError> {
        let (wanted, given) = (self.scheme.secret, secret.encoding());
        if wanted == given {
            return Ok(());
        }
        Err(ConfigError::SecretEncoding { sender: self.name.clone().into_owned(), wanted, given })
    }
}

/// How a sender signs: which header, which form, which bytes.
#[derive(Debug, Clone)]
pub struct Scheme {
    /// Where the signature is and how it is written.
    pub signature: SignatureHeader,
    /// The bytes under the HMAC-SHA256, in order.
    pub signed: Cow<'static, [Part]>,
    /// Where the signed time is; `None` where the sender signs none.
    pub timestamp: Option<TimestampSource>,
    /// What the body must be.
    pub body: BodyForm,
    /// How the sender writes its secret.
    pub secret: SecretEncoding,
    /// Headers outside the signature that say something about the event.
    pub unsigned: UnsignedHeaders,
}

/// The header that carries the signature.
#[derive(Debug, Clone)]
pub struct SignatureHeader {
    /// Its name, as the sender's documents write it.
    pub name: Text,
    /// The exact text before each tag; empty where there is none.
    pub prefix: Text,
    /// How the tag's 32 bytes are written.
    pub encoding: TagEncoding,
    /// What separates several signatures in one value, a visible ASCII character or a space; `None` where there
    /// is exactly one. Two header lines are refused in either case: senders that sign twice do so in one line.
    pub separator: Option<char>,
}

/// How the bytes of a tag are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TagEncoding {
    /// 64 hex digits of either case.
    Hex,
    /// Standard base64 with padding.
    Base64,
}

/// One part of the signed content.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// The text of the timestamp header, exactly as received.
    Timestamp,
    /// Fixed bytes.
    Literal(Text),
    /// The body, exactly as received.
    Body,
}

/// Where the signed time is.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum TimestampSource {
    /// In a header that is part of the signed content.
    Header {
        /// The header's name.
        name: Text,
        /// The form of its text.
        format: TimestampFormat,
    },
    /// In the signed body.
    Body {
        /// Pointer to the member, as in [`Envelope`]: a string, or a number for the Unix forms.
        pointer: Text,
        /// The form of its text.
        format: TimestampFormat,
    },
}

impl TimestampSource {
    /// The form of the time's text.
    #[must_use]
    pub const fn format(&self) -> TimestampFormat {
        match self {
            Self::Header { format, .. } | Self::Body { format, .. } => *format,
        }
    }
}

/// What a verified body must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodyForm {
    /// One JSON object and nothing else, white space aside.
    JsonObject,
    /// One JSON value and nothing else, white space aside.
    Json,
    /// Any bytes; nothing is read from them.
    Opaque,
}

/// Headers outside the signature. They are shown to people and checked for contradiction, and never
/// decide anything: whoever captured one request can change them.
#[derive(Debug, Clone)]
pub struct UnsignedHeaders {
    /// Repeats the event type.
    pub event: Option<Text>,
    /// Some id of the delivery or the subscription.
    pub id: Option<Text>,
}

/// Pointers into the signed body: RFC 6901, each token the name of a member of an object. Elements of arrays
/// cannot be pointed at.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// The event's id. `None`: the key is the digest of the body.
    pub id: Option<Text>,
    /// The event's type.
    pub event_type: Option<Text>,
    /// When the event happened, RFC 3339.
    pub occurred_at: Option<Text>,
    /// The event's own data. `None`: the whole body.
    pub data: Option<Text>,
}

/// Deadline, retries and windows of a sender.
#[derive(Debug, Clone)]
pub struct Timing {
    /// How long the sender waits for the answer; `None` where it does not say.
    pub deadline: Option<Duration>,
    /// What the sender does after a failure.
    pub retries: Retries,
    /// How old a signed time may be for the last automatic retry to be accepted; `None` where the sender
    /// signs no time.
    pub retry_safe: Option<Duration>,
}

/// What a sender does after a failed delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Retries {
    /// Nothing: a failed delivery is lost.
    Never,
    /// Only when a person presses a button, at any time.
    Manual,
    /// Not known.
    Unknown,
    /// Automatic retries, each after the given wait from the attempt before it.
    After(Cow<'static, [Duration]>),
}

impl Retries {
    /// The time from the first attempt to the last automatic one; `None` where there is no such bound.
    #[must_use]
    pub fn horizon(&self) -> Option<Duration> {
        match self {
            Self::Never => Some(Duration::ZERO),
            Self::After(waits) => Some(waits.iter().sum()),
            Self::Manual | Self::Unknown => None,
        }
    }
}

/// One event type of a sender's catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventInfo {
    /// The exact string.
    pub name: Text,
    /// How far to trust it.
    pub source: EventSource,
}

impl EventInfo {
    /// A type that the sender's documentation lists.
    #[must_use]
    pub const fn documented(name: &'static str) -> Self {
        Self { name: Cow::Borrowed(name), source: EventSource::Documented }
    }

    /// A type that the sender's shipped code sends.
    #[must_use]
    pub const fn shipped(name: &'static str) -> Self {
        Self { name: Cow::Borrowed(name), source: EventSource::Shipped }
    }

    /// A type seen only in a mock-up or in somebody else's integration.
    #[must_use]
    pub const fn unconfirmed(name: &'static str) -> Self {
        Self { name: Cow::Borrowed(name), source: EventSource::Unconfirmed }
    }
}

/// Where an event type is known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventSource {
    /// The sender's own documentation lists it.
    Documented,
    /// The sender's shipped code sends it.
    Shipped,
    /// Seen only in a mock-up or in somebody else's integration.
    Unconfirmed,
}

/// A scheme with its header names parsed and its rules checked.
#[derive(Debug)]
pub(crate) struct CheckedScheme {
    pub(crate) signature: HeaderName,
    pub(crate) timestamp: Option<(HeaderName, TimestampFormat)>,
    pub(crate) event: Option<HeaderName>,
    pub(crate) id: Option<HeaderName>,
}

impl Scheme {
    /// Checks the rules that keep one signature from fitting two different requests.
    pub(crate) fn check(&self) -> Result<CheckedScheme, ConfigError> {
        if self.signed.iter().filter(|part| **part == Part::Body).count() != 1 {
            return Err(ConfigError::Scheme { reason: "the signed content must hold the body exactly once" });
        }
        if self.signature.separator.is_some_and(|separator| separator != ' ' && !separator.is_ascii_graphic()) {
            return Err(ConfigError::Scheme { reason: "the separator is not a visible ASCII character or a space" });
        }
        let prefix = &self.signature.prefix;
        if !prefix.chars().all(|char| char.is_ascii_graphic() || char == ' ') || prefix.starts_with(' ') {
            return Err(ConfigError::Scheme { reason: "the prefix cannot stand at the beginning of a header's value" });
        }
        if self.signature.separator.is_some_and(|separator| prefix.contains(separator)) {
            return Err(ConfigError::Scheme { reason: "the prefix holds the separator" });
        }
        let stamps = self.signed.iter().filter(|part| **part == Part::Timestamp).count();
        let header_time = matches!(self.timestamp, Some(TimestampSource::Header { .. }));
        if stamps > 1 || (stamps == 1) != header_time {
            return Err(ConfigError::Scheme {
                reason: "a timestamp header and `Part::Timestamp` go together: an unsigned time proves nothing",
            });
        }
        for pair in self.signed.windows(2) {
            let variable = pair.iter().all(|part| !matches!(part, Part::Literal(_)));
            let guarded = pair == [Part::Timestamp, Part::Body] && self.body == BodyForm::JsonObject;
            if variable && !guarded {
                return Err(ConfigError::Scheme {
                    reason: "two variable parts need a literal between them, or bytes slide from one to the other",
                });
            }
        }
        if self.signed.iter().any(|part| matches!(part, Part::Literal(text) if text.is_empty())) {
            return Err(ConfigError::Scheme { reason: "an empty literal separates nothing" });
        }
        if self.body == BodyForm::Opaque && matches!(self.timestamp, Some(TimestampSource::Body { .. })) {
            return Err(ConfigError::Scheme { reason: "no time can be read from an opaque body" });
        }
        let timestamp = match &self.timestamp {
            Some(TimestampSource::Header { name, format }) => Some((header(name)?, *format)),
            _ => None,
        };
        if timestamp.as_ref().is_some_and(|(name, _)| self.signature.name.eq_ignore_ascii_case(name.as_str())) {
            return Err(ConfigError::Scheme { reason: "signature and timestamp cannot be in one header" });
        }
        Ok(CheckedScheme {
            signature: header(&self.signature.name)?,
            timestamp,
            event: self.unsigned.event.as_deref().map(header).transpose()?,
            id: self.unsigned.id.as_deref().map(header).transpose()?,
        })
    }
}

fn header(name: &str) -> Result<HeaderName, ConfigError> {
    HeaderName::try_from(name).map_err(|_| ConfigError::HeaderName { name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::senders;

    fn signed(parts: Vec<Part>, body: BodyForm) -> Result<CheckedScheme, ConfigError> {
        let mut scheme = senders::AGILED.scheme;
        scheme.signed = parts.into();
        scheme.body = body;
        scheme.check()
    }

    #[test]
    fn t29_bytes_cannot_slide_between_variable_parts() {
        use Part::{Body, Literal, Timestamp};
        let dot = || Literal(".".into());
        assert!(signed(vec![Timestamp, dot(), Body], BodyForm::Opaque).is_ok());
        assert!(signed(vec![Timestamp, Body], BodyForm::JsonObject).is_ok());
        for parts in [
            vec![Body, Timestamp],
            vec![Timestamp, Timestamp, Body],
            vec![Timestamp, dot(), Body, Body],
            vec![Timestamp],
            vec![Body],
            vec![Timestamp, Literal("".into()), Body],
        ] {
            assert!(signed(parts.clone(), BodyForm::JsonObject).is_err(), "{parts:?}");
        }
        for body in [BodyForm::Json, BodyForm::Opaque] {
            assert!(signed(vec![Timestamp, Body], body).is_err(), "{body:?}");
        }
    }

    #[test]
    fn a_separator_can_stand_in_a_header() {
        let with = |separator| {
            let mut scheme = senders::AGILED.scheme;
            scheme.signature.separator = Some(separator);
            scheme.check()
        };
        for separator in [',', ' ', ';'] {
            assert!(with(separator).is_ok(), "{separator:?}");
        }
        for separator in ['é', '，', '\n', '\0', '\t'] {
            assert!(with(separator).is_err(), "{separator:?}");
        }
    }

    #[test]
    fn every_sender_passes_its_own_rules() {
        for sender in &senders::ALL {
            sender.scheme.check().unwrap_or_else(|error| panic!("{}: {error}", sender.name));
        }
    }
}
