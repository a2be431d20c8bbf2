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

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};

use crate::delivery::Facts;
use crate::event::{EventReader, Found, Members, decode_string};
use crate::idempotency::{Address, IdempotencyKey, Scope};
use crate::scheme::{CheckedScheme, Part, Sender, TagEncoding, TimestampSource};
use crate::signature::{Mac, MacKey, Tag};
use crate::time::{
    Clock, FUTURE, Freshness, STRICT_PAST, SystemClock, TimestampFormat, TimestampText, Tolerance, UtcOffset, Window,
    parse_rfc3339,
};
use crate::{ConfigError, Delivery, Rejection, Secret};

/// Rotation needs two; four leave room for one that went wrong. Every further secret costs one more hash of
/// every unauthenticated body.
pub const MAX_SECRETS: usize = 4;

/// The entries of a signature list that are tried. Every further one would be work for strangers.
pub const MAX_SIGNATURES: usize = 16;

/// What is kept of an unsigned id header.
const MAX_UNSIGNED_ID_BYTES: usize = 255;

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
    scope: Scope,
    keys: RwLock<Keys>,
}

/// One immutable set of secrets. A request keeps the set that it started with.
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
        VerifierBuilder { sender, endpoint: None, secrets: Vec::new(), tolerance: None, offsets: Vec::new() }
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
        let body = body.into();
        let mut presented = self.present(headers, now)?;
        presented.update(&body);
        match presented.finish(body, now)? {
            Verified::Fresh(delivery) => Ok(delivery),
            Verified::Stale(stale) => Err(stale.into_rejection()),
        }
    }

    /// Checks the head alone, before one byte of the body is read.
    ///
    /// # Errors
    /// The signature or timestamp header is absent, repeated or malformed.
    pub fn present(&self, headers: &HeaderMap, now: SystemTime) -> Result<Presented, Rejection> {
        let config = &*self.config;
        let tags = config.read_tags(headers)?;
        let stamp = config.read_stamp(headers)?;
        let keys = self.keys();
        let mut macs: Macs =
            std::array::from_fn(|index| keys.get(index).filter(|key| key.is_active(now)).map(|key| key.mac.begin()));
        config.feed_before_body(&mut macs, stamp.as_ref());
        Ok(Presented {
            verifier: self.clone(),
            keys,
            macs,
            tags,
            stamp,
            event: config.scheme.event.as_ref().map_or(Claimed::Nothing, |name| Claimed::read(headers, name)),
            unsigned_id: config.scheme.id.as_ref().and_then(|name| headers.get(name)).cloned(),
            received_at: now,
        })
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
        let keys = build_keys(&self.config.name, &secrets, Some(now))?;
        *self.config.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
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
        self.config.scope
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
        let (event_id, key) = config.key(&members, &body)?;
        let signed_at = match config.signed_at(&members, None)? {
            Some(signed) => config.window.as_ref().and_then(|window| match window.judge(signed, now) {
                Freshness::Fresh(at) => at,
                Freshness::Stale(_) | Freshness::Future(_) => None,
            }),
            None => None,
        };
        let facts = Facts { signed_at, ..config.facts(&members, (event_id, key), now) };
        let data = config.data(&members, &body);
        Ok(Delivery::new(facts, body, data))
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
        // A separator that is not ASCII could not stand in a header value.
        let separator = u8::try_from(separator).unwrap_or(b',');
        let mut entries = value.split(|byte| *byte == separator).take(MAX_SIGNATURES).filter_map(decode);
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

    fn key(&self, members: &Members<'_>, body: &[u8]) -> Result<(Option<crate::EventId>, IdempotencyKey), Rejection> {
        let address = Address { sender: &self.name, endpoint: &self.endpoint, tenant: "" };
        let Some(pointer) = self.reader.id_pointer() else {
            return Ok((None, address.key_of_body(body)));
        };
        let id = members.id().map_err(|reason| Rejection::EventIdInvalid { pointer: pointer.text.clone(), reason })?;
        let key = address.key_of_id(&id);
        Ok((Some(id), key))
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

    /// The event's own data, as a slice of the body.
    fn data(&self, members: &Members<'_>, body: &Bytes) -> Option<Bytes> {
        match members.data() {
            Some(data) => Some(body.slice_ref(data.as_bytes())),
            None if self.reader.has_data_pointer() => None,
            None => Some(body.clone()),
        }
    }

    fn facts(
        &self,
        members: &Members<'_>,
        (event_id, key): (Option<crate::EventId>, IdempotencyKey),
        now: SystemTime,
    ) -> Facts {
        Facts {
            sender: self.name.clone(),
            endpoint: self.endpoint.clone(),
            event_id,
            event_type: members.event_type().map(Box::from),
            occurred_at: members.occurred_at().as_deref().and_then(parse_rfc3339),
            signed_at: None,
            received_at: now,
            unsigned_id: None,
            secret_index: None,
            scope: self.scope,
            key,
        }
    }
}

fn feed<'p>(macs: &mut Macs, parts: impl Iterator<Item = &'p Part>, stamp: Option<&Stamp>) {
    for part in parts {
        let bytes = match part {
            Part::Timestamp => stamp.map(|stamp| stamp.text.as_bytes()).unwrap_or_default(),
            Part::Literal(text) => text.as_bytes(),
            Part::Body => continue,
        };
        macs.iter_mut().flatten().for_each(|mac| mac.update(bytes));
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

type Macs = [Option<Mac>; MAX_SECRETS];

/// The signatures presented: nearly always one, so that one needs no allocation.
struct Tags {
    first: Tag,
    rest: Vec<Tag>,
}

impl Tags {
    fn one(first: Tag) -> Self {
        Self { first, rest: Vec::new() }
    }

    /// Whether any of them is `expected`, in a time that depends on their number alone.
    fn contain(&self, expected: &Tag) -> bool {
        let any = self.rest.iter().fold(self.first.matches(expected), |any, tag| any | tag.matches(expected));
        bool::from(any)
    }
}

struct Stamp {
    text: TimestampText,
    at: SystemTime,
}

/// What an unsigned header claims the event's type to be.
enum Claimed {
    Nothing,
    One(HeaderValue),
    /// Several that differ: they cannot all agree with the body.
    Several,
}

impl Claimed {
    fn read(headers: &HeaderMap, name: &http::HeaderName) -> Self {
        let mut values = headers.get_all(name).iter();
        let Some(first) = values.next() else { return Self::Nothing };
        if values.all(|value| value == first) { Self::One(first.clone()) } else { Self::Several }
    }

    fn contradicts(&self, event_type: Option<&str>) -> bool {
        match self {
            Self::Nothing => false,
            Self::One(claimed) => event_type.is_some_and(|event_type| claimed.as_bytes() != event_type.as_bytes()),
            Self::Several => true,
        }
    }
}

/// A delivery whose head is in order and whose body is being hashed as it arrives.
///
/// ```
/// use counterfoil::{senders, Clock, Secret, Signer, SystemClock, Verifier};
/// use counterfoil::verifier::Verified;
///
/// let secret = Secret::new("agiled_secret_example")?;
/// let now = SystemClock.now();
/// let body = br#"{"id":"evt_1","event":"invoice.paid","data":{}}"#;
/// let headers = Signer::new(&senders::AGILED, &secret)?.sign(body, now)?;
///
/// let verifier = Verifier::builder(senders::AGILED).secret(secret).build()?;
/// let mut presented = verifier.present(&headers, now)?;
/// for frame in body.chunks(16) {
///     presented.update(frame);
/// }
/// assert!(matches!(presented.finish(body.as_slice().into(), now)?, Verified::Fresh(_)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Presented {
    verifier: Verifier,
    keys: Keys,
    macs: Macs,
    tags: Tags,
    stamp: Option<Stamp>,
    event: Claimed,
    unsigned_id: Option<HeaderValue>,
    received_at: SystemTime,
}

impl Presented {
    /// Hashes the next bytes of the body.
    pub fn update(&mut self, frame: &[u8]) {
        self.macs.iter_mut().flatten().for_each(|mac| mac.update(frame));
    }

    /// Decides, as of `now`. `body` must be the bytes that went through [`update`](Self::update), in order.
    ///
    /// # Errors
    /// Why the delivery is refused. Staleness is no error here: a receiver with a store looks it up first.
    pub fn finish(mut self, body: Bytes, now: SystemTime) -> Result<Verified, Rejection> {
        let secret_index = self.check(&body, now)?;
        let config = &*self.verifier.config;
        let members = config.read_event(&body)?;
        let key = config.key(&members, &body)?;
        if let Some(header) = &config.scheme.event
            && self.event.contradicts(members.event_type().as_deref())
        {
            return Err(Rejection::EventContradicted { header: header.clone() });
        }
        let signed_at = config.signed_at(&members, self.stamp.as_ref())?;
        let judged = match (signed_at, &config.window) {
            (Some(signed), Some(window)) => window.judge(signed, now),
            _ => Freshness::Fresh(None),
        };
        let unsigned_id = self.unsigned_id.as_ref().and_then(|value| value.to_str().ok());
        let mut facts = Facts {
            received_at: self.received_at,
            unsigned_id: unsigned_id.map(|id| id.chars().take(MAX_UNSIGNED_ID_BYTES).collect::<String>().into()),
            secret_index: Some(secret_index),
            ..config.facts(&members, key, now)
        };
        let data = config.data(&members, &body);
        match judged {
            Freshness::Fresh(signed_at) => {
                facts.signed_at = signed_at;
                Ok(Verified::Fresh(Delivery::new(facts, body, data)))
            }
            Freshness::Stale(age) => {
                let past = config.window.as_ref().map_or(STRICT_PAST, |window| window.past);
                Ok(Verified::Stale(Stale {
                    delivery: Delivery::new(facts, body, data),
                    rejection: Rejection::stale(age, past),
                }))
            }
            Freshness::Future(ahead) => {
                let future = config.window.as_ref().map_or(FUTURE, |window| window.future);
                Err(Rejection::TimestampFuture { ahead, future })
            }
        }
    }

    /// Stage 3. Returns the index of the secret that matched.
    fn check(&mut self, body: &[u8], now: SystemTime) -> Result<usize, Rejection> {
        let current = self.verifier.keys();
        if !Arc::ptr_eq(&current, &self.keys) {
            // The secrets were replaced while the body arrived. Only the new ones count.
            self.macs = std::array::from_fn(|index| current.get(index).map(|key| key.mac.begin()));
            self.verifier.config.feed_before_body(&mut self.macs, self.stamp.as_ref());
            self.macs.iter_mut().flatten().for_each(|mac| mac.update(body));
            self.keys = current;
        }
        self.verifier.config.feed_after_body(&mut self.macs, self.stamp.as_ref());
        let mut matched = None;
        let mut tried = 0;
        // Every secret is tried, so that the time taken does not tell which one matched.
        for (index, key) in self.keys.iter().enumerate() {
            let Some(mac) = self.macs.get_mut(index).and_then(Option::take) else { continue };
            let matches = self.tags.contain(&mac.finish());
            if key.is_active(now) {
                tried += 1;
                matched = if matches { Some(index) } else { matched };
            }
        }
        matched.ok_or(Rejection::SignatureMismatch { secrets: tried })
    }
}

impl fmt::Debug for Presented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presented").field("sender", &self.verifier.config.name).finish_non_exhaustive()
    }
}

