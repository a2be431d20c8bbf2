//! A delivery on its way from its head to a verdict: stages 2 and 3.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::HeaderMap;

use super::Verifier;
use super::body::Body;
use super::head::Evidence;
use super::keys::{Key, KeySet, Proof};
use super::prove::Proven;
use crate::remote::RemoteCheck;
use crate::signature::{Macs, Tag};
use crate::{Delivery, Rejection};

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
    progress: Progress,
}

impl Presented {
    /// Takes the next frame of the body and hashes it. A body of one frame is kept without a copy.
    ///
    /// There is no limit here; a [`Receiver`](crate::Receiver) counts.
    pub fn push(&mut self, frame: Bytes) {
        self.progress.push(frame);
    }

    pub(crate) fn body_len(&self) -> usize {
        self.progress.body.len()
    }

    /// Decides, as of `now`. `headers` are the ones that were [presented](Verifier::present): what they say
    /// outside the signature is read only now.
    ///
    /// # Errors
    /// Why the delivery is refused. Staleness is no error here: a receiver with a store looks it up first.
    pub fn finish(mut self, headers: &HeaderMap, now: SystemTime) -> Result<Verified, Rejection> {
        self.progress.finish(&self.verifier, headers, now)
    }
}

/// How far the check of one delivery has come.
///
/// It is hundreds of bytes, and shares no verifier: whoever has the whole body at once neither moves it nor counts
/// another reference.
pub(super) struct Progress {
    evidence: Evidence,
    keys: Arc<KeySet>,
    /// The verifier's generation that the keys are of; `None` for those of a tenant.
    generation: Option<u64>,
    macs: Option<Macs>,
    body: Body,
    received_at: SystemTime,
}

impl Progress {
    #[inline]
    pub(super) fn begin(
        verifier: &Verifier,
        evidence: Evidence,
        keys: Arc<KeySet>,
        generation: Option<u64>,
        now: SystemTime,
    ) -> Self {
        let macs = begin_macs(verifier, &evidence, &keys, now);
        Self { evidence, keys, generation, macs, body: Body::Empty, received_at: now }
    }

    /// A credential stands in the head: a wrong one costs nobody a body.
    pub(super) fn check_head(&self, verifier: &Verifier, now: SystemTime) -> Result<(), Rejection> {
        match &self.evidence {
            Evidence::Credential(credential) => check_credential(verifier, &self.keys, credential, now).map(drop),
            _ => Ok(()),
        }
    }

    pub(super) fn presented(self, verifier: Verifier) -> Presented {
        Presented { verifier, progress: self }
    }

    pub(super) fn push(&mut self, frame: Bytes) {
        if let Some(macs) = &mut self.macs {
            macs.update(&frame);
        }
        self.body.push(frame);
    }

    pub(super) fn finish(
        &mut self,
        verifier: &Verifier,
        headers: &HeaderMap,
        now: SystemTime,
    ) -> Result<Verified, Rejection> {
        let body = std::mem::replace(&mut self.body, Body::Empty).into_bytes();
        if self.generation.is_some_and(|generation| generation != verifier.generation()) {
            // The secrets were replaced while the body arrived. Only the new ones count.
            self.keys = verifier.keys();
            self.macs = begin_macs(verifier, &self.evidence, &self.keys, now);
            if let Some(macs) = &mut self.macs {
                macs.update(&body);
            }
        }
        let secret_index = match &self.evidence {
            Evidence::Signature(_) => Some(self.check_signature(verifier, now)?),
            Evidence::Credential(credential) => Some(check_credential(verifier, &self.keys, credential, now)?),
            Evidence::Opaque(signature) => {
                let check = RemoteCheck::new(verifier, &self.keys, signature, headers, body, self.received_at)?;
                return Ok(Verified::Ask(Box::new(check)));
            }
            Evidence::Nothing => self.check_unsigned()?,
        };
        let proven =
            Proven { evidence: &self.evidence, keys: &self.keys, secret_index, headers, received_at: self.received_at };
        verifier.config.prove(&proven, body, now)
    }

    /// Returns the index of the secret that made one of the signatures.
    #[inline]
    fn check_signature(&mut self, verifier: &Verifier, now: SystemTime) -> Result<usize, Rejection> {
        let Self { evidence, keys, macs, .. } = self;
        let (Evidence::Signature(signature), Some(macs), Some(hmac)) =
            (evidence, macs, verifier.sender().scheme.hmac())
        else {
            return Err(Rejection::SignatureMismatch { secrets: 0 });
        };
        signature.feed_after_body(macs, hmac, keys);
        let (matched, tried) = keys.find(now, |index, _| Some(signature.tags.contain(&macs.finish(index)?)));
        matched.ok_or(Rejection::SignatureMismatch { secrets: tried })
    }

