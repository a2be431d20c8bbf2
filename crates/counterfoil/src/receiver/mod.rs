//! Receives deliveries: verifies each, claims its event, and settles what the handler made of it.
//!
//! An event is handled exactly when
//!
//! 1. the request is a POST without a content encoding, no larger than the limit, and read in time;
//! 2. the [`Verifier`] accepts it;
//! 3. the store has no live claim, completion or burial of its key.
//!
//! The receiver knows no runtime and no framework. An adapter feeds it ([`Receiver::head`],
//! [`Intake::read`], [`Intake::finish`]), brings [`Receiver::process`] to its end, and translates the
//! result. It decides nothing: [`Answer`] is the one table from outcome to answer.
//!
//! ```
//! use std::num::NonZeroU32;
//! use counterfoil::idempotency::MemoryStore;
//! use counterfoil::{senders, Receiver, Secret};
//!
//! let receiver = Receiver::builder(senders::HANDL)
//!     .secret(Secret::new("whsec_example_0123")?)
//!     .store(MemoryStore::new(NonZeroU32::new(1_000_000).ok_or("not zero")?))
//!     .build()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod activity;
mod admit;
mod answer;
mod ask;
mod builder;
mod head;
mod heartbeat;
mod intake;
mod observe;
mod run;
mod signal;
mod waiting;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use answer::{Answer, DUPLICATE_HEADER};
pub use builder::{DEFAULT_BODY_LIMIT, DEFAULT_BODY_TIMEOUT, DEFAULT_LEASE, DEFAULT_RETENTION, ReceiverBuilder};
pub use head::{Head, Parameters};
pub use intake::{Intake, Received};
pub use run::{Context, Handled, Processed, Reject, Runtime};

pub(crate) use admit::within;

use activity::Activity;
use waiting::Waiters;

use crate::idempotency::{IdempotencyKey, NonZeroDuration, OnExpired, Scope, Store, StoreError, Survives};
use crate::remote::RemoteVerifier;
use crate::scheme::Sender;
use crate::tenants::Directory;
use crate::{Clock, Verifier};

/// Receives one sender's deliveries to one endpoint. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Receiver {
    inner: Arc<Inner>,
}

struct Inner {
    verifier: Verifier,
    clock: Arc<dyn Clock>,
    body_limit: usize,
    body_timeout: Duration,
    handler_time: Option<Duration>,
    activity: Arc<Activity>,
    tenants: Option<Directory>,
    remote: Option<Arc<dyn RemoteVerifier>>,
    once: Option<Once>,
}

/// Handling each event once.
struct Once {
    store: Arc<dyn Store>,
    lease_time: NonZeroDuration,
    retention: NonZeroDuration,
    on_expired: OnExpired,
    refuse_conflicts: bool,
    waiters: Arc<Waiters>,
    wait: Duration,
}

/// Where the time of one delivery went.
#[derive(Debug, Clone, Copy)]
struct Timings {
    head_at: Instant,
    verify: Option<Duration>,
    handle: Option<Duration>,
    settle: Option<Duration>,
}

impl Receiver {
    /// Starts a receiver for `sender`.
    pub fn builder(sender: Sender) -> ReceiverBuilder {
        ReceiverBuilder::new(sender)
    }

    /// What proves the deliveries.
    #[must_use]
    pub fn verifier(&self) -> &Verifier {
        &self.inner.verifier
    }

    /// Our name for the address that the sender was given.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        self.inner.verifier.endpoint()
    }

    /// The largest body in bytes.
    #[must_use]
    pub fn body_limit(&self) -> usize {
        self.inner.body_limit
    }

    /// How long a body may take to arrive.
    #[must_use]
    pub fn body_timeout(&self) -> Duration {
        self.inner.body_timeout
    }

    /// Whether the secrets are those of [tenants](crate::tenants): then an adapter has to tell [`Head::parameters`].
    #[must_use]
    pub fn has_tenants(&self) -> bool {
        self.inner.tenants.is_some()
    }

    /// Refuses new deliveries with 503, waits until those under way have settled or `grace` is over, stops
    /// the handlers that are left and releases their events. Ready when nothing is under way any more, which
    /// takes as long as a handler that blocks its thread.
    ///
    /// `grace` is any future, such as `tokio::time::sleep(Duration::from_secs(20))`.
    pub async fn shutdown(&self, grace: impl Future<Output = ()>) {
        self.inner.activity.shutdown(grace).await;
    }

    /// How the receiver is doing, asking the store. Put a time limit around it: a store that hangs, hangs this.
    pub async fn health(&self) -> Health {
        let store = match &self.inner.once {
            // A key that no event has: finding nothing is health enough.
            Some(once) => Some(once.store.get(Scope::from_i32(0), IdempotencyKey::from_bytes([0; 16])).await.map(drop)),
            None => None,
        };
        Health {
            accepting: !self.inner.activity.is_closing(),
            running: self.inner.activity.running(),
            waiting: self.inner.once.as_ref().map_or(0, |once| once.waiters.count()),
            durability: self.inner.once.as_ref().map(|once| once.store.durability()),
            store,
        }
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("verifier", &self.inner.verifier)
            .field("body_limit", &self.inner.body_limit)
            .field("store", &self.inner.once.as_ref().map(|once| &once.store))
            .finish_non_exhaustive()
    }
}

/// How a receiver is doing.
#[derive(Debug)]
#[non_exhaustive]
pub struct Health {
    /// Whether new deliveries are accepted.
    pub accepting: bool,
    /// Deliveries under way, those that wait included.
    pub running: usize,
    /// Duplicates that wait for a first delivery.
    pub waiting: usize,
    /// What an acknowledged event survives; `None` without a store.
    pub durability: Option<Survives>,
    /// Whether the store answers; `None` without a store.
    pub store: Option<Result<(), StoreError>>,
}

impl Health {
    /// Whether a load balancer should send deliveries here.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.accepting && !matches!(self.store, Some(Err(_)))
    }
}
