//! A delivery on its way from its head to a verdict: stages 2 to 6.

use std::fmt;
use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderMap, HeaderName};

use super::body::Body;
use super::head::{Stamp, Tags};
use super::{Freshness, Keys, Verifier};
use crate::delivery::Facts;
use crate::signature::Macs;
use crate::time::STRICT_PAST;
use crate::{Delivery, Rejection};

/// What is kept of an unsigned id header.
const MAX_UNSIGNED_ID_BYTES: usize = 255;

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
///     presented.push(frame.into());
/// }
/// assert!(matches!(presented.finish(&headers, now)?, Verified::Fresh(_)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Presented {
    verifier: Verifier,
    keys: Keys,
    generation: u64,
    macs: Macs,
    tags: Tags,
    stamp: Option<Stamp>,
    body: Body,
    received_at: SystemTime,
}

impl Presented {
    pub(super) fn new(verifier: Verifier, headers: &HeaderMap, now: SystemTime) -> Result<Self, Rejection> {
        let config = &*verifier.config;
        let tags = config.read_tags(headers)?;
        let stamp = config.read_stamp(headers)?;
        // Before the keys: whoever replaces them in between makes us look again.
        let generation = verifier.generation();
        let keys = verifier.keys();
        let mut macs = Macs::begin(keys.iter().map(|key| key.is_active(now).then_some(&key.mac)));
        config.feed_before_body(&mut macs, stamp.as_ref());
        Ok(Self { keys, generation, macs, tags, stamp, body: Body::Empty, received_at: now, verifier })
    }

    /// Takes the next frame of the body and hashes it. A body of one frame is kept without a copy.
    ///
    /// There is no limit here; a [`Receiver`](crate::Receiver) counts.
    pub fn push(&mut self, frame: Bytes) {
        self.macs.update(&frame);
        self.body.push(frame);
    }

    pub(crate) fn body_len(&self) -> usize {
        self.body.len()
    }

    /// Decides, as of `now`. `headers` are the ones that were [presented](Verifier::present): what they say
    /// outside the signature is read only now.
    ///
    /// # Errors
    /// Why the delivery is refused. Staleness is no error here: a receiver with a store looks it up first.
    pub fn finish(mut self, headers: &HeaderMap, now: SystemTime) -> Result<Verified, Rejection> {
        let body = std::mem::replace(&mut self.body, Body::Empty).into_bytes();
        let secret_index = self.check(&body, now)?;
        let config = &*self.verifier.config;
        let members = config.read_event(&body)?;
        let identity = config.identify(&members, &body)?;
        if let Some(header) = &config.scheme.event
            && contradicts(headers, header, members.event_type_text().as_deref())
        {
            return Err(Rejection::EventContradicted { header: header.clone() });
        }
        let freshness = config.judge(&members, self.stamp.as_ref(), now)?;
        let facts = Facts {
            received_at: self.received_at,
            unsigned_id: config.scheme.id.as_ref().and_then(|header| unsigned_id(headers, header)),
            secret_index: Some(secret_index),
            signed_at: if let Freshness::Fresh(signed_at) = freshness { signed_at } else { None },
            ..config.facts(&members, identity, now)
        };
        let slices = config.slices(&members, &body);
        let delivery = Delivery::new(facts, body, slices);
        let past = config.window.as_ref().map_or(STRICT_PAST, |window| window.past);
        Ok(match freshness {
            Freshness::Fresh(_) => Verified::Fresh(delivery),
            Freshness::Stale(age) => Verified::Stale(Stale { delivery, rejection: Rejection::stale(age, past) }),
        })
    }

    /// Stage 3. Returns the index of the secret that matched.
    fn check(&mut self, body: &[u8], now: SystemTime) -> Result<usize, Rejection> {
        if self.generation != self.verifier.generation() {
            // The secrets were replaced while the body arrived. Only the new ones count.
            self.keys = self.verifier.keys();
            self.macs = Macs::begin(self.keys.iter().map(|key| Some(&key.mac)));
            self.verifier.config.feed_before_body(&mut self.macs, self.stamp.as_ref());
            self.macs.update(body);
        }
        self.verifier.config.feed_after_body(&mut self.macs, self.stamp.as_ref());
        let mut matched = None;
        let mut tried = 0;
        // Every secret is tried, so that the time taken does not tell which one matched.
        for (index, key) in self.keys.iter().enumerate() {
            let Some(expected) = self.macs.finish(index) else { continue };
            let matches = self.tags.contain(&expected);
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

/// A delivery that verifies but is older than the tolerance. A receiver looks it up; nobody handles it.
#[derive(Debug)]
pub struct Stale {
    delivery: Delivery,
    rejection: Rejection,
}

impl Stale {
    /// The refusal, for an event that was not completed.
    #[must_use]
    pub fn into_rejection(self) -> Rejection {
        self.rejection
    }

    pub(crate) fn delivery(&self) -> &Delivery {
        &self.delivery
    }
}

/// Whether a header outside the signature says something else than the signed body, or two things at once.
fn contradicts(headers: &HeaderMap, header: &HeaderName, event_type: Option<&str>) -> bool {
    let mut claims = headers.get_all(header).iter().map(|value| value.as_bytes());
    let Some(said) = event_type.map(str::as_bytes).or_else(|| claims.next()) else { return false };
    claims.any(|claim| claim != said)
}

fn unsigned_id(headers: &HeaderMap, header: &HeaderName) -> Option<Box<str>> {
    let id = headers.get(header)?.to_str().ok()?;
    Some(id.chars().take(MAX_UNSIGNED_ID_BYTES).collect::<String>().into())
}
