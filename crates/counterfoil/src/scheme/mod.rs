//! How a sender proves itself, where its events keep their id, type and time, and how it retries: all as data.
//!
//! A [`Sender`] is one value. The engine reads it; nothing else in the crate knows any sender by name.
//! The values of the senders that ship with the crate are in [`senders`](crate::senders). Another sender
//! is another value, or a few lines of TOML ([`senders::from_toml`](crate::senders)):
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
//!         check: Check::Hmac(Hmac {
//!             hash: Hash::Sha256,
//!             signature: SignatureHeader {
//!                 name: Cow::Borrowed("X-Till-Signature"),
//!                 prefix: Cow::Borrowed("v1="),
//!                 encoding: TagEncoding::Hex,
//!                 separator: None,
//!             },
//!             signed: Cow::Borrowed(&[Part::Body]),
//!             timestamp: None,
//!         }),
//!         secret: counterfoil::SecretEncoding::Raw,
//!         body: BodyForm::JsonObject,
//!         unsigned: UnsignedHeaders { event: None, id: None },
//!         challenge: None,
//!     },
//!     envelope: Envelope {
//!         id: Some(IdSource::Body(Cow::Borrowed(&[Cow::Borrowed("/id")]))),
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

mod check;
mod events;
mod rules;
mod timing;

use std::borrow::Cow;

pub use check::{
    Check, Hash, Hmac, Part, Remote, RemoteOutcome, SignatureHeader, TagEncoding, TimestampSource, Token, TokenEncoding,
};
pub use events::{EventInfo, EventSource};
pub use timing::{Retries, Timing};

pub(crate) use rules::{CheckedScheme, SignedHeader, StampPlace};

use crate::{ConfigError, Secret, SecretEncoding};

type Text = Cow<'static, str>;

/// The members of one body that can make up an id together.
pub const MAX_ID_MEMBERS: usize = 4;

/// Everything the receiver must know of one sender.
#[derive(Debug, Clone)]
pub struct Sender {
    /// The name in keys, logs, metrics and on the command line: lower case, words joined by `-`.
    pub name: Text,
    /// The name for people.
    pub title: Text,
    /// How deliveries prove where they come from.
    pub scheme: Scheme,
    /// Where the body keeps what we read.
    pub envelope: Envelope,
    /// Deadline, retries and windows.
    pub timing: Timing,
    /// Event types known so far. The set is open: an unknown type is delivered like any other.
    pub events: Cow<'static, [EventInfo]>,
}

impl Sender {
    /// Takes the event id from `pointer` (RFC 6901) in the body instead of the sender's default, for senders
    /// whose users write the body's template.
    ///
    /// ```
    /// let sender = counterfoil::senders::ANGAGE.with_event_id_at("/delivery_id");
    /// assert_eq!(sender.envelope.id_pointers(), ["/delivery_id"]);
    /// ```
    #[must_use]
    pub fn with_event_id_at(self, pointer: impl Into<Text>) -> Self {
        self.with_event_id_from([pointer])
    }

    /// Makes the event id of several members together, at most [`MAX_ID_MEMBERS`], for senders that give no event
    /// an id of its own. Each member must be fit to be an id by itself.
    ///
    /// ```
    /// let sender = counterfoil::senders::AGENCYHANDY.with_event_id_from(["/event", "/_id", "/updatedAt"]);
    /// assert_eq!(sender.envelope.id_pointers().len(), 3);
    /// ```
    #[must_use]
    pub fn with_event_id_from<P: Into<Text>>(mut self, pointers: impl IntoIterator<Item = P>) -> Self {
        self.envelope.id = Some(IdSource::Body(pointers.into_iter().map(Into::into).collect()));
        self
    }

    /// Reads the event's type at `pointer` (RFC 6901) in the body instead of the sender's default.
    #[must_use]
    pub fn with_event_type_at(mut self, pointer: impl Into<Text>) -> Self {
        self.envelope.event_type = Some(pointer.into());
        self
    }

    /// Proves deliveries by `check` instead of the sender's default, for senders that let their users choose.
    ///
    /// # Security
    /// With [`Check::Token`] nothing in the body is signed: see there.
    ///
    /// ```
    /// use counterfoil::scheme::Check;
    ///
    /// let sender = counterfoil::senders::ANGAGE.with_check(Check::bearer());
    /// assert_eq!(sender.scheme.header(), Some("Authorization"));
    /// ```
    #[must_use]
    pub fn with_check(mut self, check: Check) -> Self {
        self.scheme.check = check;
        self
    }

