//! Secrets of many tenants behind one address.
//!
//! A receiver for a platform's customers does not know its secrets when it is built. It is given [`Tenants`] instead:
//! which tenant a request says it is for, and that tenant's secrets. Each tenant has a part of the store to itself, so
//! that two tenants' events never meet, whatever their ids.
//!
//! ```
//! use counterfoil::idempotency::BoxFuture;
//! use counterfoil::receiver::Head;
//! use counterfoil::tenants::{Tenant, Tenants, TenantsError};
//! use counterfoil::{senders, Receiver, Secret};
//!
//! /// `POST /webhooks/{tenant}/agiled`
//! #[derive(Debug)]
//! struct Customers;
//!
//! impl Tenants for Customers {
//!     fn name(&self, head: &Head<'_>) -> Option<String> {
//!         head.parameters.get("tenant").map(str::to_owned)
//!     }
//!
//!     fn find<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Tenant>, TenantsError>> {
//!         Box::pin(async move {
//!             // Ask your database.
//!             let secret = (name == "acme").then(|| Secret::new("acme_agiled_secret_example"));
//!             Ok(secret.transpose()?.map(|secret| Tenant::new().secret(secret)))
//!         })
//!     }
//! }
//!
//! let receiver = Receiver::builder(senders::AGILED).tenants(Customers).build()?;
//! # Ok::<(), counterfoil::ConfigError>(())
//! ```
//!
//! # Revoking a secret
//! What a tenant's secrets are is remembered for a minute, or for as long as
//! [`tenant_cache`](crate::receiver::ReceiverBuilder::tenant_cache) says, and so is that there is no such tenant. A
//! secret that was revoked is refused at the latest after that time, the time of a lookup (5 s at most) and the
//! receiver's body timeout together, deliveries that were arriving included.
//!
//! # Strangers
//! A tenant that does not exist answers exactly as a wrong signature does, after hashing the body under one secret.
//! Whoever measures can tell a tenant with several secrets from none by what the others take, and a tenant whose
//! sender's endpoint is asked by the question. Whoever makes names up makes you look each of them up once: let
//! [`Tenants::name`] refuse what cannot be a name of yours.
//!
//! # Security
//! The name in a request is signed by nobody, and it is part of every key. Where a lookup takes two names for one
//! tenant, by ignoring case or blanks, a captured delivery can be sent again under the other name and is a new event:
//! compare exactly, or say the tenant's one name with [`Tenant::named`].

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use quick_cache::sync::Cache;

use crate::error::with_causes;
use crate::idempotency::BoxFuture;
use crate::receiver::{Head, Runtime, within};
use crate::time::monotonic;
use crate::verifier::{Address, Dated, KeySet, Verifier, is_name};
use crate::{ConfigError, Rejection, Secret};

/// How many tenants are remembered.
pub(crate) const DEFAULT_CACHE_ENTRIES: usize = 4096;

/// For how long a tenant is remembered.
pub(crate) const DEFAULT_CACHE_TIME: Duration = Duration::from_secs(60);

/// How long a lookup may take: as long as the least patient sender waits.
const FIND_TIME: Duration = Duration::from_secs(5);

/// Why the secrets cannot be had now.
pub type TenantsError = Box<dyn std::error::Error + Send + Sync>;

/// Who the tenants are.
pub trait Tenants: fmt::Debug + Send + Sync + 'static {
    /// Which tenant a request says it is for, from its head alone: a path parameter, a header, the host. `None` where
    /// it cannot be one of ours.
    ///
    /// The name is part of every key: renaming a tenant makes its events new ones.
    fn name(&self, head: &Head<'_>) -> Option<String>;

    /// That tenant; `None` where there is none. Asked once for requests that come together, for 5 s at most, and not
    /// again while the answer is remembered.
    ///
    /// # Errors
    /// The secrets cannot be had now. The deliveries that wait are answered with 503, and nothing is remembered.
    fn find<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Tenant>, TenantsError>>;
}

/// One tenant's side of a receiver.
#[derive(Clone, Default)]
#[must_use]
pub struct Tenant {
    name: Option<String>,
    secrets: Vec<Dated>,
    public_url: Option<String>,
    webhook_id: Option<String>,
}

impl Tenant {
    /// A tenant without secrets yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says the tenant's one name, where a lookup takes several names for it. Default: the name that was looked up.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

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

