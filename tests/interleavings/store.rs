//! The store in memory.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use shuttle::future::block_on;
use shuttle::scheduler::RandomScheduler;
use shuttle::thread;

use crate::idempotency::{
    Claim, ClaimRequest, Fence, Fenced, Fingerprint, IdempotencyKey, MemoryStore, Note, OnExpired, Scope, State, Store,
    StoreError,
};
use crate::time::pass;
use crate::{exhaust, run, sample};

const SCOPE: Scope = Scope::from_i32(1);
const LEASE: Duration = Duration::from_secs(60);
const RETENTION: Duration = Duration::from_secs(3600);

const SCHEDULES: usize = 2000;

/// Keys of both shards.
const EVENT: IdempotencyKey = IdempotencyKey::from_bytes([1; 16]);
const OTHER: IdempotencyKey = IdempotencyKey::from_bytes([2; 16]);
const THIRD: IdempotencyKey = IdempotencyKey::from_bytes([3; 16]);

/// One call, or time.
#[derive(Debug, Clone, Copy)]
enum Call {
    Claim,
    Park,
    ClaimOther,
    Complete,
    Bury,
    Release,
    Extend,
    Forget,
    Purge,
    Get,
    Pass,
}

const CALLS: [Call; 11] = [
    Call::Claim,
    Call::Park,
    Call::ClaimOther,
    Call::Complete,
    Call::Bury,
    Call::Release,
    Call::Extend,
    Call::Forget,
    Call::Purge,
    Call::Get,
    Call::Pass,
];

/// What the calls find.
#[derive(Debug, Clone, Copy)]
enum Start {
    Empty,
    Held,
    Lapsed,
    /// Done, with its retention over.
    Over,
}

const STARTS: [Start; 4] = [Start::Empty, Start::Held, Start::Lapsed, Start::Over];

/// A store, and the fence of its event's first holder.
fn start(start: Start, room: u32) -> (Arc<MemoryStore>, Fence) {
    let store = store(room);
    if matches!(start, Start::Empty) {
        return (store, Fence { scope: SCOPE, key: EVENT, token: 0, attempt: 1 });
    }
    let fence = win(&store, EVENT).unwrap();
    match start {
        Start::Empty | Start::Held => {}
        Start::Lapsed => pass(LEASE),
        Start::Over => {
            assert_eq!(block_on(store.complete(&fence)).unwrap(), Fenced::Applied);
            pass(RETENTION);
        }
    }
    (store, fence)
}

fn store(room: u32) -> Arc<MemoryStore> {
    Arc::new(MemoryStore::new(room.try_into().unwrap()))
}

