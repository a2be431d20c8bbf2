//! The contract of [`Store`] as functions: a store's tests call [`check`], or each law by its name.
//!
//! Every function takes a store and asserts one law in a scope of its own, so that one store serves all of
//! them at once. Leases in here are real and short: the functions wait for them by blocking their thread.
//!
//! ```
//! use std::num::NonZeroU32;
//! use counterfoil::idempotency::MemoryStore;
//!
//! # fn block_on<F: Future>(future: F) -> F::Output {
//! #     let mut future = std::pin::pin!(future);
//! #     let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
//! #     loop { if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut cx) { return output; } }
//! # }
//! let store = MemoryStore::new(NonZeroU32::new(10_000).ok_or("not zero")?);
//! block_on(counterfoil::testing::store::check(&store));
//! # Ok::<(), &str>(())
//! ```

#![expect(clippy::missing_panics_doc, reason = "a broken law panics: that is what these functions are for")]
#![expect(clippy::unwrap_used, reason = "assertions")]

use std::future::{Future, poll_fn};
use std::num::NonZeroU32;
use std::pin::pin;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Barrier};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{Thread, sleep};
use std::time::{Duration, UNIX_EPOCH};

use crate::idempotency::{
    Claim, ClaimRequest, Fence, Fenced, Fingerprint, IdempotencyKey, Lease, NonZeroDuration, Note, OnExpired, Outcome,
    Page, Record, Scope, State, Store,
};
use crate::{Clock, SystemClock};

/// Long enough not to pass by itself while a test runs.
const LONG: Duration = Duration::from_secs(300);
/// Short enough to wait for, long enough for a few synced writes on a busy disk.
const SHORT: Duration = Duration::from_millis(500);
/// Longer than [`SHORT`].
const PAST_SHORT: Duration = Duration::from_millis(650);

/// Every law.
pub async fn check(store: &dyn Store) {
    a_key_is_won_once(store).await;
    concurrent_claims_are_won_once(store).await;
    a_dropped_claim_ends_with_its_lease(store).await;
    a_live_claim_is_in_flight(store).await;
    a_completed_event_is_a_duplicate(store).await;
    a_dead_event_stays_dead(store).await;
    another_body_is_a_conflict(store).await;
    a_released_event_is_claimable_at_once(store).await;
    a_passed_lease_is_taken_over(store).await;
    a_passed_lease_can_be_parked(store).await;
    a_zombie_changes_nothing(store).await;
    finishing_late_but_first_counts(store).await;
    extending_needs_a_live_lease(store).await;
    settling_twice_is_lost(store).await;
    scopes_are_apart(store).await;
    forgotten_events_are_new(store).await;
    forgetting_a_claim_fences_its_holder(store).await;
    retention_ends(store).await;
    a_claim_outlives_its_retention(store).await;
    purge_spares_what_lives(store).await;
    records_tell_what_happened(store).await;
    pages_follow_each_other(store).await;
}

/// Of two claims in a row the first is won, the second is not.
pub async fn a_key_is_won_once(store: &dyn Store) {
    let event = Event::new();
    let fence = event.win(store).await.fence();
    assert_eq!(fence.attempt, 1, "the first attempt is number 1");
    assert!(matches!(event.claim(store).await, Claim::InFlight { .. }));
}

/// Of many concurrent claims exactly one is won.
pub async fn concurrent_claims_are_won_once(store: &dyn Store) {
    for _ in 0..8 {
        let event = Event::new();
        let claims = join((0..32).map(|_| event.claim(store))).await;
        let won = claims.iter().filter(|claim| matches!(claim, Claim::Won(_))).count();
        let busy = claims.iter().filter(|claim| matches!(claim, Claim::InFlight { .. })).count();
        assert_eq!((won, busy), (1, 31));
    }
}

