//! The memory store, beside the bare map that it is made of: one lock and one insert.
//!
//! Claims of new events. The bare map knows no retention, no bound and no conflict, and is asked by a plain call.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use counterfoil::idempotency::{Claim, ClaimRequest, Fingerprint, IdempotencyKey, MemoryStore, Note, Scope, Store};
use counterfoil_benches::claims::request;
use counterfoil_benches::markdown::count;
use counterfoil_benches::{Aim, BoxError, Contest, Extent, Sheet, Unit};

const BARE: &str = "bare sharded map, insert";
const STORE: &str = "MemoryStore, claim";
const SHARDS: usize = 64;

fn main() -> Result<(), BoxError> {
    let extent = Extent::from_args();
    let claims = extent.pick(100_000, 100);
    let requests: Vec<ClaimRequest> = (0..claims).map(request).collect::<Result<_, _>>()?;
    let mut sheet = Sheet::new(extent);
    for (threads, words) in [(1, "one thread"), (2, "two threads")] {
        let title = format!("Memory, {} claims by {words}, claims a second", count(claims));
        let contest = Contest::new(title, Unit::Rate)
            .enter(BARE, || bare(&requests, threads))
            .ours(STORE, || store(&requests, threads))
            .aim(STORE, Aim::AtLeast(0.8), BARE);
        sheet.contest(contest.run(extent, 51)?)?;
    }
    sheet.finish()
}

/// Claims a second, when each thread makes its part of them.
fn race(
    requests: &[ClaimRequest],
    threads: usize,
    claim: impl Fn(&ClaimRequest) -> bool + Sync,
) -> Result<f64, BoxError> {
    let started = Instant::now();
    let won = std::thread::scope(|scope| {
        let parts = requests.chunks(requests.len().div_ceil(threads));
        let running: Vec<_> = parts.map(|part| scope.spawn(|| part.iter().all(&claim))).collect();
        running.into_iter().all(|thread| thread.join().unwrap_or(false))
    });
    let took = started.elapsed();
    if won {
        Ok(f64::from(u32::try_from(requests.len())?) / took.as_secs_f64())
    } else {
        Err("a new event is won".into())
    }
}

fn store(requests: &[ClaimRequest], threads: usize) -> Result<f64, BoxError> {
    let store = MemoryStore::new(NonZeroU32::new(1_000_000).ok_or("not zero")?);
    race(requests, threads, |request| {
        let mut claim = store.claim(request);
        matches!(claim.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(Ok(Claim::Won(_))))
    })
}

/// What the store keeps of an event.
struct Row {
    _fingerprint: Fingerprint,
    _state: u8,
    _token: i64,
    _attempts: u32,
    _times: [Instant; 3],
    _note: Note,
}

fn bare(requests: &[ClaimRequest], threads: usize) -> Result<f64, BoxError> {
    let shards: Vec<Mutex<HashMap<(Scope, IdempotencyKey), Row>>> =
        std::iter::repeat_with(Mutex::default).take(SHARDS).collect();
    race(requests, threads, |request| {
        let now = Instant::now();
        let row = Row {
            _fingerprint: request.fingerprint,
            _state: 1,
            _token: 1,
            _attempts: 1,
            _times: [now, now + request.lease_time.get(), now + request.retention.get()],
            _note: request.note.clone(),
        };
        let shard = &shards[usize::from(request.key.as_bytes()[0]) % SHARDS];
        shard.lock().unwrap_or_else(PoisonError::into_inner).insert((request.scope, request.key), row).is_none()
    })
}
