//! Events settled inside the application's own transaction: the laws, on each database.

#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod home;

use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use counterfoil::idempotency::{
    Claim, ClaimRequest, Fenced, Lease, NonZeroDuration, Note, OnExpired, Outcome, State, Store as _,
};
use counterfoil::{Delivery, Secret, Tolerance, Verifier, senders};
use counterfoil_sqlx::{ClaimIn, CommitError};
use home::{Home, Postgres, Sqlite};
use tokio::task::JoinSet;

/// A test of every law on every database.
macro_rules! laws {
    ($($law:ident),* $(,)?) => {
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $law() { super::$law(super::Postgres::new().await).await; })*
        }
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $law() { super::$law(super::Sqlite::new().await).await; })*
        }
    };
}

laws!(
    effects_commit_with_their_event,
    a_lease_that_was_taken_over_commits_nothing,
    a_settled_or_forgotten_event_commits_nothing,
    finishing_late_but_first_commits,
    a_dropped_transaction_leaves_the_event_claimed,
    a_claim_inside_the_transaction_counts_once_committed,
    a_claim_that_was_rolled_back_was_never_made,
    what_is_not_settled_is_never_a_duplicate,
    what_is_settled_is_a_duplicate,
    a_storm_of_claims_applies_each_event_once,
    copies_of_what_is_settled_are_never_busy,
    a_transaction_that_was_rolled_back_settles_nothing,
);

const MINUTE: Duration = Duration::from_secs(60);
/// Short enough to wait for.
const SHORT: Duration = Duration::from_millis(300);
const PAST_SHORT: Duration = Duration::from_millis(400);

fn non_zero(duration: Duration) -> NonZeroDuration {
    NonZeroDuration::new(duration).unwrap()
}

