//! Settings of a client.

use std::fmt;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect::Policy;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::breaker::Breaker;
use crate::gate::{Gate, now};
use crate::rate::Rate;
use crate::verdicts::Verdicts;
use crate::wire::Wire;
use crate::{Client, ClientError, address};

/// How long a question may take, from the delivery's arrival at the client to the end of the answer. Most senders wait
/// for 5 s, and a second secret takes a second question.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(3);

/// How many questions may be under way at a time: at a quarter of a second each, far more than the rate limit lets in.
pub const DEFAULT_CONCURRENCY: NonZeroUsize = NonZeroUsize::new(64).unwrap();

/// How many questions may be sent in a second, in the long run: more than an account has events, and little to an
/// endpoint. It is what a flood of made-up deliveries costs the sender.
pub const DEFAULT_RATE: NonZeroU32 = NonZeroU32::new(50).unwrap();

/// How many questions may be sent at once after a quiet time: somebody who changes many orders in one go causes a
/// delivery each.
pub const DEFAULT_BURST: NonZeroU32 = NonZeroU32::new(100).unwrap();

/// After how many failures in a row the endpoint is left alone. One or two happen to everybody.
pub const DEFAULT_BREAKER_FAILURES: NonZeroU32 = NonZeroU32::new(5).unwrap();

/// For how long: an endpoint that restarts is back by then, and every delivery of that time is refused.
pub const DEFAULT_BREAKER_PAUSE: Duration = Duration::from_secs(10);

/// How many verdicts are kept, in about 2 MB: three times what the rate limit lets in within their time.
pub const DEFAULT_CACHE_ENTRIES: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();

/// For how long: long enough for a delivery that is repeated because something else failed, and no longer than a secret
/// that was revoked at the sender may go on to count.
pub const DEFAULT_CACHE_TIME: Duration = Duration::from_secs(60);

/// No duration may be shorter: it would be none.
pub(crate) const SHORTEST: Duration = Duration::from_millis(1);

/// A receiver waits no longer for a verdict.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(30);

/// An hour without a question, and an hour for which a revoked secret counts, are mistakes.
const LONGEST: Duration = Duration::from_secs(3600);

/// For how long a connection is kept that carries nothing. Less than the least patient servers: a question that meets
/// a connection's end is lost.
const IDLE: Duration = Duration::from_secs(4);

/// Settings of a client that is not built yet.
///
/// ```
/// use std::num::{NonZeroU32, NonZeroUsize};
/// use std::time::Duration;
/// use counterfoil_remote::Client;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let many = |count| NonZeroU32::new(count).ok_or("not zero");
/// let client = Client::builder()
///     .timeout(Duration::from_secs(2))
///     .rate(many(10)?, many(20)?)
///     .breaker(many(3)?, Duration::from_secs(30))
///     .cache(NonZeroUsize::new(1000).ok_or("not zero")?, Duration::from_secs(15))
///     .build()?;
/// # let _ = client;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "nothing happens before it is built"]
pub struct ClientBuilder {
    timeout: Duration,
    concurrency: NonZeroUsize,
    rate: (NonZeroU32, NonZeroU32),
    breaker: (NonZeroU32, Duration),
    cache: Option<(NonZeroUsize, Duration)>,
    base_url: Option<String>,
    proxy: Option<String>,
    #[cfg(feature = "bundled-roots")]
    bundled_roots: bool,
}

impl ClientBuilder {
    pub(crate) fn new() -> Self {
        Self {
            timeout: DEFAULT_TIMEOUT,
            concurrency: DEFAULT_CONCURRENCY,
            rate: (DEFAULT_RATE, DEFAULT_BURST),
            breaker: (DEFAULT_BREAKER_FAILURES, DEFAULT_BREAKER_PAUSE),
            cache: Some((DEFAULT_CACHE_ENTRIES, DEFAULT_CACHE_TIME)),
            base_url: None,
            proxy: None,
            #[cfg(feature = "bundled-roots")]
            bundled_roots: false,
        }
    }

    /// How long a question may take in all, connecting included; default 3 s, at most 30 s.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// How many questions may be under way at a time, default 64. Others wait for half of the time limit.
    pub fn concurrency(self, concurrency: NonZeroUsize) -> Self {
        Self { concurrency, ..self }
    }

    /// How many questions are sent in a second, in the long run, and how many at once after a quiet time; default 50
    /// and 100. Beyond that nothing is sent, and nothing decided.
    pub fn rate(self, per_second: NonZeroU32, burst: NonZeroU32) -> Self {
        Self { rate: (per_second, burst), ..self }
    }

    /// After how many failures in a row the endpoint is left alone, and for how long; default 5, for 10 s, at most an
    /// hour. Where it sends `Retry-After` in seconds that counts if it is longer, up to [`LONGEST_PAUSE`].
    ///
    /// [`LONGEST_PAUSE`]: crate::LONGEST_PAUSE
    pub fn breaker(self, failures: NonZeroU32, pause: Duration) -> Self {
        Self { breaker: (failures, pause), ..self }
    }

