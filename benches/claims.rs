//! Claims, and the callers that make them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use counterfoil::idempotency::{ClaimRequest, Fingerprint, IdempotencyKey, NonZeroDuration, Note, OnExpired, Scope};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::BoxError;

/// The claim of the event of that number.
///
/// # Errors
/// None: the durations are not zero.
pub fn request(number: usize) -> Result<ClaimRequest, BoxError> {
    Ok(ClaimRequest {
        scope: Scope::from_i32(1_779_105_600),
        key: IdempotencyKey::from_bytes(*Fingerprint::of(&number.to_be_bytes()).as_bytes()),
        fingerprint: Fingerprint::of(b"the body"),
        lease_time: NonZeroDuration::new(Duration::from_secs(60)).ok_or("not zero")?,
        retention: NonZeroDuration::new(Duration::from_secs(7 * 86_400)).ok_or("not zero")?,
        on_expired: OnExpired::Takeover,
        note: Note::new(format!("handl order.created evt_{number:012}")),
    })
}

/// What callers share: each takes the next request until there is none.
#[derive(Debug, Clone)]
pub struct Requests {
    all: Arc<[ClaimRequest]>,
    next: Arc<AtomicUsize>,
}

impl Requests {
    /// These claims, none taken yet.
    ///
    /// # Errors
    /// As [`request`].
    pub fn of(numbers: impl Iterator<Item = usize>) -> Result<Self, BoxError> {
        Ok(Self { all: numbers.map(request).collect::<Result<_, _>>()?, next: Arc::default() })
    }

    /// The next claim.
    #[must_use]
    pub fn take(&self) -> Option<&ClaimRequest> {
        self.all.get(self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// Lets so many callers share the requests, and says how many were made a second.
    ///
    /// # Errors
    /// What a caller says.
    pub fn race<F: Future<Output = Result<(), BoxError>> + Send + 'static>(
        self,
        runtime: &Runtime,
        callers: usize,
        caller: impl Fn(Self) -> F,
    ) -> Result<f64, BoxError> {
        let started = Instant::now();
        runtime.block_on(async {
            let mut running = JoinSet::new();
            for _ in 0..callers {
                running.spawn(caller(self.clone()));
            }
            while let Some(done) = running.join_next().await {
                done??;
            }
            Ok::<_, BoxError>(())
        })?;
        Ok(f64::from(u32::try_from(self.all.len())?) / started.elapsed().as_secs_f64())
    }
}
