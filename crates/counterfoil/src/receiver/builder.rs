//! Settings of a receiver, and the refusal of those that cannot work.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::heartbeat::is_long;
use super::{Activity, Inner, Once, Receiver, Waiters};
use crate::idempotency::{NonZeroDuration, OnExpired, Store, Survives};
use crate::remote::RemoteVerifier;
use crate::scheme::Sender;
use crate::tenants::{Directory, Tenants};
use crate::time::{SystemClock, Tolerance, UtcOffset};
use crate::verifier::{Setting, VerifierBuilder};
use crate::{Clock, ConfigError, Secret, Verifier};

/// The largest body by default: far above any event, far below what hurts.
pub const DEFAULT_BODY_LIMIT: usize = 1024 * 1024;

/// How long a body may take by default: bodies are small, and most senders have given up by then.
pub const DEFAULT_BODY_TIMEOUT: Duration = Duration::from_secs(15);

/// How long an event is claimed by default.
pub const DEFAULT_LEASE: Duration = Duration::from_secs(60);

/// How long an event is remembered by default.
pub const DEFAULT_RETENTION: Duration = Duration::from_secs(7 * 86_400);

/// Without a signed time the record is the only bound on replays, so it is kept longer.
const UNTIMED_RETENTION: Duration = Duration::from_secs(30 * 86_400);

/// Room in the retention for clocks and queues that nobody thought of.
const RETENTION_SLACK: Duration = Duration::from_secs(3600);

/// Long enough for most first deliveries, short enough not to use up the sender's patience.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// The patience that is assumed of a sender that does not state its own.
const ASSUMED_DEADLINE: Duration = Duration::from_secs(5);

/// A lease must outlast its own safety margin; see `heartbeat`.
const SHORTEST_LEASE: Duration = Duration::from_secs(2);

/// Settings of a [`Receiver`].
#[derive(Debug)]
#[must_use]
pub struct ReceiverBuilder {
    verifier: VerifierBuilder,
    clock: Arc<dyn Clock>,
    store: Option<Arc<dyn Store>>,
    lease: Option<Duration>,
    retention: Option<Duration>,
    on_expired: Option<OnExpired>,
    refuse_conflicts: bool,
    wait: Option<Duration>,
    handler_time: Option<Duration>,
    body_limit: usize,
    body_timeout: Duration,
    remote: Option<Arc<dyn RemoteVerifier>>,
    tenants: Option<Arc<dyn Tenants>>,
    tenant_cache: Option<(NonZeroUsize, Duration)>,
}

impl ReceiverBuilder {
    pub(super) fn new(sender: Sender) -> Self {
        Self {
            verifier: Verifier::builder(sender),
            clock: Arc::new(SystemClock),
            store: None,
            lease: None,
            retention: None,
            on_expired: None,
            refuse_conflicts: false,
            wait: None,
            handler_time: None,
            body_limit: DEFAULT_BODY_LIMIT,
            body_timeout: DEFAULT_BODY_TIMEOUT,
            remote: None,
            tenants: None,
            tenant_cache: None,
        }
    }

    /// See [`VerifierBuilder::secret`].
    pub fn secret(mut self, secret: Secret) -> Self {
        self.verifier = self.verifier.secret(secret);
        self
    }

    /// See [`VerifierBuilder::secret_until`].
    pub fn secret_until(mut self, secret: Secret, end: SystemTime) -> Self {
        self.verifier = self.verifier.secret_until(secret, end);
        self
    }

    /// See [`VerifierBuilder::endpoint`].
    pub fn endpoint(mut self, name: impl Into<String>) -> Self {
        self.verifier = self.verifier.endpoint(name);
        self
    }

    /// See [`VerifierBuilder::tolerance`].
    pub fn tolerance(mut self, tolerance: Tolerance) -> Self {
        self.verifier = self.verifier.tolerance(tolerance);
        self
    }

    /// See [`VerifierBuilder::utc_offset`].
    pub fn utc_offset(mut self, offset: UtcOffset) -> Self {
        self.verifier = self.verifier.utc_offset(offset);
        self
    }

    /// See [`VerifierBuilder::public_url`].
    pub fn public_url(mut self, url: impl Into<String>) -> Self {
        self.verifier = self.verifier.public_url(url);
        self
    }

    /// See [`VerifierBuilder::webhook_id`].
    pub fn webhook_id(mut self, id: impl Into<String>) -> Self {
        self.verifier = self.verifier.webhook_id(id);
        self
    }

    /// Asks the sender's endpoint through `remote`, for a sender that nobody else can check.
    pub fn remote(mut self, remote: impl RemoteVerifier) -> Self {
        self.remote = Some(Arc::new(remote));
        self
    }

