//! Asks a sender's endpoint whether a delivery is its own, for senders that nobody else can check.
//!
//! AgencyHandy signs its deliveries in a way that it does not publish. It offers an endpoint instead, which is sent the
//! signature, the body and the secret, and says whether they belong together. [`Client`] asks it, once for each delivery
//! that could be genuine, and the receiver handles none that the endpoint has not confirmed.
//!
//! ```
//! use std::num::NonZeroU32;
//! use counterfoil::{idempotency::MemoryStore, senders, Receiver, Secret};
//! use counterfoil_remote::Client;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let receiver = Receiver::builder(senders::AGENCYHANDY)
//!     .secret(Secret::new("agencyhandy_secret_example")?)
//!     .webhook_id("64f0c0ffee64f0c0ffee64f0")
//!     .remote(Client::new()?)
//!     .store(MemoryStore::new(NonZeroU32::new(1_000_000).ok_or("not zero")?))
//!     .body_limit(256 * 1024)
//!     .build()?;
//! // For example: Router::new().route("/webhooks/agencyhandy", post(order).layer(WebhookLayer::new(receiver)))
//! # let _ = receiver;
//! # Ok(())
//! # }
//! ```
//!
//! Without a client such a receiver does not build, and nothing is ever asked for a sender that can be checked on the
//! spot. Clones share all limits and verdicts; use one client for each sender, so that one's trouble is not the other's.
//!
//! # When the endpoint does not answer
//! Only two answers decide: the sender's file says which, for AgencyHandy 200 with `SUCCESS` and 403 with `FAILED`.
//! Whatever else happens, nobody knows whether the delivery is genuine. It is answered with 503 `could_not_verify` and
//! `Retry-After`, the handler does not run, nothing is stored, and the log says why:
//!
//! ```text
//! WARN counterfoil: webhook refused sender=agencyhandy code="could_not_verify" reason="... its endpoint answered 500 ..."
//! ```
//!
//! **AgencyHandy documents no automatic retries.** Such a delivery stays in the history of its webhook, and somebody has
//! to press *redeliver* there once the endpoint answers again. Have an alarm on `could_not_verify`.
//!
//! # Protections
//! The question holds the secret, and a stranger can cause one by a request with any signature and any JSON object. So
//!
//! - it goes to the URL in the sender's file, over TLS, with the certificate checked, and nowhere else: redirects are not
//!   followed, and proxies in the environment are passed over. A machine that has no other way out names its
//!   [proxy](ClientBuilder::proxy), which sees the endpoint's name only. No log, error or `Debug` shows a part of it;
//! - the endpoint has 3 s in all, and 64 KiB of its answer are read;
//! - at most 50 questions are sent in a second, 100 at once, and 64 are under way, in each process. The rest is refused as
//!   undecided, so a flood costs the sender no more than that; it can keep genuine deliveries out while it lasts. Limit
//!   the requests of a single peer in front of the receiver, and the
//!   [body](counterfoil::receiver::ReceiverBuilder::body_limit) to what the sender sends, for the whole of it goes out
//!   again;
//! - after 5 failures in a row nothing is sent for 10 s, or for the seconds that the endpoint's `Retry-After` asks for, up
//!   to a minute. Then one question at a time tries it, until one is decided. A failure is no connection, no answer in
//!   time, a status of 5xx or 429, a redirect, or an answer that cannot be understood. Any other 4xx is none: a stranger
//!   can cause those at will by what he sends. Who finds a body on which the endpoint itself fails, or takes too long,
//!   can hold back genuine deliveries with few requests: a small limit for bodies helps here too.
//!
//! # Verdicts that are kept
//! A verdict is kept for 60 s, and what was refused for 10 s, by a digest of the whole question: the URL, the webhook's
//! id, the secret, the signature and the body. A delivery that comes again within that time asks nobody, and equal ones
//! that come together are asked about once. What was not decided is not kept.
//!
//! A secret that was revoked at the sender proves, for as long as that, the deliveries that it has proven before, and no
//! others. A secret that is taken from the receiver counts no more at once.
//!
//! # Secrets
//! Each active secret is a question of its own, in the order in which they were given, until one is confirmed: a made-up
//! delivery takes one for each. While secrets are changed, give the new one first, and take the old one away soon.
//!
//! # Runtime
//! Questions travel on the tokio runtime that the client was built on, in tasks of their own: it may be asked from other
//! runtimes, such as those of actix's workers, and whoever stops waiting cuts nothing short. That runtime has to outlive
//! the receivers.
//!
//! # Certificate authorities
//! Those of the machine. In a container without any, building the client fails and says so: install `ca-certificates`,
//! name a file in `SSL_CERT_FILE`, or use `ClientBuilder::bundled_roots`. The cryptography is that of the rustls provider
//! which the program has installed, or else `aws-lc-rs`, which takes a C compiler to build.
//!
//! # Without an account
//! [`ClientBuilder::insecure_base_url`] asks an endpoint on your machine instead. The repository's
//! `examples/agencyhandy-endpoint` is one:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), counterfoil_remote::ClientError> {
//! use counterfoil_remote::Client;
//!
//! let client = Client::builder().insecure_base_url("http://127.0.0.1:3001").build()?;
//! # let _ = client;
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//! - `bundled-roots`: `ClientBuilder::bundled_roots`.
//! - `metrics`: the counter `counterfoil_questions_total` with the label `outcome`: `decided`, `cached`, `shared` (equal to
//!   one that was under way), `failed`, `paused` (by the failures before), `rate_limited` or `crowded`.