fn delivery(id: usize) -> Delivery {
    let secret = Secret::new("whsec_example").unwrap();
    let verifier = Verifier::builder(senders::HANDL).secret(secret).tolerance(Tolerance::RetrySafe).build().unwrap();
    let body = format!(r#"{{"id":"evt_{id}","type":"order.created","created_at":"2026-01-01T00:00:00Z","data":{{}}}}"#);
    Delivery::assertion(&verifier, body, UNIX_EPOCH).unwrap()
}

/// The same event with another body.
fn other_body(id: usize) -> Delivery {
    let secret = Secret::new("whsec_example").unwrap();
    let verifier = Verifier::builder(senders::HANDL).secret(secret).tolerance(Tolerance::RetrySafe).build().unwrap();
    let body = format!(r#"{{"id":"evt_{id}","type":"order.created","created_at":"2026-01-02T00:00:00Z","data":{{}}}}"#);
    Delivery::assertion(&verifier, body, UNIX_EPOCH).unwrap()
}

async fn claim<H: Home>(home: &H, delivery: &Delivery, lease: Duration) -> Claim {
    let request = ClaimRequest {
        scope: delivery.scope(),
        key: delivery.key(),
        fingerprint: delivery.fingerprint(),
        lease_time: non_zero(lease),
        retention: non_zero(60 * MINUTE),
        on_expired: OnExpired::Takeover,
        note: Note::from(delivery),
    };
    home.store().claim(&request).await.unwrap()
}

async fn win<H: Home>(home: &H, delivery: &Delivery, lease: Duration) -> Lease {
    match claim(home, delivery, lease).await {
        Claim::Won(lease) => lease,
        other => panic!("a claimable event is won, not {other:?}"),
    }
}

async fn state<H: Home>(home: &H, delivery: &Delivery) -> Option<State> {
    let record = home.store().get(delivery.scope(), delivery.key()).await.unwrap();
    record.map(|record| record.state)
}

async fn claim_in<H: Home>(home: &H, delivery: &Delivery) -> ClaimIn<'static, H::Engine> {
    home.tables().claim_in(home.transaction().await, delivery, non_zero(60 * MINUTE)).await.unwrap()
}

/// Applies the event of `delivery` in a transaction of its own.
async fn apply_in<H: Home>(home: &H, delivery: &Delivery) {
    let ClaimIn::Won(mut transaction) = claim_in(home, delivery).await else { panic!("a claimable event is won") };
    H::apply(&mut transaction, delivery).await;
    transaction.commit().await.unwrap();
}

async fn effects_commit_with_their_event<H: Home>(home: H) {
    let delivery = delivery(1);
    let lease = win(&home, &delivery, MINUTE).await;
    let mut transaction = home.begin(lease.fence()).await;
    H::apply(&mut transaction, &delivery).await;
    transaction.commit().await.unwrap();
    assert_eq!(home.effects().await, 1);
    assert!(matches!(claim(&home, &delivery, MINUTE).await, Claim::Duplicate(Outcome::Completed)));
    // What the receiver does next changes nothing.
    assert_eq!(lease.complete(&home.store()).await.unwrap(), Fenced::Lost);
    assert_eq!(lease.release(&home.store()).await.unwrap(), Fenced::Lost);
    assert_eq!(state(&home, &delivery).await, Some(State::Done));
}

async fn a_lease_that_was_taken_over_commits_nothing<H: Home>(home: H) {
    let delivery = delivery(1);
    let zombie = win(&home, &delivery, SHORT).await;
    tokio::time::sleep(PAST_SHORT).await;
    let holder = win(&home, &delivery, MINUTE).await;
    let mut transaction = home.begin(zombie.fence()).await;
    H::apply(&mut transaction, &delivery).await;
    assert!(matches!(transaction.commit().await, Err(CommitError::LeaseLost)));
    assert_eq!((home.effects().await, state(&home, &delivery).await), (0, Some(State::Claimed)));

    let mut transaction = home.begin(holder.fence()).await;
    H::apply(&mut transaction, &delivery).await;
    transaction.commit().await.unwrap();
    assert_eq!(home.effects().await, 1);
}

async fn a_settled_or_forgotten_event_commits_nothing<H: Home>(home: H) {
    let store = home.store();
    let [released, buried, done, forgotten] = [1, 2, 3, 4].map(delivery);
    let mut leases = Vec::new();
    for delivery in [&released, &buried, &done, &forgotten] {
        leases.push(win(&home, delivery, MINUTE).await);
    }
    assert_eq!(leases[0].release(&store).await.unwrap(), Fenced::Applied);
    assert_eq!(leases[1].bury(&store, &Note::new("poison")).await.unwrap(), Fenced::Applied);
    assert_eq!(leases[2].complete(&store).await.unwrap(), Fenced::Applied);
    assert!(store.forget(forgotten.scope(), forgotten.key()).await.unwrap());
    for lease in leases {
        let mut transaction = home.begin(lease.fence()).await;
        H::apply(&mut transaction, &released).await;
        assert!(matches!(transaction.commit().await, Err(CommitError::LeaseLost)));
    }
    assert_eq!(home.effects().await, 0);
}

async fn finishing_late_but_first_commits<H: Home>(home: H) {
    let delivery = delivery(1);
    let lease = win(&home, &delivery, SHORT).await;
    let mut transaction = home.begin(lease.fence()).await;
    H::apply(&mut transaction, &delivery).await;
    tokio::time::sleep(PAST_SHORT).await;
    transaction.commit().await.unwrap();
    assert_eq!((home.effects().await, state(&home, &delivery).await), (1, Some(State::Done)));
}

async fn a_dropped_transaction_leaves_the_event_claimed<H: Home>(home: H) {
    let delivery = delivery(1);
    let lease = win(&home, &delivery, MINUTE).await;
    let mut transaction = home.begin(lease.fence()).await;
    H::apply(&mut transaction, &delivery).await;
    drop(transaction);
    assert_eq!((home.effects().await, state(&home, &delivery).await), (0, Some(State::Claimed)));
    let mut transaction = home.begin(lease.fence()).await;
    H::apply(&mut transaction, &delivery).await;
    transaction.rollback().await.unwrap();
    assert_eq!((home.effects().await, state(&home, &delivery).await), (0, Some(State::Claimed)));
}

async fn a_claim_inside_the_transaction_counts_once_committed<H: Home>(home: H) {
    let delivery = delivery(1);
    apply_in(&home, &delivery).await;
    assert_eq!(home.effects().await, 1);
    assert!(matches!(claim_in(&home, &delivery).await, ClaimIn::Duplicate));
    assert!(matches!(claim_in(&home, &other_body(1)).await, ClaimIn::Conflict));
    let record = home.store().get(delivery.scope(), delivery.key()).await.unwrap().unwrap();
    assert_eq!((record.state, record.attempts), (State::Done, 1));
    assert_eq!(record.note.as_str(), "handl order.created evt_1");
}

async fn a_claim_that_was_rolled_back_was_never_made<H: Home>(home: H) {
    let delivery = delivery(1);
    let ClaimIn::Won(mut transaction) = claim_in(&home, &delivery).await else { panic!("a new event is won") };
    H::apply(&mut transaction, &delivery).await;
    transaction.rollback().await.unwrap();
    assert_eq!((home.effects().await, state(&home, &delivery).await), (0, None));
    apply_in(&home, &delivery).await;
    assert_eq!(home.effects().await, 1);
}

/// Released, expired and live claims: to call one of these a duplicate would lose its event.
async fn what_is_not_settled_is_never_a_duplicate<H: Home>(home: H) {
    let [released, expired, live] = [1, 2, 3].map(delivery);
    let lease = win(&home, &released, MINUTE).await;
    assert_eq!(lease.release(&home.store()).await.unwrap(), Fenced::Applied);
    let zombie = win(&home, &expired, SHORT).await;
    let holder = win(&home, &live, MINUTE).await;
    tokio::time::sleep(PAST_SHORT).await;

    match claim_in(&home, &live).await {
        ClaimIn::InFlight { retry_after } => {
            assert!(retry_after > MINUTE / 2, "the lease's time left: {retry_after:?}");
        }
        other => panic!("a live claim is in flight, not {other:?}"),
    }
    apply_in(&home, &released).await;
    apply_in(&home, &expired).await;
    assert_eq!(home.effects().await, 2);
    for lease in [zombie, lease] {
        assert_eq!(lease.complete(&home.store()).await.unwrap(), Fenced::Lost, "the transaction has taken it over");
    }
    assert_eq!(holder.complete(&home.store()).await.unwrap(), Fenced::Applied);
}

async fn what_is_settled_is_a_duplicate<H: Home>(home: H) {
    let [done, dead] = [1, 2].map(delivery);
    let lease = win(&home, &done, MINUTE).await;
    assert_eq!(lease.complete(&home.store()).await.unwrap(), Fenced::Applied);
    let lease = win(&home, &dead, MINUTE).await;
    assert_eq!(lease.bury(&home.store(), &Note::new("poison")).await.unwrap(), Fenced::Applied);
    assert!(matches!(claim_in(&home, &done).await, ClaimIn::Duplicate));
    assert!(matches!(claim_in(&home, &dead).await, ClaimIn::Dead));
}

async fn a_storm_of_claims_applies_each_event_once<H: Home>(home: H) {
    const EVENTS: usize = 40;
    let home = Arc::new(home);
    let mut copies = JoinSet::new();
    for copy in 0..EVENTS * 8 {
        let home = home.clone();
        copies.spawn(async move {
            let delivery = delivery(copy % EVENTS);
            loop {
                match claim_in(&*home, &delivery).await {
                    ClaimIn::Won(mut transaction) => {
                        H::apply(&mut transaction, &delivery).await;
                        break transaction.commit().await.unwrap();
                    }
                    ClaimIn::InFlight { .. } => tokio::time::sleep(Duration::from_millis(5)).await,
                    ClaimIn::Duplicate => break,
                    other => panic!("all bodies are the same, and none is bad: {other:?}"),
                }
            }
        });
    }
    copies.join_all().await;
    assert_eq!(home.effects().await, i64::try_from(EVENTS).unwrap());
}

async fn copies_of_what_is_settled_are_never_busy<H: Home>(home: H) {
    let home = Arc::new(home);
    apply_in(&*home, &delivery(1)).await;
    let mut copies = JoinSet::new();
    for _ in 0..64 {
        let home = home.clone();
        copies.spawn(async move { matches!(claim_in(&*home, &delivery(1)).await, ClaimIn::Duplicate) });
    }
    assert!(copies.join_all().await.into_iter().all(|duplicate| duplicate));
}

/// A statement fails, the application goes on all the same, and the database has ended the transaction.
async fn a_transaction_that_was_rolled_back_settles_nothing<H: Home>(home: H) {
    let [leased, claimed] = [1, 2].map(delivery);
    let lease = win(&home, &leased, MINUTE).await;
    let mut transaction = home.begin(lease.fence()).await;
    H::apply(&mut transaction, &leased).await;
    H::break_off(&mut transaction).await;
    let refused = transaction.commit().await;
    assert!(matches!(refused, Err(CommitError::RolledBack { .. })), "{refused:?}");

    let ClaimIn::Won(mut transaction) = claim_in(&home, &claimed).await else { panic!("a new event is won") };
    H::apply(&mut transaction, &claimed).await;
    H::break_off(&mut transaction).await;
    let refused = transaction.commit().await;
    assert!(matches!(refused, Err(CommitError::RolledBack { .. })), "{refused:?}");

    assert_eq!(home.effects().await, 0);
    assert_eq!((state(&home, &leased).await, state(&home, &claimed).await), (Some(State::Claimed), None));
    // Dropped in the same way, on every connection there is: the pool is none the worse.
    for _ in 0..8 {
        let mut transaction = home.begin(lease.fence()).await;
        H::break_off(&mut transaction).await;
    }
    let mut transaction = home.begin(lease.fence()).await;
    H::apply(&mut transaction, &leased).await;
    transaction.commit().await.unwrap();
    assert_eq!(home.effects().await, 1);
}

/// A duplicate that waited for the first one's transaction would hold a connection for as long as that takes.
#[tokio::test(flavor = "multi_thread")]
async fn duplicates_of_an_open_transaction_are_told_at_once() {
    let home = Postgres::new().await;
    let delivery = delivery(1);
    let ClaimIn::Won(open) = claim_in(&home, &delivery).await else { panic!("a new event is won") };
    let began = Instant::now();
    for _ in 0..20 {
        assert!(matches!(claim_in(&home, &delivery).await, ClaimIn::InFlight { .. }));
    }
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    open.commit().await.unwrap();
    assert!(matches!(claim_in(&home, &delivery).await, ClaimIn::Duplicate));
}

/// The application's own transaction, begun where the application likes.
#[tokio::test(flavor = "multi_thread")]
async fn an_existing_transaction_can_be_completed() {
    let home = Postgres::new().await;
    let delivery = delivery(1);
    let lease = win(&home, &delivery, MINUTE).await;
    let mut transaction = home.transaction().await;
    Postgres::apply(&mut transaction, &delivery).await;
    home.tables().complete_in(transaction, lease.fence()).await.unwrap();
    assert_eq!(home.effects().await, 1);

    let mut late = home.transaction().await;
    Postgres::apply(&mut late, &delivery).await;
    let refused = home.tables().complete_in(late, lease.fence()).await;
    assert!(matches!(refused, Err(CommitError::LeaseLost)));
    assert_eq!(home.effects().await, 1);
}