    /// Takes the secrets from `tenants` instead of having its own.
    pub fn tenants(mut self, tenants: impl Tenants) -> Self {
        self.tenants = Some(Arc::new(tenants));
        self
    }

    /// How many tenants are remembered, and for how long; default 4096, for 60 s. A revoked secret is refused at the
    /// latest after that time, a lookup's (5 s at most) and the [body timeout](Self::body_timeout). Zero remembers
    /// nothing; deliveries that come together still share a lookup.
    pub fn tenant_cache(mut self, entries: NonZeroUsize, time: Duration) -> Self {
        self.tenant_cache = Some((entries, time));
        self
    }

    /// Takes `now` from `clock`. Leases are not its affair: the store's own clock decides those.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Handles each event once, remembering it in `store`.
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// How long an event is claimed; default 60 s, at least 2 s. An event whose process died is free again when
    /// its lease has passed. A handler that may outlast its lease says so: [`handler_time`](Self::handler_time).
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = Some(lease);
        self
    }

    /// How long an event is remembered; default 7 days, 30 where the sender signs no time.
    pub fn retention(mut self, retention: Duration) -> Self {
        self.retention = Some(retention);
        self
    }

    /// What to do with an event whose holder vanished; default: the next delivery handles it again.
    pub fn on_expired(mut self, on_expired: OnExpired) -> Self {
        self.on_expired = Some(on_expired);
        self
    }

    /// Answers 422 instead of 200 where an event of the same id was completed with another body. Only for
    /// senders whose bodies never change between attempts: others switch an endpoint off for it.
    pub fn refuse_conflicts(mut self) -> Self {
        self.refuse_conflicts = true;
        self
    }

    /// How long a duplicate waits for a first delivery that is under way; default and most: two seconds, or a
    /// third of the sender's deadline. Zero: 503 at once.
    pub fn in_flight_wait(mut self, wait: Duration) -> Self {
        self.wait = Some(wait);
        self
    }

    /// How long a handler may take; default: the lease less a tenth of it (or less one second, whichever is
    /// more), and no limit without a store. A handler that takes longer is stopped and answered with 503.
    ///
    /// With more than that the handler is declared long: while it runs, its lease is extended whenever a third of
    /// it is used up. A handler that is alive keeps its event, and an event whose process died is still free
    /// after one lease. The handler is stopped early where no extension succeeded before the lease less its
    /// margin was over, and at once where an extension finds that the event is not its own any more, because
    /// somebody forgot it or took it over. An event that the handler completed in a transaction of its own needs
    /// no lease any more: the handler goes on.
    ///
    /// The lease is extended in the task that runs the handler. A handler that blocks its thread is out of reach, for
    /// this limit as for the extensions. A transaction that has completed the event keeps an extension waiting
    /// until it ends: complete the event as its last step.
    ///
    /// A sender waits for seconds. It never sees the response of a handler that takes longer: its retries get
    /// 503 while the handler runs, and 200 as duplicates after that.
    pub fn handler_time(mut self, limit: Duration) -> Self {
        self.handler_time = Some(limit);
        self
    }

    /// The largest body in bytes; default 1 MiB.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// How long a body may take to arrive; default 15 s.
    pub fn body_timeout(mut self, limit: Duration) -> Self {
        self.body_timeout = limit;
        self
    }

    /// Builds the receiver.
    ///
    /// # Errors
    /// A setting that cannot work, with what to change.
    pub fn build(self) -> Result<Receiver, ConfigError> {
        if self.body_timeout.is_zero() {
            return Err(ConfigError::Zero { setting: "body_timeout" });
        }
        if self.handler_time.is_some_and(|limit| limit.is_zero()) {
            return Err(ConfigError::Zero { setting: "handler_time" });
        }
        let default = if self.store.is_some() { Tolerance::RetrySafe } else { Tolerance::Strict };
        let setting = Setting { tolerance: default, now: Some(self.clock.now()), tenants: self.tenants.is_some() };
        let verifier = self.verifier.clone().build_with(setting)?;
        self.check_remote(&verifier)?;
        let tenants = self.directory(&verifier)?;
        let once = match &self.store {
            Some(store) => Some(self.once(&verifier, store)?),
            None => self.without_store().map(|()| None)?,
        };
        let inner = Inner {
            verifier,
            clock: self.clock,
            body_limit: self.body_limit,
            body_timeout: self.body_timeout,
            handler_time: self.handler_time,
            activity: Arc::new(Activity::default()),
            tenants,
            remote: self.remote,
            once,
        };
        Ok(Receiver { inner: Arc::new(inner) })
    }

    fn check_remote(&self, verifier: &Verifier) -> Result<(), ConfigError> {
        let sender = || verifier.sender().name.clone().into_owned();
        match (verifier.sender().scheme.remote(), &self.remote) {
            (Some(_), None) => Err(ConfigError::RemoteMissing { sender: sender() }),
            (Some(_), Some(_)) | (None, None) => Ok(()),
            (None, Some(_)) => Err(ConfigError::SettingUnused { sender: sender(), setting: "remote" }),
        }
    }

    fn directory(&self, verifier: &Verifier) -> Result<Option<Directory>, ConfigError> {
        let (entries, keep) = self.tenant_cache.unzip();
        match &self.tenants {
            Some(tenants) => Directory::new(tenants.clone(), entries, keep, verifier).map(Some),
            None if self.tenant_cache.is_none() => Ok(None),
            None => {
                let sender = verifier.sender().name.clone().into_owned();
                Err(ConfigError::SettingUnused { sender, setting: "tenant_cache" })
            }
        }
    }

    fn once(&self, verifier: &Verifier, store: &Arc<dyn Store>) -> Result<Once, ConfigError> {
        let deadline = verifier.sender().timing.deadline.unwrap_or(ASSUMED_DEADLINE);
        let wait = LONGEST_WAIT.min(deadline / 3);
        let lease_time = lease_time(self.lease.unwrap_or(DEFAULT_LEASE))?;
        let longest_claim = longest_claim(self.handler_time, lease_time);
        let retention = retention(verifier, self.retention, longest_claim)?;
        let durability = store.durability();
        if durability == Survives::Nothing {
            tracing::warn!(target: "counterfoil", sender = %verifier.name(), "the store survives nothing: after a restart every retry is handled again");
        } else {
            tracing::info!(target: "counterfoil", sender = %verifier.name(), ?durability, "webhook store ready");
        }
        Ok(Once {
            store: store.clone(),
            lease_time,
            retention,
            on_expired: self.on_expired.unwrap_or_default(),
            refuse_conflicts: self.refuse_conflicts,
            waiters: Arc::new(Waiters::default()),
            wait: self.wait.map_or(wait, |asked| asked.min(wait)),
        })
    }

    /// A setting that does nothing is a store that was forgotten.
    fn without_store(&self) -> Result<(), ConfigError> {
        let settings = [
            ("lease", self.lease.is_some()),
            ("retention", self.retention.is_some()),
            ("on_expired", self.on_expired.is_some()),
            ("refuse_conflicts", self.refuse_conflicts),
            ("in_flight_wait", self.wait.is_some()),
        ];
        match settings.into_iter().find(|(_, set)| *set) {
            Some((setting, _)) => Err(ConfigError::StoreMissing { setting }),
            None => Ok(()),
        }
    }
}

