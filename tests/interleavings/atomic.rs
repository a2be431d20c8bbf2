//! Calls of the store in memory at the same time: whatever the interleaving, they come to what the same calls come to
//! one after the other, in some order.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};

use shuttle::future::block_on;
use shuttle::scheduler::RandomScheduler;
use shuttle::thread;

use crate::idempotency::{Claim, Fence, Fenced, IdempotencyKey, MemoryStore, Note, OnExpired, Store, StoreError};
use crate::store::{EVENT, LEASE, OTHER, RETENTION, SCOPE, check_room, claim, store, win};
use crate::time::pass;
use crate::{exhaust, run};

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
type Outcome = (Vec<String>, String, String);

fn outcome(store: &MemoryStore, room: u32, answers: Vec<String>) -> Outcome {
    let outcome = (answers, look(store, EVENT), look(store, OTHER));
    check_room(store, room);
    outcome
}

/// The outcomes of the calls one after the other, in every order.
fn one_by_one(from: Start, room: u32, calls: &[Call]) -> BTreeSet<Outcome> {
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
fn at_once(from: Start, room: u32, calls: &[Call]) -> Outcome {
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
        let outcome = at_once(from, room, &calls);
        assert!(
            expected.contains(&outcome),
            "{from:?} {calls:?} came to {outcome:#?} and should to one of {expected:#?}"
        );
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
