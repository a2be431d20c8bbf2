//! Proves that a delivery came from its sender: stages 1 to 6 of the way through, synchronous and pure.
//!
//! A delivery is accepted exactly when
//!
//! 1. the signature header is there once and of the scheme's form, and so is every other header that the scheme
//!    signs;
//! 2. one of the active secrets makes that signature over the signed content, byte for byte as received; or is the
//!    credential presented; or the sender's own endpoint says yes under it;
//! 3. the body is of the scheme's form, its id can be a key, and no unsigned header contradicts it;
//! 4. the signed time lies within the tolerance.
//!
//! The first that fails is the answer. Nothing is parsed from the body before the signature has matched, but for a
//! body that goes to the sender's endpoint: that one must be a JSON object first.
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

mod asked;
mod body;
mod builder;
mod head;
mod keys;
mod presented;
mod prove;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use bytes::Bytes;
use http::HeaderMap;

pub use builder::VerifierBuilder;
pub use presented::{Presented, Stale, Verified};

pub(crate) use builder::{Setting, is_name};
pub(crate) use head::Evidence;
pub(crate) use keys::{Address, Dated, KeySet, PublicUrl};
pub(crate) use prove::MAX_CHALLENGE_BYTES;

use presented::Progress;

use crate::event::EventReader;
use crate::idempotency::{KeySpace, Scope};
use crate::scheme::{CheckedScheme, Remote, Sender};
use crate::tenants::Tenant;
use crate::time::{Clock, SystemClock, Window};
use crate::{ConfigError, Delivery, Rejection, Secret};

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
    address: Address,
    /// Whether the secrets are those of tenants.
    tenants: bool,
    /// How the sender's endpoint is asked, where it has to be.
    remote: Option<Arc<Remote>>,
    keys: RwLock<Arc<KeySet>>,
    /// Counts the replacements of `keys`, so that a request can tell without the lock that there was none.
    generation: AtomicU64,
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
        let mut progress = self.begin(self.read_head(headers)?, None, now);
        progress.check_head(self, now)?;
        progress.push(body.into());
        match progress.finish(self, headers, now)? {
            Verified::Fresh(delivery) => Ok(delivery),
            Verified::Stale(stale) => Err(stale.into_rejection()),
            Verified::Challenge(_) => Err(Rejection::BodyNotAnObject { expected: "an event: it is a challenge" }),
            Verified::Ask(_) => {
                let reason = "its sender's endpoint must be asked: use a receiver, or `present` and `finish`";
                Err(Rejection::CouldNotVerify { reason: reason.into() })
            }
        }
    }

    /// Checks the head alone, before one byte of the body is read.
    ///
    /// # Errors
    /// The signature or timestamp header is absent, repeated or malformed.
    pub fn present(&self, headers: &HeaderMap, now: SystemTime) -> Result<Presented, Rejection> {
        self.present_read(self.read_head(headers)?, None, now)
    }

    pub(crate) fn read_head(&self, headers: &HeaderMap) -> Result<Evidence, Rejection> {
        self.config.read_head(headers)
    }

    /// Goes on from a head that was read, with the secrets of a tenant, or with our own.
    pub(crate) fn present_read(
        &self,
        evidence: Evidence,
        tenant: Option<Arc<KeySet>>,
        now: SystemTime,
    ) -> Result<Presented, Rejection> {
        let progress = self.begin(evidence, tenant, now);
        progress.check_head(self, now)?;
        Ok(progress.presented(self.clone()))
    }

    #[inline]
    fn begin(&self, evidence: Evidence, tenant: Option<Arc<KeySet>>, now: SystemTime) -> Progress {
        // Before the keys: whoever replaces them in between makes us look again.
        let generation = self.generation();
        match tenant {
            Some(keys) => Progress::begin(self, evidence, keys, None, now),
            None => Progress::begin(self, evidence, self.keys(), Some(generation), now),
        }
    }

    /// The secrets of one tenant.
    pub(crate) fn keys_of_tenant(&self, name: &str, tenant: &Tenant) -> Result<KeySet, ConfigError> {
        let sender = &self.config.sender;
        let place = self.place_of_tenant(name)?;
        let address = tenant.address()?.or(&place.address);
        address.check(sender)?;
        Ok(KeySet { keys: keys::build(sender, tenant.secrets(), None)?, address, known: true, ..place })
    }

    /// A tenant's part of the keys' space, without a secret.
    pub(crate) fn place_of_tenant(&self, name: &str) -> Result<KeySet, ConfigError> {
        let config = &*self.config;
        let tenant = builder::name(name)?;
        Ok(KeySet {
            keys: Box::default(),
            key_space: KeySpace::new(&config.name, &config.endpoint, &tenant),
            tenant: Some(tenant),
            address: config.address.clone(),
            known: false,
        })
    }

    /// What a request is checked against that names no tenant of ours: it costs as much and never matches.
    pub(crate) fn keys_of_nobody(&self) -> Result<KeySet, ConfigError> {
        let config = &*self.config;
        Ok(KeySet {
            keys: keys::decoy(&config.sender)?,
            key_space: KeySpace::new(&config.name, &config.endpoint, ""),
            tenant: None,
            address: config.address.clone(),
            known: false,
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
        let sender = &self.config.sender;
        if self.config.tenants {
            let reason = "its tenants have theirs: change what `Tenants::find` gives";
            return Err(ConfigError::SecretUnused { sender: sender.name.clone().into_owned(), reason });
        }
        let keys = keys::build(sender, &secrets, Some(now))?;
        keys::warn_of_short(sender, &secrets);
        let mut current = self.config.keys.write().unwrap_or_else(PoisonError::into_inner);
        *current = Arc::new(KeySet {
            keys,
            key_space: current.key_space.clone(),
            tenant: current.tenant.clone(),
            address: current.address.clone(),
            known: true,
        });
        drop(current);
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

    /// The part of the store that its events live in; those of tenants live in parts of their own.
    #[must_use]
    pub fn scope(&self) -> Scope {
        self.keys().key_space.scope()
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

    fn generation(&self) -> u64 {
        self.config.generation.load(Ordering::SeqCst)
    }

    fn keys(&self) -> Arc<KeySet> {
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
