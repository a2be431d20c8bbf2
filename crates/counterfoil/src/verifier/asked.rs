//! What a verifier does for deliveries that only their sender can prove.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::HeaderMap;

use super::head::Evidence;
use super::keys::{KeySet, Proof};
use super::prove::Proven;
use super::{Verified, Verifier};
use crate::remote::Question;
use crate::{Rejection, Secret};

impl KeySet {
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The secret of that index, if it counts at `now`.
    pub(crate) fn secret_to_ask(&self, index: usize, now: SystemTime) -> Option<&Secret> {
        let key = self.keys.get(index).filter(|key| self.known && key.is_active(now))?;
        match &key.proof {
            Proof::Asked(secret) => Some(secret),
            _ => None,
        }
    }
}

impl Verifier {
    /// `None` for a sender that is not asked.
    pub(crate) fn question(
        &self,
        keys: &KeySet,
        secret: &Secret,
        signature: &str,
        payload: &Bytes,
    ) -> Option<Question> {
        let webhook_id = keys.address.webhook_id.clone().unwrap_or_default();
        Some(Question::new(self.config.remote.clone()?, webhook_id, signature, secret, payload))
    }

    /// The secrets in use, where they are others than `keys` by now.
    pub(crate) fn replaced(&self, keys: &Arc<KeySet>) -> Option<Arc<KeySet>> {
        if self.config.tenants {
            return None;
        }
        Some(self.keys()).filter(|current| !Arc::ptr_eq(current, keys))
    }

    /// The headers outside the signature that the sender's file names.
    pub(crate) fn unsigned_headers(&self, headers: &HeaderMap) -> HeaderMap {
        let scheme = &self.config.scheme;
        let names = [&scheme.event, &scheme.id].into_iter().flatten();
        let kept = names.flat_map(|name| headers.get_all(name).iter().map(|value| (name.clone(), value.clone())));
        let mut map = HeaderMap::new();
        kept.for_each(|(name, value)| {
            map.append(name, value);
        });
        map
    }

    /// Reads the event of a delivery that its sender has proven under the secret of that index.
    pub(crate) fn prove_asked(
        &self,
        keys: &KeySet,
        index: usize,
        headers: &HeaderMap,
        body: Bytes,
        received_at: SystemTime,
        now: SystemTime,
    ) -> Result<Verified, Rejection> {
        let evidence = &Evidence::Nothing;
        let proven = Proven { evidence, keys, secret_index: Some(index), headers, received_at };
        self.config.prove(&proven, body, now)
    }
}
