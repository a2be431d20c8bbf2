//! From a body whose signature matched to a verdict: stages 4 to 6.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::head::{Evidence, Stamp};
use super::keys::KeySet;
use super::{Config, Stale, Verified, Verifier};
use crate::delivery::Origin;
use crate::delivery::{Facts, Places};
use crate::event::{Found, Members, read_time};
use crate::idempotency::{Fingerprint, IdempotencyKey};
use crate::remote::canonical;
use crate::scheme::{IdSource, TimestampSource};
use crate::time::{Judged, STRICT_PAST};
use crate::{Delivery, EventId, Rejection};

/// What is kept of an unsigned header.
const MAX_UNSIGNED_BYTES: usize = 255;

/// The longest challenge that is echoed.
pub(crate) const MAX_CHALLENGE_BYTES: usize = 1024;

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

/// A delivery that was proven, and is now to be read.
pub(super) struct Proven<'p> {
    pub(super) evidence: &'p Evidence,
    pub(super) keys: &'p KeySet,
    pub(super) secret_index: Option<usize>,
    pub(super) headers: &'p HeaderMap,
    pub(super) received_at: SystemTime,
}

impl Verifier {
    pub(crate) fn assert(&self, body: Bytes, origin: Origin<'_>, now: SystemTime) -> Result<Delivery, Rejection> {
        let config = &*self.config;
        let keys = self.keys_of(origin.tenant)?;
        let members = config.read_event(&body)?;
        let identity = config.identify(&members, &body, origin.event_id, &keys)?;
        // An assertion is of any age: only a time that is fresh can be corrected to UTC.
        let signed_at = match config.judge(&members, None, now) {
            Ok(Freshness::Fresh(signed_at)) => signed_at,
            Ok(Freshness::Stale(_)) | Err(_) => None,
        };
        let facts = Facts { signed_at, ..config.facts(&members, identity, &keys, now) };
        let places = config.places(&members, &body);
        Ok(Delivery::new(facts, body, places))
    }

    /// Where the events of that tenant live, or our own where there are none.
    fn keys_of(&self, tenant: Option<&str>) -> Result<Arc<KeySet>, Rejection> {
        let could_not = |reason: &str| Rejection::CouldNotVerify { reason: reason.into() };
        match (self.config.tenants, tenant) {
            (false, None) => Ok(self.keys()),
            (true, Some(tenant)) => {
                let place = self.place_of_tenant(tenant).map_err(|error| could_not(&error.to_string()))?;
                Ok(Arc::new(place))
            }
            (true, None) => Err(could_not("its receiver has tenants: say in `Origin` whose delivery it is")),
            (false, Some(_)) => Err(could_not("its receiver has no tenants: leave `Origin::tenant` out")),
        }
    }
}

impl Config {
    /// Reads the event of a proven delivery, and judges its age.
    pub(super) fn prove(&self, proven: &Proven<'_>, body: Bytes, now: SystemTime) -> Result<Verified, Rejection> {
        let Proven { evidence, keys, headers, .. } = proven;
        let members = self.read_event(&body)?;
        if self.reader.is_challenge(&members) {
            return self.challenge(&members, evidence.stamp(), now);
        }
        let header = evidence.id(self).and_then(|value| value.to_str().ok());
        let identity = self.identify(&members, &body, header, keys)?;
        if let Some(header) = &self.scheme.event
            && contradicts(headers, header, members.event_type_text().as_deref())
        {
            return Err(Rejection::EventContradicted { header: header.clone() });
        }
        let freshness = self.judge(&members, evidence.stamp(), now)?;
        let facts = Facts {
            unsigned_id: self.scheme.id.as_ref().and_then(|header| unsigned(headers, header)),
            unsigned_event_type: self.scheme.event.as_ref().and_then(|header| unsigned(headers, header)),
            secret_index: proven.secret_index,
            signed_at: if let Freshness::Fresh(signed_at) = freshness { signed_at } else { None },
            ..self.facts(&members, identity, keys, proven.received_at)
        };
        let places = self.places(&members, &body);
        let delivery = Delivery::new(facts, body, places);
        Ok(match freshness {
            Freshness::Fresh(_) => Verified::Fresh(delivery),
            Freshness::Stale(age) => Verified::Stale(Stale::new(delivery, self.stale(age))),
        })
    }

    fn challenge(&self, members: &Members<'_>, stamp: Option<&Stamp>, now: SystemTime) -> Result<Verified, Rejection> {
        if let Freshness::Stale(age) = self.judge(members, stamp, now)? {
            return Err(self.stale(age));
        }
        let text = members.challenge().filter(|text| (1..=MAX_CHALLENGE_BYTES).contains(&text.len()));
        let expected = "a challenge with a text of 1 to 1024 bytes";
        Ok(Verified::Challenge(text.ok_or(Rejection::BodyNotAnObject { expected })?.as_bytes().to_vec().into()))
    }