/// The outcome of a check whose signature matched.
#[derive(Debug)]
#[non_exhaustive]
pub enum Verified {
    /// Proven, and within the tolerance.
    Fresh(Delivery),
    /// Proven, but too old to be handled.
    Stale(Stale),
}

/// A delivery that verifies but is older than the tolerance. It can be looked up, and never be handled.
#[derive(Debug)]
pub struct Stale {
    delivery: Delivery,
    rejection: Rejection,
}

impl Stale {
    /// The key to look up.
    #[must_use]
    pub fn key(&self) -> IdempotencyKey {
        self.delivery.key()
    }

    /// The scope to look it up in.
    #[must_use]
    pub fn scope(&self) -> Scope {
        self.delivery.scope()
    }

    /// The refusal, for a key that was not completed.
    #[must_use]
    pub fn into_rejection(self) -> Rejection {
        self.rejection
    }

    pub(crate) fn delivery(&self) -> &Delivery {
        &self.delivery
    }
}

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
        self.build_with(Tolerance::Strict)
    }

    pub(crate) fn build_with(self, default: Tolerance) -> Result<Verifier, ConfigError> {
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
        let keys = build_keys(&name, &self.secrets, None)?;
        let scope = Address { sender: &name, endpoint: &endpoint, tenant: "" }.scope();
        let config = Config {
            sender: self.sender,
            name,
            endpoint,
            scheme,
            form,
            timestamp_place,
            reader,
            window,
            scope,
            keys: RwLock::new(keys),
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

/// `now` is given where the secrets are replaced: a set that is wholly in the past is then a mistake.
fn build_keys(
    sender: &str,
    secrets: &[(Secret, Option<SystemTime>)],
    now: Option<SystemTime>,
) -> Result<Keys, ConfigError> {
    if secrets.is_empty() {
        return Err(ConfigError::SecretMissing { sender: sender.to_owned() });
    }
    if secrets.len() > MAX_SECRETS {
        return Err(ConfigError::SecretsTooMany { given: secrets.len(), most: MAX_SECRETS });
    }
    let keys: Keys = secrets
        .iter()
        .map(|(secret, until)| {
            if secret.is_short() {
                tracing::warn!(
                    sender,
                    least = crate::secret::SHORT_SECRET_BYTES,
                    "a short secret can be found by trying"
                );
            }
            Key { mac: MacKey::new(secret), until: *until }
        })
        .collect();
    if now.is_some_and(|now| !keys.iter().any(|key| key.is_active(now))) {
        return Err(ConfigError::SecretsEnded { sender: sender.to_owned() });
    }
    Ok(keys)
}