/// Of claims from many threads exactly one is won. Not part of [`check`], because it needs a store that can
/// be shared.
pub fn threads_win_each_key_once(store: &Arc<dyn Store>) {
    let events: Vec<Event> = (0..50).map(|_| Event::new()).collect();
    let won = AtomicI32::new(0);
    let barrier = Barrier::new(4);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                barrier.wait();
                for event in &events {
                    if let Claim::Won(_) = block_on(event.claim(&**store)) {
                        won.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(won.into_inner(), 50);
}

/// A claim whose caller goes away holds the event for its lease at most, however far it had got.
pub async fn a_dropped_claim_ends_with_its_lease(store: &dyn Store) {
    let event = Event::new().leased(SHORT);
    let request = event.request();
    let mut claim = store.claim(&request);
    poll_fn(|cx| {
        let _ = claim.as_mut().poll(cx);
        Poll::Ready(())
    })
    .await;
    drop(claim);
    sleep(PAST_SHORT);
    let _lease = event.win(store).await;
}

/// A live claim answers in flight, with the time left.
pub async fn a_live_claim_is_in_flight(store: &dyn Store) {
    let event = Event::new();
    let _lease = event.win(store).await;
    match event.claim(store).await {
        Claim::InFlight { retry_after } => {
            assert!(retry_after > LONG / 2 && retry_after <= LONG, "the lease's time left, not {retry_after:?}");
        }
        other => panic!("a live claim is in flight, not {other:?}"),
    }
    assert!(
        matches!(event.with_body(2).claim(store).await, Claim::InFlight { .. }),
        "another body is decided once the first is"
    );
}

/// A completed event is a duplicate.
pub async fn a_completed_event_is_a_duplicate(store: &dyn Store) {
    let event = Event::new();
    let lease = event.win(store).await;
    assert_eq!(lease.complete(store).await.unwrap(), Fenced::Applied);
    for _ in 0..2 {
        assert!(matches!(event.claim(store).await, Claim::Duplicate(Outcome::Completed)));
    }
}

/// A dead event is never claimable, and says so.
pub async fn a_dead_event_stays_dead(store: &dyn Store) {
    let event = Event::new();
    let lease = event.win(store).await;
    assert_eq!(lease.bury(store, &Note::new("poison")).await.unwrap(), Fenced::Applied);
    assert!(matches!(event.claim(store).await, Claim::Duplicate(Outcome::Dead)));
    assert!(matches!(event.with_body(2).claim(store).await, Claim::Conflict(Outcome::Dead)));
    assert_eq!(event.record(store).await.unwrap().reason, Some(Note::new("poison")));
}

/// The same key with another body, once settled, is a conflict; while claimable it is handled with the new body.
pub async fn another_body_is_a_conflict(store: &dyn Store) {
    let event = Event::new();
    let lease = event.win(store).await;
    assert_eq!(lease.release(store).await.unwrap(), Fenced::Applied);
    let other = event.with_body(2);
    let lease = other.win(store).await;
    assert_eq!(lease.complete(store).await.unwrap(), Fenced::Applied);
    assert!(
        matches!(other.claim(store).await, Claim::Duplicate(Outcome::Completed)),
        "the body that was completed counts"
    );
    assert!(matches!(event.claim(store).await, Claim::Conflict(Outcome::Completed)));
}

/// A released event is claimable at once, with a greater token and the next attempt.
pub async fn a_released_event_is_claimable_at_once(store: &dyn Store) {
    let event = Event::new();
    let first = event.win(store).await;
    assert_eq!(first.release(store).await.unwrap(), Fenced::Applied);
    assert_eq!(event.record(store).await.unwrap().state, State::Ready);
    let second = event.win(store).await.fence();
    assert!(second.token > first.fence().token, "tokens grow");
    assert_eq!(second.attempt, 2);
}

/// A claim whose lease has passed is taken over by the next one.
pub async fn a_passed_lease_is_taken_over(store: &dyn Store) {
    let event = Event::new().leased(SHORT);
    let first = event.win(store).await.fence();
    sleep(PAST_SHORT);
    assert_eq!(event.record(store).await.unwrap().lease_left, Duration::ZERO);
    let second = event.win(store).await.fence();
    assert!(second.token > first.token, "tokens grow");
    assert_eq!(second.attempt, 2);
}

/// A claim whose lease has passed becomes dead where the request says so.
pub async fn a_passed_lease_can_be_parked(store: &dyn Store) {
    let event = Event::new().leased(SHORT).parked();
    let lease = event.win(store).await;
    assert!(matches!(event.claim(store).await, Claim::InFlight { .. }), "a live claim is not parked");
    sleep(PAST_SHORT);
    assert!(matches!(event.claim(store).await, Claim::Duplicate(Outcome::Dead)));
    assert_eq!(event.record(store).await.unwrap().reason, Some(Note::new("outcome unknown")));
    assert_eq!(lease.complete(store).await.unwrap(), Fenced::Lost, "a parked event is a person's to decide");
}

/// Whoever lost the lease can neither complete, bury, release nor extend.
pub async fn a_zombie_changes_nothing(store: &dyn Store) {
    let event = Event::new().leased(SHORT);
    let zombie = event.win(store).await;
    sleep(PAST_SHORT);
    let event = event.leased(LONG);
    let holder = event.win(store).await;
    let long = NonZeroDuration::new(LONG).unwrap();
    assert_eq!(zombie.complete(store).await.unwrap(), Fenced::Lost);
    assert_eq!(zombie.bury(store, &Note::new("late")).await.unwrap(), Fenced::Lost);
    assert_eq!(zombie.release(store).await.unwrap(), Fenced::Lost);
    assert_eq!(store.extend(&zombie.fence(), long).await.unwrap(), Fenced::Lost);
    assert_eq!(event.record(store).await.unwrap().token, holder.fence().token);
    assert_eq!(holder.complete(store).await.unwrap(), Fenced::Applied);
    assert_eq!(zombie.release(store).await.unwrap(), Fenced::Lost, "a completed event is not released");
    assert!(matches!(event.claim(store).await, Claim::Duplicate(Outcome::Completed)));
}

/// A holder whose lease has passed may complete while nobody has taken over.
pub async fn finishing_late_but_first_counts(store: &dyn Store) {
    let event = Event::new().leased(SHORT);
    let lease = event.win(store).await;
    sleep(PAST_SHORT);
    assert_eq!(lease.complete(store).await.unwrap(), Fenced::Applied);
    assert!(matches!(event.claim(store).await, Claim::Duplicate(Outcome::Completed)));
}

/// Extending moves a live lease and leaves a passed one.
pub async fn extending_needs_a_live_lease(store: &dyn Store) {
    let long = NonZeroDuration::new(LONG).unwrap();
    let event = Event::new().leased(SHORT);
    let lease = event.win(store).await;
    assert_eq!(store.extend(&lease.fence(), long).await.unwrap(), Fenced::Applied);
    sleep(PAST_SHORT);
    assert!(matches!(event.claim(store).await, Claim::InFlight { .. }), "the extended lease is alive");
    assert!(event.record(store).await.unwrap().lease_left > LONG / 2);
    let event = Event::new().leased(SHORT);
    let lease = event.win(store).await;
    sleep(PAST_SHORT);
    assert_eq!(store.extend(&lease.fence(), long).await.unwrap(), Fenced::Lost);
    assert!(matches!(event.claim(store).await, Claim::Won(_)));
}

/// What is settled cannot be settled again.
pub async fn settling_twice_is_lost(store: &dyn Store) {
    let event = Event::new();
    let lease = event.win(store).await;
    assert_eq!(lease.complete(store).await.unwrap(), Fenced::Applied);
    assert_eq!(lease.complete(store).await.unwrap(), Fenced::Lost);
    assert_eq!(lease.release(store).await.unwrap(), Fenced::Lost);
    assert_eq!(lease.bury(store, &Note::new("late")).await.unwrap(), Fenced::Lost);
    let absent = Event::new().fence(7);
    assert_eq!(store.complete(&absent).await.unwrap(), Fenced::Lost, "what was never claimed is lost too");
}

/// The same key in another scope is another event.
pub async fn scopes_are_apart(store: &dyn Store) {
    let event = Event::new();
    let lease = event.win(store).await;
    assert_eq!(lease.complete(store).await.unwrap(), Fenced::Applied);
    let elsewhere = Event { scope: Event::new().scope, ..event };
    assert!(matches!(elsewhere.claim(store).await, Claim::Won(_)));
}

/// A forgotten event is new again, and its token still grows.
pub async fn forgotten_events_are_new(store: &dyn Store) {
    let event = Event::new();
    let lease = event.win(store).await;
    assert_eq!(lease.complete(store).await.unwrap(), Fenced::Applied);
    assert!(store.forget(event.scope, event.key).await.unwrap());
    assert!(!store.forget(event.scope, event.key).await.unwrap(), "there is nothing left to forget");
    assert!(event.record(store).await.is_none());
    let again = event.win(store).await.fence();
    assert!(again.token > lease.fence().token, "tokens grow past a forgotten row");
    assert_eq!(again.attempt, 1);
}

/// Forgetting a claimed event fences its holder off.
pub async fn forgetting_a_claim_fences_its_holder(store: &dyn Store) {
    let event = Event::new();
    let lease = event.win(store).await;
    assert!(store.forget(event.scope, event.key).await.unwrap());
    assert_eq!(lease.complete(store).await.unwrap(), Fenced::Lost);
    let again = event.win(store).await;
    assert_eq!(lease.complete(store).await.unwrap(), Fenced::Lost);
    assert_eq!(again.complete(store).await.unwrap(), Fenced::Applied);
}

/// An event whose retention has passed is new again.
pub async fn retention_ends(store: &dyn Store) {
    let event = Event::new().retained(SHORT);
    let lease = event.win(store).await;
    assert_eq!(lease.complete(store).await.unwrap(), Fenced::Applied);
    assert!(matches!(event.claim(store).await, Claim::Duplicate(Outcome::Completed)));
    sleep(PAST_SHORT);
    assert!(event.record(store).await.is_none());
    let again = event.win(store).await.fence();
    assert!(again.token > lease.fence().token, "tokens grow past the retention");
    assert_eq!(again.attempt, 1);
}

/// A live claim is kept though its retention has passed.
pub async fn a_claim_outlives_its_retention(store: &dyn Store) {
    let event = Event::new().retained(SHORT);
    let lease = event.win(store).await;
    sleep(PAST_SHORT);
    store.purge(NonZeroU32::MAX).await.unwrap();
    assert!(matches!(event.claim(store).await, Claim::InFlight { .. }));
    assert_eq!(lease.complete(store).await.unwrap(), Fenced::Applied);
}

/// Purging removes what may be removed, at most as much as asked, and nothing else.
pub async fn purge_spares_what_lives(store: &dyn Store) {
    let live = Event::new();
    let lease = live.win(store).await;
    assert_eq!(lease.complete(store).await.unwrap(), Fenced::Applied);
    let over = Event::new().retained(SHORT);
    let lease = over.win(store).await;
    assert_eq!(lease.complete(store).await.unwrap(), Fenced::Applied);
    sleep(PAST_SHORT);
    assert!(store.purge(NonZeroU32::MIN).await.unwrap() <= 1);
    store.purge(NonZeroU32::MAX).await.unwrap();
    assert!(!store.forget(over.scope, over.key).await.unwrap(), "its retention has passed");
    assert!(matches!(live.claim(store).await, Claim::Duplicate(Outcome::Completed)));
}

/// A record tells state, attempts, body, note and times.
pub async fn records_tell_what_happened(store: &dyn Store) {
    let event = Event::new();
    assert!(event.record(store).await.is_none());
    let lease = event.win(store).await;
    let record = event.record(store).await.unwrap();
    assert_eq!((record.scope, record.key, record.state), (event.scope, event.key, State::Claimed));
    assert_eq!((record.token, record.attempts), (lease.fence().token, 1));
    assert_eq!((record.fingerprint, record.note.as_str()), (event.fingerprint, "note"));
    assert!(record.lease_left > LONG / 2 && record.lease_left <= LONG);
    let kept = record.expires_at.duration_since(record.first_at).unwrap();
    assert!(kept.abs_diff(LONG) < Duration::from_secs(1), "retention counts from the first claim, not {kept:?}");
    assert_eq!(lease.complete(store).await.unwrap(), Fenced::Applied);
    let record = event.record(store).await.unwrap();
    assert_eq!((record.state, record.lease_left, record.reason), (State::Done, Duration::ZERO, None));
}

/// Pages are sorted, follow each other without gap or overlap, and filter by state.
pub async fn pages_follow_each_other(store: &dyn Store) {
    let scope = Event::new().scope;
    let mut keys = Vec::new();
    for index in 0..5 {
        let event = Event { scope, ..Event::new() };
        let lease = event.win(store).await;
        if index % 2 == 0 {
            assert_eq!(lease.complete(store).await.unwrap(), Fenced::Applied);
        }
        keys.push(event.key);
    }
    keys.sort_unstable();
    let mut page = Page {
        state: None,
        after: Some((scope, IdempotencyKey::from_bytes([0; 16]))),
        most: NonZeroU32::new(2).unwrap(),
    };
    let mut listed = Vec::new();
    loop {
        let records = store.list(&page).await.unwrap();
        assert!(records.len() <= 2);
        let ours = records.iter().filter(|record| record.scope == scope);
        listed.extend(ours.map(|record| record.key));
        match records.last() {
            Some(last) if last.scope == scope => page.after = Some((last.scope, last.key)),
            _ => break,
        }
    }
    assert_eq!(listed, keys);
    page = Page {
        state: Some(State::Done),
        after: Some((scope, IdempotencyKey::from_bytes([0; 16]))),
        most: NonZeroU32::new(100).unwrap(),
    };
    let done = store.list(&page).await.unwrap();
    assert!(done.iter().all(|record| record.state == State::Done));
    assert_eq!(done.iter().filter(|record| record.scope == scope).count(), 3);
}

/// One event of a test, in a scope that no other test uses.
#[derive(Debug, Clone, Copy)]
struct Event {
    scope: Scope,
    key: IdempotencyKey,
    fingerprint: Fingerprint,
    lease_time: Duration,
    retention: Duration,
    on_expired: OnExpired,
}

impl Event {
    fn new() -> Self {
        static NEXT: AtomicI32 = AtomicI32::new(1);
        // Stores outlive test processes, and process numbers come again: the time keeps two runs apart.
        let since = SystemClock.now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        let seed = format!("{since}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let key = *Fingerprint::of(seed.as_bytes()).as_bytes();
        let [a, b, c, d, ..] = key;
        Self {
            scope: Scope::from_i32(i32::from_be_bytes([a, b, c, d])),
            key: IdempotencyKey::from_bytes(key),
            fingerprint: Fingerprint::of(b"1"),
            lease_time: LONG,
            retention: LONG,
            on_expired: OnExpired::Takeover,
        }
    }

    fn leased(self, lease_time: Duration) -> Self {
        Self { lease_time, ..self }
    }

    fn retained(self, retention: Duration) -> Self {
        Self { retention, ..self }
    }

    fn parked(self) -> Self {
        Self { on_expired: OnExpired::Park, ..self }
    }

    fn with_body(self, body: u8) -> Self {
        Self { fingerprint: Fingerprint::of(&[body]), ..self }
    }

    fn request(&self) -> ClaimRequest {
        ClaimRequest {
            scope: self.scope,
            key: self.key,
            fingerprint: self.fingerprint,
            lease_time: NonZeroDuration::new(self.lease_time).unwrap(),
            retention: NonZeroDuration::new(self.retention).unwrap(),
            on_expired: self.on_expired,
            note: Note::new("note"),
        }
    }

    fn fence(&self, token: i64) -> Fence {
        Fence { scope: self.scope, key: self.key, token, attempt: 1 }
    }

    async fn claim(&self, store: &dyn Store) -> Claim {
        store.claim(&self.request()).await.unwrap()
    }

    async fn win(&self, store: &dyn Store) -> Lease {
        match self.claim(store).await {
            Claim::Won(lease) => lease,
            other => panic!("a claimable event is won, not {other:?}"),
        }
    }

    async fn record(&self, store: &dyn Store) -> Option<Record> {
        store.get(self.scope, self.key).await.unwrap()
    }
}

/// Waits for `future` on this thread.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}

/// Polls all futures until each is ready.
async fn join<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.map(|future| Some(Box::pin(future))).collect();
    let mut outputs = Vec::new();
    poll_fn(|cx| {
        for slot in &mut futures {
            if let Some(future) = slot
                && let Poll::Ready(output) = future.as_mut().poll(cx)
            {
                outputs.push(output);
                *slot = None;
            }
        }
        if futures.iter().all(Option::is_none) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    outputs
}