    fn stale(&self, age: Duration) -> Rejection {
        Rejection::stale(age, self.window.as_ref().map_or(STRICT_PAST, |window| window.past))
    }

    /// Checks the whole body and finds the event's members.
    fn read_event<'a>(&self, body: &'a [u8]) -> Result<Members<'a>, Rejection> {
        self.reader.read(body).map_err(|expected| Rejection::BodyNotAnObject { expected })
    }

    /// The event's id, its key, and its body's fingerprint where that was made anyway.
    fn identify(
        &self,
        members: &Members<'_>,
        body: &[u8],
        header: Option<&str>,
        keys: &KeySet,
    ) -> Result<Identity, Rejection> {
        // A sender's endpoint proves what the body means, and not its bytes.
        let canonical = if self.remote.is_some() { Some(canonical(body)?) } else { None };
        let invalid = |(index, reason)| Rejection::EventIdInvalid { place: self.id_place(index), reason };
        let id = match &self.sender.envelope.id {
            None => None,
            Some(IdSource::Body(_)) => Some(self.reader.id(members).map_err(invalid)?),
            Some(IdSource::Header(_)) => {
                let id = header.ok_or("is in a header, and not in the body").and_then(EventId::text);
                Some(id.map_err(|reason| invalid((0, reason)))?)
            }
        };
        let Some(id) = id else {
            let (key, fingerprint) = keys.key_space.key_of_body(canonical.as_deref().unwrap_or(body));
            return Ok(Identity { event_id: None, key, fingerprint: Some(fingerprint) });
        };
        let fingerprint = canonical.as_deref().map(Fingerprint::of);
        Ok(Identity { key: keys.key_space.key_of_id(&id), event_id: Some(id), fingerprint })
    }

    /// Where that member of the id is, for rejections.
    fn id_place(&self, index: usize) -> Arc<str> {
        match &self.sender.envelope.id {
            Some(IdSource::Header(name)) => (**name).into(),
            Some(IdSource::Body(pointers)) => pointers.get(index).map_or("", |pointer| &**pointer).into(),
            None => "".into(),
        }
    }

    /// The signed time as the sender wrote it, from the head or the body.
    fn signed_at(&self, members: &Members<'_>, stamp: Option<&Stamp>) -> Result<Option<SystemTime>, Rejection> {
        if let Some(stamp) = stamp {
            return Ok(Some(stamp.at));
        }
        let Some(TimestampSource::Body { format, .. }) = self.sender.scheme.timestamp() else { return Ok(None) };
        let place = || self.timestamp_place.clone();
        match members.signed_at() {
            Found::Absent => Err(Rejection::TimestampMissing { place: place() }),
            Found::Repeated => Err(Rejection::TimestampRepeated { place: place() }),
            Found::Once(raw) => {
                read_time(raw, *format).map(Some).ok_or_else(|| Rejection::TimestampMalformed { place: place() })
            }
        }
    }

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

    /// Where the body holds what a delivery gives out later. The members are borrowed from this body.
    fn places(&self, members: &Members<'_>, body: &[u8]) -> Places {
        let place = |raw: &str| {
            let start = raw.as_ptr().addr().checked_sub(body.as_ptr().addr())?;
            let end = start.checked_add(raw.len())?;
            debug_assert!(end <= body.len(), "a member lies in its body");
            Some(start..end)
        };
        let data = match members.data() {
            None if !self.reader.has_data_pointer() => Some(0..body.len()),
            data => data.and_then(place),
        };
        Places { data, occurred_at: members.occurred_at().and_then(place) }
    }

    fn facts(
        &self,
        members: &Members<'_>,
        Identity { event_id, key, fingerprint }: Identity,
        keys: &KeySet,
        received_at: SystemTime,
    ) -> Facts {
        Facts {
            sender: self.name.clone(),
            endpoint: self.endpoint.clone(),
            tenant: keys.tenant.clone(),
            event_id,
            event_type: members.event_type().map(Box::from),
            signed_at: None,
            received_at,
            unsigned_id: None,
            unsigned_event_type: None,
            secret_index: None,
            scope: keys.key_space.scope(),
            key,
            fingerprint,
        }
    }
}

/// Whether a header outside the signature says something else than the signed body, or two things at once.
fn contradicts(headers: &HeaderMap, header: &HeaderName, event_type: Option<&str>) -> bool {
    let mut claims = headers.get_all(header).iter().map(HeaderValue::as_bytes);
    let Some(said) = event_type.map(str::as_bytes).or_else(|| claims.next()) else { return false };
    claims.any(|claim| claim != said)
}

fn unsigned(headers: &HeaderMap, header: &HeaderName) -> Option<Box<str>> {
    let text = headers.get(header)?.to_str().ok()?;
    Some(text.chars().take(MAX_UNSIGNED_BYTES).collect::<String>().into())
}