mod address;
mod breaker;
mod builder;
mod error;
mod gate;
mod observe;
mod rate;
mod verdicts;
mod wire;

use std::fmt;
use std::sync::Arc;

use counterfoil::idempotency::BoxFuture;
use counterfoil::remote::{Question, RemoteVerifier, Verdict};
use tokio::runtime::Handle;
use tracing::Instrument as _;

pub use breaker::LONGEST_PAUSE;
pub use builder::{
    ClientBuilder, DEFAULT_BREAKER_FAILURES, DEFAULT_BREAKER_PAUSE, DEFAULT_BURST, DEFAULT_CACHE_ENTRIES,
    DEFAULT_CACHE_TIME, DEFAULT_CONCURRENCY, DEFAULT_RATE, DEFAULT_TIMEOUT,
};
pub use error::ClientError;
pub use verdicts::INVALID_CACHE_TIME;
pub use wire::MAX_ANSWER_BYTES;

use gate::{Gate, now};
use observe::Ending;
use verdicts::{Asking, Standing, Verdicts};

/// Asks senders' endpoints. Cheap to clone; clones share connections, limits and verdicts.
#[derive(Clone)]
pub struct Client {
    gate: Arc<Gate>,
    verdicts: Arc<Verdicts>,
    runtime: Handle,
}

impl Client {
    /// A client with the defaults.
    ///
    /// # Errors
    /// As of [`ClientBuilder::build`].
    pub fn new() -> Result<Self, ClientError> {
        Self::builder().build()
    }

    /// Starts a client.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::new()
    }

    /// Asks in a task of its own on the client's runtime: whoever waits may go, and the connections live longer than
    /// they do.
    fn send(&self, question: &Question, asking: Asking) {
        let (gate, question) = (self.gate.clone(), question.clone());
        let task = async move {
            asking.answer(gate.ask(&question).await);
        };
        self.runtime.spawn(task.in_current_span());
    }
}

impl RemoteVerifier for Client {
    fn ask<'a>(&'a self, question: &'a Question) -> BoxFuture<'a, Verdict> {
        Box::pin(async move {
            let waiting = match self.verdicts.look_up(question, now()) {
                Standing::Known(verdict) => {
                    observe::count(Ending::Cached);
                    return verdict;
                }
                Standing::UnderWay(waiting) => {
                    observe::count(Ending::Shared);
                    waiting
                }
                Standing::New(asking, waiting) => {
                    self.send(question, asking);
                    waiting
                }
            };
            waiting.verdict(question).await
        })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("timeout", &self.gate.timeout).finish_non_exhaustive()
    }
}