    /// Takes every delivery for proven.
    ///
    /// # Security
    /// Whoever can reach the address decides what happened. Only for an address that nobody else can reach.
    #[must_use]
    pub fn insecure_unsigned(self) -> Self {
        self.with_check(Check::InsecureUnsigned)
    }

    /// A secret read in another way would silently make another key.
    pub(crate) fn check_secret(&self, secret: &Secret) -> Result<(), ConfigError> {
        let (wanted, given) = (self.scheme.secret, secret.encoding());
        if wanted != given {
            return Err(ConfigError::SecretEncoding { sender: self.name.clone().into_owned(), wanted, given });
        }
        let reason = match &self.scheme.check {
            Check::Token(Token { encoding: TokenEncoding::Base64, .. }) if !secret.bytes().contains(&b':') => {
                "with basic authentication it is `user:password`"
            }
            Check::Remote(_) if std::str::from_utf8(secret.bytes()).is_err() => {
                "it is sent as text, and this one is not UTF-8"
            }
            _ => return Ok(()),
        };
        Err(ConfigError::SecretUnfit { sender: self.name.clone().into_owned(), reason })
    }
}

/// How a sender proves its deliveries, and what they look like.
#[derive(Debug, Clone)]
pub struct Scheme {
    /// What proves a delivery.
    pub check: Check,
    /// How the sender writes its secret.
    pub secret: SecretEncoding,
    /// What the body must be.
    pub body: BodyForm,
    /// Headers outside the signature that say something about the event.
    pub unsigned: UnsignedHeaders,
    /// How the sender makes sure that the address is ours; `None` where it does not ask.
    pub challenge: Option<Challenge>,
}

impl Scheme {
    /// The signature, where there is one that we check ourselves.
    #[must_use]
    pub const fn hmac(&self) -> Option<&Hmac> {
        match &self.check {
            Check::Hmac(hmac) => Some(hmac),
            _ => None,
        }
    }

    /// How the sender's endpoint is asked, where nobody else can check.
    #[must_use]
    pub const fn remote(&self) -> Option<&Remote> {
        match &self.check {
            Check::Remote(remote) => Some(remote),
            _ => None,
        }
    }

    /// Where the signed time is; `None` where the sender signs none.
    #[must_use]
    pub fn timestamp(&self) -> Option<&TimestampSource> {
        self.hmac()?.timestamp.as_ref()
    }

    /// The header that carries the signature or the credential.
    #[must_use]
    pub fn header(&self) -> Option<&str> {
        match &self.check {
            Check::Hmac(hmac) => Some(&hmac.signature.name),
            Check::Token(token) => Some(&token.header),
            Check::Remote(remote) => Some(&remote.header),
            Check::InsecureUnsigned => None,
        }
    }
}

/// What a verified body must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BodyForm {
    /// One JSON object and nothing else, white space aside.
    #[default]
    JsonObject,
    /// One JSON value and nothing else, white space aside.
    Json,
    /// Any bytes; nothing is read from them.
    Opaque,
}

/// Headers outside the signature. They are shown to people and checked for contradiction, and never
/// decide anything: whoever captured one request can change them.
#[derive(Debug, Clone, Default)]
pub struct UnsignedHeaders {
    /// Repeats the event type, or is the only place that has it.
    pub event: Option<Text>,
    /// Some id of the delivery or the subscription.
    pub id: Option<Text>,
}

/// How a sender asks whether an address is ours. The answer echoes a text that it sent, as plain text, and is
/// given before any store is asked.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Challenge {
    /// A delivery, proven like every other, whose body says that it is a challenge.
    Body {
        /// Pointer to the text to echo.
        text: Text,
        /// Pointer to the member that tells a challenge from an event.
        at: Text,
        /// The text of that member in a challenge.
        is: Text,
    },
    /// A GET or POST with this query parameter, proven by nothing.
    Query {
        /// The parameter whose value is echoed.
        parameter: Text,
    },
}

