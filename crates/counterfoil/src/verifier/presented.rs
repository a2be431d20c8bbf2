//! A delivery on its way from its head to a verdict: stages 2 to 6.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};

use super::head::{Claimed, Macs, Stamp, Tags};
use super::{Key, Keys, Verifier};
use crate::delivery::Facts;
use crate::time::{FUTURE, Freshness, STRICT_PAST};
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
    pub(super) fn new(verifier: Verifier, headers: &HeaderMap, now: SystemTime) -> Result<Self, Rejection> {
        let config = &*verifier.config;
        let tags = config.read_tags(headers)?;
        let stamp = config.read_stamp(headers)?;
        let keys = verifier.keys();
        let begin = |key: &Key| key.is_active(now).then(|| key.mac.begin());
        let mut macs: Macs = std::array::from_fn(|index| keys.get(index).and_then(begin));
        config.feed_before_body(&mut macs, stamp.as_ref());
        let event = config.scheme.event.as_ref().map_or(Claimed::Nothing, |name| Claimed::read(headers, name));
        let unsigned_id = config.scheme.id.as_ref().and_then(|name| headers.get(name)).cloned();
        Ok(Self { keys, macs, tags, stamp, event, unsigned_id, received_at: now, verifier })
    }

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