    /// There is nothing to check where the sender's file says so, and nobody but it can say so.
    fn check_unsigned(&self) -> Result<Option<usize>, Rejection> {
        match &*self.keys.keys {
            [Key { proof: Proof::Unsigned, .. }] if self.keys.known => Ok(None),
            _ => Err(Rejection::SignatureMismatch { secrets: 0 }),
        }
    }
}

/// Returns the index of the secret that is the credential.
fn check_credential(verifier: &Verifier, keys: &KeySet, presented: &Tag, now: SystemTime) -> Result<usize, Rejection> {
    let matches = |_: usize, key: &Key| match &key.proof {
        Proof::Credential(expected) => Some(bool::from(expected.matches(presented))),
        _ => None,
    };
    let header = || verifier.config.scheme.header.clone().unwrap_or(http::header::AUTHORIZATION);
    keys.find(now, matches).0.ok_or_else(|| Rejection::CredentialsInvalid { header: header() })
}

/// The MACs under the keys that are active at `now`, fed with what stands before the body.
#[inline]
fn begin_macs(verifier: &Verifier, evidence: &Evidence, keys: &KeySet, now: SystemTime) -> Option<Macs> {
    let (Evidence::Signature(signature), Some(hmac)) = (evidence, verifier.sender().scheme.hmac()) else { return None };
    let active = keys.keys.iter().map(|key| if key.is_active(now) { key.mac() } else { None });
    let mut macs = Macs::begin(signature.hash, active);
    signature.feed_before_body(&mut macs, hmac, keys);
    Some(macs)
}

impl KeySet {
    /// The key that `matches`, and how many were tried. Every one is, so that the time taken does not tell which
    /// one it was.
    fn find(&self, now: SystemTime, mut matches: impl FnMut(usize, &Key) -> Option<bool>) -> (Option<usize>, usize) {
        let (mut matched, mut tried) = (None, 0);
        for (index, key) in self.keys.iter().enumerate() {
            let Some(matches) = matches(index, key) else { continue };
            if key.is_active(now) {
                tried += 1;
                matched = if matches { Some(index) } else { matched };
            }
        }
        (matched.filter(|_| self.known), tried)
    }
}

impl fmt::Debug for Presented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presented").field("sender", &self.verifier.config.name).finish_non_exhaustive()
    }
}

/// The outcome of a check that found nothing wrong.
#[derive(Debug)]
#[non_exhaustive]
pub enum Verified {
    /// Proven, and within the tolerance.
    Fresh(Delivery),
    /// Proven, but too old to be handled.
    Stale(Stale),
    /// Proven, and no event: the sender wants this text echoed.
    Challenge(Bytes),
    /// Not proven yet: the sender's endpoint must be asked.
    Ask(Box<RemoteCheck>),
}

/// A delivery that verifies but is older than the tolerance. A receiver looks it up; nobody handles it.
#[derive(Debug)]
pub struct Stale {
    delivery: Delivery,
    rejection: Rejection,
}

impl Stale {
    pub(super) fn new(delivery: Delivery, rejection: Rejection) -> Self {
        Self { delivery, rejection }
    }

    /// The refusal, for an event that was not completed.
    #[must_use]
    pub fn into_rejection(self) -> Rejection {
        self.rejection
    }

    pub(crate) fn delivery(&self) -> &Delivery {
        &self.delivery
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::{Secret, senders};

    #[test]
    fn t5_nothing_at_all_proves_a_delivery_of_an_unsigned_sender_alone() {
        let finish = |verifier: &Verifier, keys: Option<Arc<KeySet>>| {
            let mut presented = verifier.present_read(Evidence::Nothing, keys, UNIX_EPOCH)?;
            presented.push(Bytes::from_static(br#"{"id":"evt_1"}"#));
            presented.finish(&HeaderMap::new(), UNIX_EPOCH)
        };
        let unsigned = Verifier::builder(senders::HANDL.insecure_unsigned()).build().unwrap();
        assert!(matches!(finish(&unsigned, None), Ok(Verified::Fresh(_))));
        // No head is read to this for a sender that signs, and no stranger's for one that does not.
        let secret = Secret::new("whsec_example_0123").unwrap();
        let signed = Verifier::builder(senders::HANDL).secret(secret).build().unwrap();
        let refused = finish(&signed, None);
        assert!(matches!(refused, Err(Rejection::SignatureMismatch { secrets: 0 })), "{refused:?}");
        let refused = finish(&unsigned, Some(Arc::new(unsigned.keys_of_nobody().unwrap())));
        assert!(matches!(refused, Err(Rejection::SignatureMismatch { secrets: 0 })), "{refused:?}");
    }
}