fn claim(store: &MemoryStore, key: IdempotencyKey, on_expired: OnExpired) -> Result<Claim, StoreError> {
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

fn win(store: &MemoryStore, key: IdempotencyKey) -> Option<Fence> {
    match claim(store, key, OnExpired::Takeover) {
        Ok(Claim::Won(lease)) => Some(lease.fence()),
        Ok(_) | Err(StoreError::Full { .. }) => None,
        Err(error) => panic!("{error}"),
    }
}

/// The answer in words, without tokens and times.
fn call(store: &MemoryStore, first: &Fence, call: Call) -> String {
    let said = |claimed: Result<Claim, StoreError>| match claimed {
        Ok(Claim::Won(lease)) => {
            let fence = lease.fence();
            assert!(fence.key != first.key || fence.token > first.token, "tokens grow");
            format!("won, attempt {}", fence.attempt)
        }
        Ok(Claim::InFlight { .. }) => "in flight".to_owned(),
        other => format!("{other:?}"),
    };
    match call {
        Call::Claim => said(claim(store, EVENT, OnExpired::Takeover)),
        Call::Park => said(claim(store, EVENT, OnExpired::Park)),
        Call::ClaimOther => said(claim(store, OTHER, OnExpired::Takeover)),
        Call::Complete => format!("{:?}", block_on(store.complete(first))),
        Call::Bury => format!("{:?}", block_on(store.dead(first, &Note::new("no")))),
        Call::Release => format!("{:?}", block_on(store.release(first))),
        Call::Extend => format!("{:?}", block_on(store.extend(first, LEASE.try_into().unwrap()))),
        Call::Forget => format!("{:?}", block_on(store.forget(SCOPE, EVENT))),
        Call::Purge => format!("{:?}", block_on(store.purge(NonZeroU32::MAX))),
        Call::Get => {
            let record = block_on(store.get(SCOPE, EVENT)).unwrap();
            format!("{:?}", record.map(|record| (record.state, record.attempts)))
        }
        Call::Pass => {
            pass(LEASE);
            String::new()
        }
    }
}

fn look(store: &MemoryStore, key: IdempotencyKey) -> String {
    let record = block_on(store.get(SCOPE, key)).unwrap();
    format!("{:?}", record.map(|record| (record.state, record.attempts, record.lease_left)))
}

/// What each call answered, and the rows in the end.
type Came = (Vec<String>, String, String);

fn outcome(store: &MemoryStore, room: u32, answers: Vec<String>) -> Came {
    let outcome = (answers, look(store, EVENT), look(store, OTHER));
    check_room(store, room);
    outcome
}

/// With everything purged there is room for so many events again, and for no more.
fn check_room(store: &MemoryStore, room: u32) {
    pass(2 * RETENTION);
    block_on(store.purge(NonZeroU32::MAX)).unwrap();
    let keys = (0..=room).map(|number| IdempotencyKey::from_bytes([number.try_into().unwrap(); 16]));
    let won: Vec<bool> = keys.map(|key| win(store, key).is_some()).collect();
    assert_eq!(won.iter().position(|won| !won), Some(room.try_into().unwrap()), "the count is not back at zero");
}

/// The outcomes of the calls one after the other, in every order.
fn one_by_one(from: Start, room: u32, calls: &[Call]) -> BTreeSet<Came> {
    let outcomes = Arc::new(Mutex::new(BTreeSet::new()));
    let (calls, found) = (calls.to_vec(), outcomes.clone());
    run(RandomScheduler::new(1), move || {
        for order in orders(calls.len()) {
            let (store, first) = start(from, room);
            let mut answers = vec![String::new(); calls.len()];
            order.iter().for_each(|at| answers[*at] = call(&store, &first, calls[*at]));
            found.lock().unwrap().insert(outcome(&store, room, answers));
        }
    });
    std::mem::take(&mut outcomes.lock().unwrap())
}

fn orders(length: usize) -> Vec<Vec<usize>> {
    let Some(last) = length.checked_sub(1) else { return vec![Vec::new()] };
    let insert = |order: Vec<usize>| {
        (0..length).map(move |at| {
            let mut order = order.clone();
            order.insert(at, last);
            order
        })
    };
    orders(last).into_iter().flat_map(insert).collect()
}

/// The calls at the same time.
fn at_once(from: Start, room: u32, calls: &[Call]) -> Came {
    let (store, first) = start(from, room);
    let threads: Vec<_> = calls
        .iter()
        .map(|what| {
            let (store, what) = (store.clone(), *what);
            thread::spawn(move || call(&store, &first, what))
        })
        .collect();
    let answers = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    outcome(&store, room, answers)
}

/// Whatever the interleaving, the answers and the rows are those of the calls in some order.
fn is_atomic(from: Start, room: u32, calls: &[Call]) -> impl Fn() + Send + Sync + 'static {
    let expected = one_by_one(from, room, calls);
    let calls = calls.to_vec();
    move || {
        let came = at_once(from, room, &calls);
        assert!(expected.contains(&came), "{from:?} {calls:?} came to {came:#?} and should to one of {expected:#?}");
    }
}

#[test]
fn two_calls_for_one_event_are_atomic() {
    let calls = CALLS.iter().filter(|call| !matches!(call, Call::ClaimOther));
    for from in STARTS {
        for (at, one) in calls.clone().enumerate() {
            for other in calls.clone().skip(at) {
                exhaust(is_atomic(from, 2, &[*one, *other]));
            }
        }
    }
}

#[test]
fn three_calls_are_atomic() {
    for from in STARTS {
        for (at, one) in CALLS.iter().enumerate() {
            for (and, other) in CALLS.iter().enumerate().skip(at) {
                for third in &CALLS[and..] {
                    run(RandomScheduler::new(20), is_atomic(from, 1, &[*one, *other, *third]));
                }
            }
        }
    }
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
        let (store, _) = start(Start::Held, 1);
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
