//! A verified delivery: the only proof that a body came from its sender.
//!
//! A [`Delivery`] is made by [`Verifier`](crate::Verifier) alone, or by [`Delivery::assertion`], which says
//! in its name that the check happened elsewhere. The body cannot be had without it.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use serde::Deserialize;

use crate::event::{EventId, read_time};
use crate::idempotency::{Fingerprint, IdempotencyKey, Scope};
use crate::time::TimestampFormat;
use crate::{Rejection, Verifier};

/// One verified attempt to deliver one event. Cheap to clone.
///
/// ```
/// use counterfoil::{senders, Secret, Signer, SystemClock, Clock, Verifier};
///
/// let secret = Secret::new("whsec_example_0123")?;
/// let body = br#"{"id":"evt_1","type":"order.created","created_at":"2025-06-15T14:30:00Z","data":{"id":"ord_1"}}"#;
/// let now = counterfoil::time::parse_rfc3339("2025-06-15T14:30:05Z").ok_or("a time")?;
/// let headers = Signer::new(&senders::HANDL, &secret)?.sign(body, now)?;
///
/// let verifier = Verifier::builder(senders::HANDL).secret(secret).build()?;
/// let delivery = verifier.verify_at(&headers, &body[..], now)?;
///
/// #[derive(serde::Deserialize)]
/// struct Order { id: String }
/// assert_eq!(delivery.event_type(), Some("order.created"));
/// assert_eq!(delivery.event::<Order>()?.id, "ord_1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Delivery {
    facts: Arc<Facts>,
    body: Bytes,
    places: Places,
}

/// Where the parts of the body's JSON text stand that are read when they are asked for.
#[derive(Clone)]
pub(crate) struct Places {
    pub(crate) data: Option<Range<usize>>,
    pub(crate) occurred_at: Option<Range<usize>>,
}

/// What was learnt on the way, without the body: it outlives the body where a duplicate waits.
pub(crate) struct Facts {
    pub(crate) sender: Arc<str>,
    pub(crate) endpoint: Arc<str>,
    pub(crate) tenant: Option<Arc<str>>,
    pub(crate) event_id: Option<EventId>,
    pub(crate) event_type: Option<Box<str>>,
    pub(crate) signed_at: Option<SystemTime>,
    pub(crate) received_at: SystemTime,
    pub(crate) unsigned_id: Option<Box<str>>,
    pub(crate) unsigned_event_type: Option<Box<str>>,
    pub(crate) secret_index: Option<usize>,
    pub(crate) scope: Scope,
    pub(crate) key: IdempotencyKey,
    /// Known beforehand where the key is made of the body's digest.
    pub(crate) fingerprint: Option<Fingerprint>,
}

impl Delivery {
    pub(crate) fn new(facts: Facts, body: Bytes, places: Places) -> Self {
        Self { facts: Arc::new(facts), body, places }
    }

    fn part(&self, range: Option<&Range<usize>>) -> Option<&[u8]> {
        self.body.get(range?.clone())
    }

    pub(crate) fn facts(&self) -> &Arc<Facts> {
        &self.facts
    }

    /// Takes a body whose signature was checked elsewhere: by a gateway, or when it was stored. Nothing is
    /// checked here but that the body is an event of this sender.
    ///
    /// # Security
    /// Whoever can reach this call decides what happened. Never pass it a request's body.
    ///
    /// # Errors
    /// The body is not of the sender's form, or its id cannot be a key.
    pub fn assertion(verifier: &Verifier, body: impl Into<Bytes>, now: SystemTime) -> Result<Self, Rejection> {
        verifier.assert(body.into(), Origin::default(), now)
    }

    /// As [`assertion`](Self::assertion), with what does not stand in the body.
    ///
    /// # Security
    /// As [`assertion`](Self::assertion).
    ///
    /// # Errors
    /// As [`assertion`](Self::assertion), and where `origin` lacks what the verifier needs or has what it does not know.
    pub fn assertion_from(
        verifier: &Verifier,
        body: impl Into<Bytes>,
        origin: Origin<'_>,
        now: SystemTime,
    ) -> Result<Self, Rejection> {
        verifier.assert(body.into(), origin, now)
    }

    /// The sender's name.
    #[must_use]
    pub fn sender(&self) -> &str {
        &self.facts.sender
    }