/// Pointers into the body: RFC 6901, each token the name of a member of an object. Elements of arrays cannot be
/// pointed at.
#[derive(Debug, Clone, Default)]
pub struct Envelope {
    /// The event's id. `None`: the key is the digest of the body.
    pub id: Option<IdSource>,
    /// The event's type.
    pub event_type: Option<Text>,
    /// When the event happened: RFC 3339, or Unix seconds or milliseconds.
    pub occurred_at: Option<Text>,
    /// The event's own data. `None`: the whole body.
    pub data: Option<Text>,
}

impl Envelope {
    /// The pointers that make up the id; none where it is in a header, or where there is none.
    #[must_use]
    pub fn id_pointers(&self) -> &[Text] {
        match &self.id {
            Some(IdSource::Body(pointers)) => pointers,
            _ => &[],
        }
    }
}

/// Where an event's id is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdSource {
    /// In these members of the body, all of them together, 1 to [`MAX_ID_MEMBERS`].
    Body(Cow<'static, [Text]>),
    /// In this header, which is part of the signed content.
    Header(Text),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::senders;

    #[test]
    fn a_secret_is_taken_in_the_form_in_which_its_sender_writes_it() {
        let refused = |sender: &Sender, secret: &Secret| sender.check_secret(secret).err();
        let raw = Secret::new("no colon in here").unwrap();
        let with_colon = Secret::new("user:password").unwrap();
        let bytes = Secret::new([0xff, 0xfe, 0x3a]).unwrap();
        let decoded = Secret::decode("c2VjcmV0", SecretEncoding::Base64).unwrap();
        let (basic, bearer) = (senders::ANGAGE.with_check(Check::basic()), senders::ANGAGE.with_check(Check::bearer()));
        for sender in [&senders::HANDL, &basic, &bearer, &senders::AGENCYHANDY] {
            assert!(matches!(refused(sender, &decoded), Some(ConfigError::SecretEncoding { .. })), "{}", sender.name);
            assert!(refused(sender, &with_colon).is_none(), "{}", sender.name);
        }
        assert!(matches!(refused(&basic, &raw), Some(ConfigError::SecretUnfit { .. })));
        assert!(refused(&basic, &bytes).is_none());
        assert!(matches!(refused(&senders::AGENCYHANDY, &bytes), Some(ConfigError::SecretUnfit { .. })));
        for sender in [&senders::HANDL, &bearer] {
            assert!(refused(sender, &raw).is_none() && refused(sender, &bytes).is_none(), "{}", sender.name);
        }
    }

    #[test]
    fn a_scheme_knows_what_proves_a_delivery() {
        let of = |sender: &Sender| {
            let scheme = &sender.scheme;
            let timestamp = scheme.timestamp().map(TimestampSource::format);
            (scheme.header().map(str::to_owned), scheme.hmac().is_some(), scheme.remote().is_some(), timestamp)
        };
        let header = |name: &str| Some(name.to_owned());
        let any = Some(crate::time::TimestampFormat::UnixOrRfc3339);
        assert_eq!(of(&senders::AGILED), (header("X-Agiled-Webhook-Signature"), true, false, any));
        assert_eq!(of(&senders::AGENCYHANDY), (header("x-ah-sig"), false, true, None));
        let bearer = senders::AGILED.with_check(Check::bearer());
        assert_eq!(of(&bearer), (header("Authorization"), false, false, None));
        assert_eq!(of(&senders::AGILED.insecure_unsigned()), (None, false, false, None));
        assert_eq!([Hash::Sha256, Hash::Sha512, Hash::InsecureSha1].map(Hash::width), [32, 64, 20]);
    }

    #[test]
    fn an_envelope_tells_its_pointers() {
        let pointers = |id| Envelope { id, ..Envelope::default() }.id_pointers().to_vec();
        assert_eq!(
            pointers(Some(IdSource::Body(Cow::Borrowed(&[Cow::Borrowed("/a"), Cow::Borrowed("/b")])))),
            ["/a", "/b"]
        );
        assert!(pointers(Some(IdSource::Header("X-Id".into()))).is_empty());
        assert!(pointers(None).is_empty());
    }

    #[test]
    fn retries_end_at_their_horizon_where_they_have_one() {
        use std::time::Duration;
        let waits = [60, 300].map(Duration::from_secs);
        assert_eq!(Retries::After(waits.to_vec().into()).horizon(), Some(Duration::from_secs(360)));
        assert_eq!(Retries::Never.horizon(), Some(Duration::ZERO));
        assert_eq!((Retries::Manual.horizon(), Retries::Unknown.horizon()), (None, None));
    }
}