    /// The address that the sender was given for this tenant, where it is another than the receiver's: see
    /// [`VerifierBuilder::public_url`](crate::verifier::VerifierBuilder::public_url).
    pub fn public_url(mut self, url: impl Into<String>) -> Self {
        self.public_url = Some(url.into());
        self
    }

    /// The id of this tenant's webhook: see
    /// [`VerifierBuilder::webhook_id`](crate::verifier::VerifierBuilder::webhook_id).
    pub fn webhook_id(mut self, id: impl Into<String>) -> Self {
        self.webhook_id = Some(id.into());
        self
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    pub(crate) fn secrets(&self) -> &[Dated] {
        &self.secrets
    }

    pub(crate) fn address(&self) -> Result<Address, ConfigError> {
        Address::read(self.public_url.as_deref(), self.webhook_id.as_deref())
    }
}

impl fmt::Debug for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the public URL: people put secrets into addresses.
        f.debug_struct("Tenant").field("name", &self.name).field("secrets", &self.secrets).finish_non_exhaustive()
    }
}

/// The tenants of one receiver, as far as they are known.
pub(crate) struct Directory {
    tenants: Arc<dyn Tenants>,
    cache: Cache<String, Entry>,
    keep: Duration,
    /// What strangers are checked against.
    nobody: Arc<KeySet>,
}

/// What came of one lookup.
#[derive(Clone)]
struct Entry {
    /// Or why they cannot be had.
    keys: Result<Arc<KeySet>, Arc<str>>,
    /// `None`: for ever.
    until: Option<Instant>,
}

impl Directory {
    pub(crate) fn new(
        tenants: Arc<dyn Tenants>,
        entries: Option<NonZeroUsize>,
        keep: Option<Duration>,
        verifier: &Verifier,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            tenants,
            cache: Cache::new(entries.map_or(DEFAULT_CACHE_ENTRIES, NonZeroUsize::get)),
            keep: keep.unwrap_or(DEFAULT_CACHE_TIME),
            nobody: Arc::new(verifier.keys_of_nobody()?),
        })
    }

    /// What a request is checked against.
    pub(crate) async fn keys(
        &self,
        runtime: &impl Runtime,
        verifier: &Verifier,
        head: &Head<'_>,
    ) -> Result<Arc<KeySet>, Rejection> {
        let name = self.tenants.name(head).filter(|name| is_name(name));
        let Some(name) = name else { return Ok(self.nobody.clone()) };
        // What is over must go before it is asked for, or those who wait for it would be given it.
        let now = monotonic();
        self.cache.remove_if(&name, |entry| entry.until.is_some_and(|until| until <= now));
        // A failure is an entry too, over from the start: it is for those who have waited for it, and for nobody else.
        let find = async { Ok::<_, Infallible>(self.find(runtime, verifier, &name).await) };
        let Ok(entry) = self.cache.get_or_insert_async(&name, find).await;
        entry.keys.map_err(|reason| Rejection::CouldNotVerify { reason })
    }

    async fn find(&self, runtime: &impl Runtime, verifier: &Verifier, name: &str) -> Entry {
        let asked_at = monotonic();
        let found = within(runtime, FIND_TIME, self.tenants.find(name)).await;
        let found = found.unwrap_or_else(|| Err(format!("no answer within {} s", FIND_TIME.as_secs()).into()));
        let keys = match found {
            Ok(Some(tenant)) => {
                let keys = verifier.keys_of_tenant(tenant.name().unwrap_or(name), &tenant);
                keys.map(Arc::new).map_err(|error| could_not(name, &error))
            }
            Ok(None) => Ok(self.nobody.clone()),
            Err(error) => Err(could_not(name, &*error)),
        };
        // From the moment of asking: what was revoked while the answer was on its way may not be in it.
        let until = if keys.is_ok() { asked_at.checked_add(self.keep) } else { Some(asked_at) };
        Entry { keys, until }
    }
}

/// The reason with all that lies under it.
fn could_not(name: &str, error: &(dyn Error + 'static)) -> Arc<str> {
    format!("the secrets of tenant `{name}` cannot be had: {}", with_causes(error)).into()
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Directory").field("tenants", &self.tenants).field("keep", &self.keep).finish_non_exhaustive()
    }
}