    /// How many verdicts are kept, and for how long; default 10,000, for 60 s, at most an hour. A secret that was
    /// revoked at the sender proves what it has proven before for as long as that.
    pub fn cache(self, entries: NonZeroUsize, time: Duration) -> Self {
        Self { cache: Some((entries, time)), ..self }
    }

    /// Keeps no verdicts: every delivery is asked about, but for equal ones that come together.
    pub fn without_cache(self) -> Self {
        Self { cache: None, ..self }
    }

    /// Connects through the HTTP proxy at `url`, such as `http://proxy.example:3128`. It sees the endpoint's name, and
    /// nothing of the questions. Without this there is no proxy, whatever the environment says.
    pub fn proxy(self, url: impl Into<String>) -> Self {
        Self { proxy: Some(url.into()), ..self }
    }

    /// Trusts the certificate authorities that come with this crate, which are Mozilla's of the day of its release,
    /// instead of the machine's.
    #[cfg(feature = "bundled-roots")]
    pub fn bundled_roots(self) -> Self {
        Self { bundled_roots: true, ..self }
    }

    /// For tests: asks an endpoint on this machine, such as `http://127.0.0.1:3001`, instead of the sender's. The path
    /// is the sender's.
    ///
    /// # Security
    /// The secrets go there, without encryption where it is `http`, and it decides which deliveries are genuine. No
    /// other host than a loopback address is accepted.
    pub fn insecure_base_url(self, url: impl Into<String>) -> Self {
        Self { base_url: Some(url.into()), ..self }
    }

    /// Builds the client, reading the machine's certificate authorities. Its questions travel on the tokio runtime that
    /// this is called on, which needs its I/O and time drivers; they may be asked from anywhere for as long as that
    /// runtime lives.
    ///
    /// # Errors
    /// A setting that cannot work, with what to change.
    pub fn build(self) -> Result<Client, ClientError> {
        within("timeout", self.timeout, LONGEST_TIMEOUT)?;
        within("breaker", self.breaker.1, LONGEST)?;
        if let Some((_, time)) = self.cache {
            within("cache", time, LONGEST)?;
        }
        let base = self.base_url.as_deref().map(address::loopback).transpose()?;
        if let Some(base) = &base {
            tracing::warn!(target: "counterfoil", %base, "the sender's endpoint is played by this machine");
        }
        let runtime = Handle::try_current().map_err(|_| ClientError::NoRuntime)?;
        let wire = Wire::new(self.http(base.is_none())?, base);
        let gate = Gate {
            wire,
            breaker: Breaker::new(self.breaker.0, self.breaker.1),
            rate: Rate::new(self.rate.0, self.rate.1, now()),
            places: Semaphore::new(self.concurrency.get().min(Semaphore::MAX_PERMITS)),
            timeout: self.timeout,
        };
        Ok(Client { gate: Arc::new(gate), verdicts: Arc::new(Verdicts::new(self.cache)), runtime })
    }

    /// What other crates switch on in `reqwest` changes nothing of this.
    fn http(&self, https_only: bool) -> Result<reqwest::Client, ClientError> {
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("counterfoil/", env!("CARGO_PKG_VERSION")))
            .tls_backend_rustls()
            .https_only(https_only)
            .http1_only()
            .redirect(Policy::none())
            .referer(false)
            .no_proxy()
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            // The gate keeps the time. This is shared by the addresses of a name, so that a dead one is passed over.
            .connect_timeout(self.timeout / 2)
            .pool_idle_timeout(IDLE);
        if let Some(proxy) = &self.proxy {
            builder = builder.proxy(address::proxy(proxy)?);
        }
        // Nothing is checked by them where the endpoint is played by this machine: it needs none.
        let builder = if https_only { self.roots(builder) } else { builder.tls_certs_only([]) };
        builder.build().map_err(|source| ClientError::Tls { source: Box::new(source) })
    }

    #[cfg(feature = "bundled-roots")]
    fn roots(&self, builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
        let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
        let roots = roots.filter_map(|root| reqwest::Certificate::from_der(root).ok());
        if self.bundled_roots { builder.tls_certs_only(roots) } else { builder }
    }

    #[cfg(not(feature = "bundled-roots"))]
    #[expect(clippy::unused_self, reason = "the feature reads it")]
    fn roots(&self, builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
        builder
    }
}

/// Without the proxy, whose URL may hold a password.
impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("timeout", &self.timeout)
            .field("concurrency", &self.concurrency)
            .field("rate", &self.rate)
            .field("breaker", &self.breaker)
            .field("cache", &self.cache)
            .finish_non_exhaustive()
    }
}

fn within(setting: &'static str, value: Duration, most: Duration) -> Result<(), ClientError> {
    if (SHORTEST..=most).contains(&value) { Ok(()) } else { Err(ClientError::OutOfRange { setting, most }) }
}
