//! The protocol of claiming, handling and settling, explored in every order in which its steps can happen.
//!
//! Modelled are one event's row in the store, the workers that its deliveries pass through (of one receiver or of
//! many: they share nothing but the row), and its sender. A worker claims; its handler succeeds, fails, or rejects
//! the event; it settles with a write that compares token and state; where that finds the lease lost it looks at the
//! row; and it answers. Between any two of these steps may come those of another worker, another delivery, a crash,
//! the end of the lease, the end of the retention and the purge. Leases may end at any moment, which stands for
//! pauses, slow networks and clocks that jump, so that no law leans on a handler's time limit or on its heartbeat.
//!
//! Some things are there under another name. A delivery that waits for the one before it is one that claims later.
//! A claim or a release that does not reach the store, and an answer of the store or the receiver that is lost, are
//! a crash at that point; a claim that is won too late is a handler that fails.
//!
//! Not modelled are several keys (rows share nothing), bodies, verification, deliveries too old to be handled,
//! `forget`, a store that loses what it acknowledged, and handlers that fail and have had an effect all the same.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod laws;
mod protocol;
mod world;

use std::collections::BTreeMap;

use stateright::{Checker, DiscoveryClassification, Model};

use crate::laws::{ACKED, Claims, I1, I2, I3, I4, I5, I6, REPEATS, SETTLED, TAKEN_OVER};
use crate::protocol::{Mode, Protocol};
use crate::world::Budget;

/// What may happen to the protocol as shipped, on four workers.
const WIDE: Budget = Budget { sends: 5, retries: 0, crashes: 2, failures: 1, rejects: 1, outages: 1 };
/// These, and two workers, already show what a weaker protocol breaks.
const NARROW: Budget = Budget { sends: 3, retries: 0, crashes: 1, failures: 1, rejects: 1, outages: 1 };
/// A retry for each crash and failure, one that succeeds, and one that shows that the sender had not given up. No
/// rejects: a rejected event is never answered 2xx.
const PATIENT: Budget = Budget { sends: 3, retries: 5, crashes: 2, failures: 1, rejects: 0, outages: 1 };

/// Explores every run. Exactly the laws of `broken` are broken by one, and exactly the `examples` found in one.
fn explore(protocol: Protocol, mode: Mode, (workers, budget): (usize, Budget), broken: &[&str], examples: &[&str]) {
    let checker = Claims { protocol, mode, workers, budget }.checker().spawn_bfs().join();
    assert!(checker.is_done(), "some runs were left out");
    assert!(checker.unique_state_count() > 500, "hardly anything was explored");
    let (found, counterexamples): (BTreeMap<_, _>, BTreeMap<_, _>) = checker
        .discoveries()
        .into_iter()
        .partition(|(name, _)| matches!(checker.discovery_classification(name), DiscoveryClassification::Example));
    assert_eq!(counterexamples.keys().copied().collect::<Vec<_>>(), broken, "{counterexamples:#?}");
    assert_eq!(found.keys().copied().collect::<Vec<_>>(), examples);
}

/// That the protocol in transactional mode breaks these laws and no other.
fn breaks(protocol: Protocol, broken: &[&str]) {
    explore(protocol, Mode::Transaction, (2, NARROW), broken, &[TAKEN_OVER, SETTLED]);
}

#[test]
fn every_law_holds_in_transactional_mode() {
    explore(Protocol::Shipped, Mode::Transaction, (4, WIDE), &[], &[TAKEN_OVER, SETTLED]);
}

/// The honest limit: an effect outside the store's database may be repeated, once for each takeover.
#[test]
fn every_law_but_i1_holds_in_lease_mode() {
    explore(Protocol::Shipped, Mode::Lease, (4, WIDE), &[I1], &[TAKEN_OVER, SETTLED]);
}

#[test]
fn parking_keeps_i1_even_in_lease_mode() {
    explore(Protocol::Park, Mode::Lease, (4, WIDE), &[], &[SETTLED]);
}

#[test]
fn a_sender_that_keeps_retrying_is_acknowledged() {
    for mode in [Mode::Transaction, Mode::Lease] {
        explore(Protocol::Shipped, mode, (3, PATIENT), &[], &[]);
    }
}

/// The price of parking: the event waits for a person.
#[test]
fn parking_gives_up_that_every_event_is_acknowledged() {
    explore(Protocol::Park, Mode::Lease, (3, PATIENT), &[ACKED], &[]);
}

#[test]
fn completing_without_a_fence_repeats_effects() {
    breaks(Protocol::UnfencedCompletion, &[I1, I4]);
}

#[test]
fn releasing_without_a_fence_takes_away_what_others_hold_or_did() {
    breaks(Protocol::UnfencedRelease, &[I1, I4, I5]);
}

#[test]
fn acknowledging_before_the_effect_loses_events() {
    breaks(Protocol::AckBeforeDurable, &[I2]);
}

#[test]
fn acknowledging_what_is_in_flight_loses_events() {
    breaks(Protocol::OkInFlight, &[I2]);
}

#[test]
fn purging_before_the_sender_stops_repeats_effects() {
    breaks(Protocol::EarlyPurge, &[I1, I4, I5, REPEATS]);
}

#[test]
fn taking_over_under_the_old_token_tells_no_holders_apart() {
    breaks(Protocol::TokenKept, &[I3]);
}

#[test]
fn leases_that_never_end_leave_rows_stuck() {
    explore(Protocol::NoTakeover, Mode::Transaction, (2, NARROW), &[I6], &[SETTLED]);
    explore(Protocol::NoTakeover, Mode::Transaction, (2, PATIENT), &[ACKED], &[]);
}