fn lease_time(lease: Duration) -> Result<NonZeroDuration, ConfigError> {
    match NonZeroDuration::new(lease) {
        Some(lease_time) if lease >= SHORTEST_LEASE => Ok(lease_time),
        _ => Err(ConfigError::LeaseTooShort { lease, least: SHORTEST_LEASE }),
    }
}

/// An event that is completed when its retention is over already is forgotten at once, so retention has to begin
/// with the longest that a claim can last: until the last extension of a long handler's lease has passed.
fn longest_claim(handler_time: Option<Duration>, lease_time: NonZeroDuration) -> Duration {
    let extended = handler_time.filter(|limit| is_long(*limit, lease_time));
    lease_time.get().saturating_add(extended.unwrap_or_default())
}

/// A record must outlive every moment at which a replay of its delivery would still be fresh.
fn retention(
    verifier: &Verifier,
    asked: Option<Duration>,
    longest_claim: Duration,
) -> Result<NonZeroDuration, ConfigError> {
    let window = verifier.window();
    let replay = window.map_or(Duration::ZERO, |window| window.past.saturating_add(window.future));
    let least = replay.saturating_add(longest_claim).saturating_add(RETENTION_SLACK);
    let default = if window.is_some() { DEFAULT_RETENTION } else { UNTIMED_RETENTION };
    let retention = asked.unwrap_or(default);
    match NonZeroDuration::new(retention) {
        Some(kept) if retention >= least => Ok(kept),
        _ => Err(ConfigError::RetentionTooShort { retention, least }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::idempotency::MemoryStore;
    use crate::senders;
    use std::num::NonZeroU32;

    fn builder(sender: Sender) -> ReceiverBuilder {
        let store = MemoryStore::new(NonZeroU32::MIN);
        Receiver::builder(sender).secret(Secret::new("a secret of some length").unwrap()).store(store)
    }

    #[test]
    fn t5_a_receiver_without_a_secret_is_not_built() {
        assert!(matches!(Receiver::builder(senders::HANDL).build(), Err(ConfigError::SecretMissing { .. })));
        let past = crate::time::parse_rfc3339("2020-01-01T00:00:00Z").unwrap();
        let verifier = builder(senders::HANDL).build().unwrap().verifier().clone();
        let ended = [(Secret::new("another secret").unwrap(), Some(past))];
        let now = crate::time::parse_rfc3339("2026-01-01T00:00:00Z").unwrap();
        assert!(matches!(verifier.set_secrets(ended, now), Err(ConfigError::SecretsEnded { .. })));
        assert!(matches!(verifier.set_secrets([], now), Err(ConfigError::SecretMissing { .. })));
    }

    #[test]
    fn t50_retention_outlives_every_replay() {
        let least = Duration::from_secs(97_200 + 60 + 60 + 3600);
        assert!(builder(senders::HANDL).retention(least).build().is_ok());
        let short = least - Duration::from_secs(1);
        let error = builder(senders::HANDL).retention(short).build().unwrap_err();
        assert!(matches!(error, ConfigError::RetentionTooShort { least: named, .. } if named == least));
        let long = |limit| builder(senders::HANDL).handler_time(limit).retention(least).build();
        assert!(long(Duration::from_secs(54)).is_ok(), "as long as a lease is anyway");
        let error = long(Duration::from_secs(55)).unwrap_err();
        let more = least + Duration::from_secs(55);
        assert!(matches!(error, ConfigError::RetentionTooShort { least: named, .. } if named == more));
        assert!(builder(senders::HANDL).handler_time(Duration::from_secs(55)).retention(more).build().is_ok());
        assert!(builder(senders::HANDL).handler_time(Duration::MAX).build().is_err());
        assert!(builder(senders::HANDL).tolerance(Tolerance::Strict).retention(short).build().is_ok());
        assert!(builder(senders::HANDL).retention(Duration::ZERO).build().is_err());
        let endless = Tolerance::Custom { past: Duration::MAX, future: Duration::MAX };
        assert!(builder(senders::HANDL).tolerance(endless).build().is_err());
    }

    #[test]
    fn impossible_settings_say_what_to_change() {
        for lease in [Duration::ZERO, Duration::from_millis(1), Duration::from_millis(1999)] {
            assert!(matches!(builder(senders::HANDL).lease(lease).build(), Err(ConfigError::LeaseTooShort { .. })));
        }
        let error = builder(senders::HANDL).handler_time(Duration::ZERO).build().unwrap_err();
        assert!(matches!(error, ConfigError::Zero { setting: "handler_time" }));
        assert!(builder(senders::HANDL).endpoint("").build().is_err());
        assert!(builder(senders::HANDL).endpoint("a\nb").build().is_err());
        assert!(builder(senders::HANDL.with_event_id_at("id")).build().is_err());
        assert!(builder(senders::HANDL).utc_offset("+02:00".parse().unwrap()).build().is_err());
        let plugin = builder(senders::AGENCY_OS_AI_PLUGIN).tolerance(Tolerance::Strict).build().unwrap_err();
        assert!(plugin.to_string().contains("--utc-offset"), "{plugin}");
        assert!(builder(senders::AGENCY_OS_AI_PLUGIN).build().is_ok());
    }

    #[test]
    fn a_forgotten_store_and_ended_secrets_are_noticed() {
        let secret = || Secret::new("a secret of some length").unwrap();
        let builder = || Receiver::builder(senders::HANDL).secret(secret());
        for (setting, builder) in [
            ("lease", builder().lease(DEFAULT_LEASE)),
            ("retention", builder().retention(DEFAULT_RETENTION)),
            ("on_expired", builder().on_expired(OnExpired::Park)),
            ("refuse_conflicts", builder().refuse_conflicts()),
            ("in_flight_wait", builder().in_flight_wait(Duration::ZERO)),
        ] {
            let error = builder.build().unwrap_err();
            assert!(matches!(error, ConfigError::StoreMissing { setting: named } if named == setting), "{error}");
        }
        assert!(builder().handler_time(Duration::MAX).build().is_ok(), "a time limit needs no store");
        let ended = crate::time::parse_rfc3339("2020-01-01T00:00:00Z").unwrap();
        let error = Receiver::builder(senders::HANDL).secret_until(secret(), ended).build().unwrap_err();
        assert!(matches!(error, ConfigError::SecretsEnded { .. }), "{error}");
    }

    #[test]
    fn a_duplicate_never_waits_longer_than_the_sender() {
        let wait = |sender, asked| {
            let receiver = builder(sender).in_flight_wait(asked).build().unwrap();
            receiver.inner.once.as_ref().unwrap().wait
        };
        assert_eq!(wait(senders::HANDL, Duration::MAX), Duration::from_secs(2));
        assert_eq!(wait(senders::AGENCY_OS_AI_PLUGIN, Duration::MAX), Duration::from_secs(5) / 3);
        assert_eq!(wait(senders::AGILED, Duration::MAX), Duration::from_secs(5) / 3);
        assert_eq!(wait(senders::HANDL, Duration::ZERO), Duration::ZERO);
    }
}
