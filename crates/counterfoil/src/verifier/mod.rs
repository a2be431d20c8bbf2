//! Proves that a delivery came from its sender: stages 1 to 6 of the way through, synchronous and pure.
//!
//! A delivery is accepted exactly when
//!
//! 1. the signature header is there once and of the scheme's form, and so is the timestamp header, if the
//!    scheme has one;
//! 2. one of the active secrets makes that signature over the signed content, byte for byte as received;
//! 3. the body is of the scheme's form, its id can be a key, and no unsigned header contradicts it;
//! 4. the signed time lies within the tolerance.
//!
//! The first that fails is the answer. Nothing is parsed from the body before the signature has matched.
//!
//! ```
//! use counterfoil::{senders, RejectionKind, Secret, Verifier};
//!
//! let verifier = Verifier::builder(senders::HANDL).secret(Secret::new("whsec_example_0123")?).build()?;
//!
//! let refused = verifier.verify(&http::HeaderMap::new(), "{}").unwrap_err();
//! assert_eq!(refused.kind(), RejectionKind::SignatureMissing);
//! # Ok::<(), counterfoil::ConfigError>(())
//! ```
//!
//! Rotation, where the old secret is accepted until its end by our clock:
//!
//! ```
//! use std::time::Duration;
//! use counterfoil::{senders, Clock, Secret, SystemClock, Verifier};
//!
//! let verifier = Verifier::builder(senders::AGILED)
//!     .secret(Secret::new("agiled_secret_new")?)
//!     .secret_until(Secret::new("agiled_secret_old")?, SystemClock.now() + Duration::from_secs(3600))
//!     .build()?;
//! # Ok::<(), counterfoil::ConfigError>(())
//! ```
//!
//! Whatever rewrites or decompresses the body before it gets here breaks the signature.

mod body;
mod builder;
mod head;
mod presented;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};

pub use builder::VerifierBuilder;
pub use presented::{Presented, Stale, Verified};

use builder::build_keys;
use head::{Stamp, Tags, feed};

use crate::delivery::{Facts, Slices};
use crate::event::{EventReader, Found, Members, decode_string};
use crate::idempotency::{Fingerprint, IdempotencyKey, KeySpace, Scope};
use crate::scheme::{CheckedScheme, Part, Sender, TimestampSource};
use crate::signature::{MacKey, Macs, Tag};
use crate::time::{Clock, Judged, SystemClock, TimestampFormat, TimestampText, Window};
use crate::{ConfigError, Delivery, EventId, Rejection, Secret};

/// Rotation needs two; four leave room for one that went wrong. Every further secret costs one more hash of
/// every unauthenticated body.
pub const MAX_SECRETS: usize = 4;

/// The entries of a signature list that are tried. Every further one would be work for strangers.
pub const MAX_SIGNATURES: usize = 16;

/// Verifies deliveries of one sender to one endpoint. Cheap to clone; clones share their secrets.
#[derive(Clone)]
pub struct Verifier {
    config: Arc<Config>,
}

struct Config {
    sender: Sender,
    name: Arc<str>,
    endpoint: Arc<str>,
    scheme: CheckedScheme,
    /// The form of the signature header in words, for rejections.
    form: Arc<str>,
    /// Where the signed time is, for rejections.
    timestamp_place: Arc<str>,
    reader: EventReader,
    window: Option<Window>,
    key_space: KeySpace,
    keys: RwLock<Keys>,
    /// Counts the replacements of `keys`, so that a request can tell without the lock that there was none.
    generation: AtomicU64,
}

/// What makes a delivery the event that it is.
struct Identity {
    event_id: Option<EventId>,
    key: IdempotencyKey,
    fingerprint: Option<Fingerprint>,
}

/// What stage 5 makes of a signed time that does not lie ahead.
enum Freshness {
    /// `None` where there is none, or where its true value cannot be known.
    Fresh(Option<SystemTime>),
    /// Older than the window by this age.
    Stale(Duration),
}

/// One immutable set of secrets. A request that sees it replaced before its verdict begins again with the new
/// one.
type Keys = Arc<[Key]>;

struct Key {
    mac: MacKey,
    until: Option<SystemTime>,
}

impl Key {
    fn is_active(&self, now: SystemTime) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

impl Verifier {
    /// Starts a verifier for `sender`.
    pub fn builder(sender: Sender) -> VerifierBuilder {
        VerifierBuilder::new(sender)
    }

    /// Verifies one delivery as of now.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn verify(&self, headers: &HeaderMap, body: impl Into<Bytes>) -> Result<Delivery, Rejection> {
        self.verify_at(headers, body, SystemClock.now())
    }