    /// Our name for the address that the sender was given.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.facts.endpoint
    }

    /// Whose delivery it is, where the receiver has [tenants](crate::tenants).
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.facts.tenant.as_deref()
    }

    /// The body, exactly as received.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The event's id from signed material; `None` where the key is the body's digest.
    #[must_use]
    pub fn event_id(&self) -> Option<&EventId> {
        self.facts.event_id.as_ref()
    }

    /// The event's type. An open set: expect types that no list names.
    #[must_use]
    pub fn event_type(&self) -> Option<&str> {
        self.facts.event_type.as_deref()
    }

    /// When the event happened, where the sender says so.
    #[must_use]
    pub fn occurred_at(&self) -> Option<SystemTime> {
        let raw = std::str::from_utf8(self.part(self.places.occurred_at.as_ref())?).ok()?;
        read_time(raw, TimestampFormat::UnixOrRfc3339)
    }

    /// The time inside the signed bytes, in UTC; `None` where the sender signs none, or signs local time of
    /// an unknown offset.
    #[must_use]
    pub fn signed_at(&self) -> Option<SystemTime> {
        self.facts.signed_at
    }

    /// When the head of this delivery reached us.
    #[must_use]
    pub fn received_at(&self) -> SystemTime {
        self.facts.received_at
    }

    /// An id that the sender put into a header outside the signature, cut to 255 bytes. For people only:
    /// whoever replays a captured request can change it.
    #[must_use]
    pub fn unsigned_id(&self) -> Option<&str> {
        self.facts.unsigned_id.as_deref()
    }

    /// The event type that the sender put into a header outside the signature, cut to 255 bytes, for senders that
    /// name it nowhere else. Whoever replays a captured request can change it: let the body's own data decide what
    /// must not be mistaken.
    #[must_use]
    pub fn unsigned_event_type(&self) -> Option<&str> {
        self.facts.unsigned_event_type.as_deref()
    }

    /// Which of the active secrets matched, in the order in which they were given; `None` for an assertion, and
    /// where nothing is checked.
    #[must_use]
    pub fn secret_index(&self) -> Option<usize> {
        self.facts.secret_index
    }

    /// What makes two deliveries the same event.
    #[must_use]
    pub fn key(&self) -> IdempotencyKey {
        self.facts.key
    }

    /// The part of the store that this sender, endpoint and tenant have to themselves.
    #[must_use]
    pub fn scope(&self) -> Scope {
        self.facts.scope
    }

    /// Tells two bodies of one key apart.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.facts.fingerprint.unwrap_or_else(|| Fingerprint::of(&self.body))
    }

    /// The JSON text of the event's own data: the member that the envelope names, or the whole body.
    /// `None` where the body lacks that member.
    #[must_use]
    pub fn data(&self) -> Option<&[u8]> {
        self.part(self.places.data.as_ref())
    }

    /// Reads the event's data as `T`. Parsed anew at each call; `T` may borrow from this delivery.
    ///
    /// # Errors
    /// The data is absent or of another shape than `T`.
    pub fn event<'a, T: Deserialize<'a>>(&'a self) -> Result<T, EventError> {
        let data = self.data().ok_or(EventError::Absent)?;
        serde_json::from_slice(data).map_err(|source| EventError::Shape { source: Arc::new(source) })
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The body may hold what people do not want in a log; its length tells enough.
        f.debug_struct("Delivery")
            .field("sender", &self.sender())
            .field("endpoint", &self.endpoint())
            .field("tenant", &self.tenant())
            .field("event_type", &self.event_type())
            .field("event_id", &self.event_id().map(EventId::as_str))
            .field("key", &self.key())
            .field("body_bytes", &self.body().len())
            .finish_non_exhaustive()
    }
}

/// What an assertion knows besides the body.
#[derive(Debug, Clone, Copy, Default)]
pub struct Origin<'a> {
    /// Whose delivery it is, where the receiver has [tenants](crate::tenants).
    pub tenant: Option<&'a str>,
    /// The event's id, for a sender that keeps it in a signed header.
    pub event_id: Option<&'a str>,
}

/// The data of a verified event is not what the caller asked for.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum EventError {
    /// The body lacks the member that holds the data.
    #[error("the event has no data")]
    Absent,
    /// The data is of another shape.
    #[error("the event's data is of another shape")]
    Shape {
        /// Where and how.
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
}
