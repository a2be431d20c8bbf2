//! The store in memory.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use shuttle::future::block_on;
use shuttle::thread;

use crate::idempotency::{
    Claim, ClaimRequest, Fence, Fenced, Fingerprint, IdempotencyKey, MemoryStore, Note, OnExpired, Scope, State, Store,
    StoreError,
};
use crate::sample;
use crate::time::pass;

pub(crate) const SCOPE: Scope = Scope::from_i32(1);
pub(crate) const LEASE: Duration = Duration::from_secs(60);
pub(crate) const RETENTION: Duration = Duration::from_secs(3600);

/// Keys of both shards.
pub(crate) const EVENT: IdempotencyKey = IdempotencyKey::from_bytes([1; 16]);
pub(crate) const OTHER: IdempotencyKey = IdempotencyKey::from_bytes([2; 16]);
const THIRD: IdempotencyKey = IdempotencyKey::from_bytes([3; 16]);

const SCHEDULES: usize = 2000;

pub(crate) fn store(room: u32) -> Arc<MemoryStore> {
    Arc::new(MemoryStore::new(room.try_into().unwrap()))
}

pub(crate) fn claim(store: &MemoryStore, key: IdempotencyKey, on_expired: OnExpired) -> Result<Claim, StoreError> {
    block_on(store.claim(&ClaimRequest {
        scope: SCOPE,
        key,
        fingerprint: Fingerprint::of(b"{}"),
        lease_time: LEASE.try_into().unwrap(),
        retention: RETENTION.try_into().unwrap(),
        on_expired,
        note: Note::new("an event"),
    }))
}

pub(crate) fn win(store: &MemoryStore, key: IdempotencyKey) -> Option<Fence> {
    match claim(store, key, OnExpired::Takeover) {
        Ok(Claim::Won(lease)) => Some(lease.fence()),
        Ok(_) | Err(StoreError::Full { .. }) => None,
        Err(error) => panic!("{error}"),
    }
}

/// With everything purged there is room for so many events again, and for no more.
pub(crate) fn check_room(store: &MemoryStore, room: u32) {
    pass(2 * RETENTION);
    block_on(store.purge(NonZeroU32::MAX)).unwrap();
    let keys = (0..=room).map(|number| IdempotencyKey::from_bytes([number.try_into().unwrap(); 16]));
    let won: Vec<bool> = keys.map(|key| win(store, key).is_some()).collect();
    assert_eq!(won.iter().position(|won| !won), Some(room.try_into().unwrap()), "the count is not back at zero");
}

/// More claims than there is room for: exactly so many are won.
#[test]
fn a_store_is_never_overfull() {
    sample(SCHEDULES, || {
        let store = store(2);
        let claims = [EVENT, OTHER, THIRD].map(|key| {
            let store = store.clone();
            thread::spawn(move || win(&store, key))
        });
        let won = claims.into_iter().filter_map(|claim| claim.join().unwrap()).count();
        assert_eq!(won, 2);
    });
}

/// A place that was given back goes to one of those who ask for it.
#[test]
fn the_last_place_is_not_refused_to_everybody() {
    sample(SCHEDULES, || {
        let store = store(1);
        assert!(win(&store, EVENT).is_some());
        let claim = thread::spawn({
            let store = store.clone();
            move || win(&store, OTHER).is_some()
        });
        assert!(block_on(store.forget(SCOPE, EVENT)).unwrap());
        let won = win(&store, THIRD).is_some();
        assert!(claim.join().unwrap() != won);
    });
}

/// Three workers that claim one event again and again, while its leases pass.
#[test]
fn an_event_is_completed_once() {
    sample(SCHEDULES, || {
        let store = store(2);
        let workers = [0, 1, 2].map(|number| {
            let store = store.clone();
            thread::spawn(move || {
                let (mut tokens, mut completed) = (Vec::new(), Vec::new());
                for fence in (0..3).filter_map(|_| win(&store, EVENT)) {
                    tokens.push(fence.token);
                    if number == 0 {
                        let _ = block_on(store.release(&fence)).unwrap();
                    } else if block_on(store.complete(&fence)).unwrap() == Fenced::Applied {
                        completed.push(fence.token);
                    }
                }
                (tokens, completed)
            })
        });
        let clock = thread::spawn(|| {
            for _ in 0..3 {
                pass(LEASE);
                thread::yield_now();
            }
        });
        let (tokens, completed): (Vec<_>, Vec<_>) = workers.into_iter().map(|worker| worker.join().unwrap()).unzip();
        clock.join().unwrap();
        let tokens = tokens.concat();
        assert_eq!(tokens.iter().collect::<BTreeSet<_>>().len(), tokens.len(), "a token was handed out twice");
        let record = block_on(store.get(SCOPE, EVENT)).unwrap().unwrap();
        let done = (record.state == State::Done).then_some(record.token);
        assert_eq!(completed.concat(), Vec::from_iter(done));
        check_room(&store, 2);
    });
}