    /// Verifies one delivery as of `now`.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn verify_at(
        &self,
        headers: &HeaderMap,
        body: impl Into<Bytes>,
        now: SystemTime,
    ) -> Result<Delivery, Rejection> {
        let mut presented = self.present(headers, now)?;
        presented.push(body.into());
        match presented.finish(headers, now)? {
            Verified::Fresh(delivery) => Ok(delivery),
            Verified::Stale(stale) => Err(stale.into_rejection()),
        }
    }

    /// Checks the head alone, before one byte of the body is read.
    ///
    /// # Errors
    /// The signature or timestamp header is absent, repeated or malformed.
    pub fn present(&self, headers: &HeaderMap, now: SystemTime) -> Result<Presented, Rejection> {
        Presented::new(self.clone(), headers, now)
    }

    /// Replaces the secrets while running. Requests that began with a secret which is no longer among them
    /// are refused too.
    ///
    /// # Errors
    /// No secret, too many, or only ended ones.
    pub fn set_secrets(
        &self,
        secrets: impl IntoIterator<Item = (Secret, Option<SystemTime>)>,
        now: SystemTime,
    ) -> Result<(), ConfigError> {
        let secrets: Vec<_> = secrets.into_iter().collect();
        let keys = build_keys(&self.config.sender, &secrets, Some(now))?;
        *self.config.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        self.config.generation.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    /// The sender.
    #[must_use]
    pub fn sender(&self) -> &Sender {
        &self.config.sender
    }

    /// Our name for the address that the sender was given.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.config.endpoint
    }

    /// The part of the store that its events live in.
    #[must_use]
    pub fn scope(&self) -> Scope {
        self.config.key_space.scope()
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.config.name
    }

    pub(crate) fn endpoint_name(&self) -> &Arc<str> {
        &self.config.endpoint
    }

    pub(crate) fn window(&self) -> Option<&Window> {
        self.config.window.as_ref()
    }

    pub(crate) fn assert(&self, body: Bytes, now: SystemTime) -> Result<Delivery, Rejection> {
        let config = &*self.config;
        let members = config.read_event(&body)?;
        let identity = config.identify(&members, &body)?;
        // An assertion is of any age: only a time that is fresh can be corrected to UTC.
        let signed_at = match config.judge(&members, None, now) {
            Ok(Freshness::Fresh(signed_at)) => signed_at,
            Ok(Freshness::Stale(_)) | Err(_) => None,
        };
        let facts = Facts { signed_at, ..config.facts(&members, identity, now) };
        let slices = config.slices(&members, &body);
        Ok(Delivery::new(facts, body, slices))
    }

    fn generation(&self) -> u64 {
        self.config.generation.load(Ordering::SeqCst)
    }

    fn keys(&self) -> Keys {
        self.config.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("sender", &self.config.name)
            .field("endpoint", &self.config.endpoint)
            .field("window", &self.config.window)
            .finish_non_exhaustive()
    }
}

impl Config {
    /// Stage 1, the signature header.
    fn read_tags(&self, headers: &HeaderMap) -> Result<Tags, Rejection> {
        let header = &self.scheme.signature;
        let malformed = || Rejection::SignatureMalformed { header: header.clone(), form: self.form.clone() };
        let mut values = headers.get_all(header).iter();
        let value = values.next().ok_or_else(|| Rejection::SignatureMissing { header: header.clone() })?.as_bytes();
        if values.next().is_some() {
            return Err(Rejection::SignatureRepeated { header: header.clone() });
        }
        let form = &self.sender.scheme.signature;
        let decode = |entry: &[u8]| Tag::decode(entry.strip_prefix(form.prefix.as_bytes())?, form.encoding);
        let Some(separator) = form.separator else {
            return decode(value).map(Tags::one).ok_or_else(malformed);
        };
        let mut entries = value.split(|byte| char::from(*byte) == separator).take(MAX_SIGNATURES).filter_map(decode);
        let first = entries.next().ok_or_else(malformed)?;
        Ok(Tags { first, rest: entries.collect() })
    }

    /// Stage 1, the timestamp header.
    fn read_stamp(&self, headers: &HeaderMap) -> Result<Option<Stamp>, Rejection> {
        let Some((header, format)) = &self.scheme.timestamp else { return Ok(None) };
        let place = || self.timestamp_place.clone();
        let mut values = headers.get_all(header).iter();
        let value = values.next().ok_or_else(|| Rejection::TimestampMissing { place: place() })?;
        if values.next().is_some() {
            return Err(Rejection::TimestampRepeated { place: place() });
        }
        let read = |value: &HeaderValue| {
            let text = value.to_str().ok()?;
            Some(Stamp { text: TimestampText::new(text)?, at: format.parse(text)? })
        };
        read(value).map(Some).ok_or_else(|| Rejection::TimestampMalformed { place: place() })
    }

    fn feed_before_body(&self, macs: &mut Macs, stamp: Option<&Stamp>) {
        let parts = self.sender.scheme.signed.iter().take_while(|part| **part != Part::Body);
        feed(macs, parts, stamp);
    }

    fn feed_after_body(&self, macs: &mut Macs, stamp: Option<&Stamp>) {
        let parts = self.sender.scheme.signed.iter().skip_while(|part| **part != Part::Body).skip(1);
        feed(macs, parts, stamp);
    }

    /// Stage 4: checks the whole body and finds the event's members.
    fn read_event<'a>(&self, body: &'a [u8]) -> Result<Members<'a>, Rejection> {
        self.reader.read(body).map_err(|expected| Rejection::BodyNotAnObject { expected })
    }

    /// The event's id, its key, and its body's fingerprint where the key took the body's digest anyway.
    fn identify(&self, members: &Members<'_>, body: &[u8]) -> Result<Identity, Rejection> {
        let Some(pointer) = self.reader.id_pointer() else {
            let (key, fingerprint) = self.key_space.key_of_body(body);
            return Ok(Identity { event_id: None, key, fingerprint: Some(fingerprint) });
        };
        let id = members.id().map_err(|reason| Rejection::EventIdInvalid { pointer: pointer.text.clone(), reason })?;
        let key = self.key_space.key_of_id(&id);
        Ok(Identity { event_id: Some(id), key, fingerprint: None })
    }

    /// The signed time as the sender wrote it, from the header or the body.
    fn signed_at(&self, members: &Members<'_>, stamp: Option<&Stamp>) -> Result<Option<SystemTime>, Rejection> {
        if let Some(stamp) = stamp {
            return Ok(Some(stamp.at));
        }
        let Some(TimestampSource::Body { format, .. }) = self.sender.scheme.timestamp else { return Ok(None) };
        let place = || self.timestamp_place.clone();
        match members.signed_at() {
            Found::Absent => Err(Rejection::TimestampMissing { place: place() }),
            Found::Repeated => Err(Rejection::TimestampRepeated { place: place() }),
            Found::Once(raw) => {
                read_member_time(raw, format).map(Some).ok_or_else(|| Rejection::TimestampMalformed { place: place() })
            }
        }
    }

    /// Stage 5.
    fn judge(&self, members: &Members<'_>, stamp: Option<&Stamp>, now: SystemTime) -> Result<Freshness, Rejection> {
        let (Some(signed), Some(window)) = (self.signed_at(members, stamp)?, &self.window) else {
            return Ok(Freshness::Fresh(None));
        };
        match window.judge(signed, now) {
            Judged::Fresh(signed_at) => Ok(Freshness::Fresh(signed_at)),
            Judged::Stale(age) => Ok(Freshness::Stale(age)),
            Judged::Future(ahead) => Err(Rejection::TimestampFuture { ahead, future: window.future }),
        }
    }

    /// What a delivery gives out later, as slices of the body.
    fn slices(&self, members: &Members<'_>, body: &Bytes) -> Slices {
        let slice = |raw: &str| body.slice_ref(raw.as_bytes());
        let data = match members.data() {
            None if !self.reader.has_data_pointer() => Some(body.clone()),
            data => data.map(slice),
        };
        Slices { data, occurred_at: members.occurred_at().map(slice) }
    }

    fn facts(
        &self,
        members: &Members<'_>,
        Identity { event_id, key, fingerprint }: Identity,
        now: SystemTime,
    ) -> Facts {
        Facts {
            sender: self.name.clone(),
            endpoint: self.endpoint.clone(),
            event_id,
            event_type: members.event_type().map(Box::from),
            signed_at: None,
            received_at: now,
            unsigned_id: None,
            secret_index: None,
            scope: self.key_space.scope(),
            key,
            fingerprint,
        }
    }
}

fn read_member_time(raw: &str, format: TimestampFormat) -> Option<SystemTime> {
    match format {
        TimestampFormat::UnixSeconds | TimestampFormat::SiteUnixSeconds => format.parse(raw),
        TimestampFormat::Rfc3339 => format.parse(&decode_string(raw)?),
        TimestampFormat::UnixOrRfc3339 => match decode_string(raw) {
            Some(text) => TimestampFormat::Rfc3339.parse(&text),
            None => format.parse(raw),
        },
    }
}
