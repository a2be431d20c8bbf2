//! Receivers under fire.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod campaign;
mod front;
mod law;
mod lives;
mod oracle;
mod process;
mod random;
mod sender;
mod stage;
mod terms;

use campaign::Campaign;
use law::{Broken, Promise};
use terms::{Backend, Conduct};

#[test]
fn sqlite_under_fire() {
    Campaign::against(Backend::Sqlite).hold();
}

#[test]
fn postgres_under_fire() {
    Campaign::against(Backend::Postgres).hold();
}

#[test]
fn postgres_transactions_under_fire() {
    Campaign::against(Backend::PostgresTx).hold();
}

#[test]
fn redis_under_fire() {
    Campaign::against(Backend::Redis).hold();
}

#[test]
fn the_oracle_sees_a_lost_event() {
    let campaign = Campaign { kills: 30, crashes: 0, conduct: Conduct::AckFirst, ..Campaign::against(Backend::Sqlite) };
    let broken = campaign.broken();
    assert!(broken.iter().any(|broken| matches!(broken, Broken::AckedTooSoon(_))), "{broken:?}");
    assert!(broken.iter().any(|broken| matches!(broken, Broken::Lost(_))), "{broken:?}");
}

#[test]
fn the_oracle_sees_a_double_effect() {
    let campaign = Campaign { kills: 30, promise: Promise::Once, ..Campaign::against(Backend::Sqlite) };
    let broken = campaign.broken();
    assert!(broken.iter().any(|broken| matches!(broken, Broken::Doubled(_))), "{broken:?}");
}

#[test]
fn the_oracle_sees_an_unfenced_completion() {
    let backend = Campaign::against(Backend::PostgresTx);
    let campaign = Campaign { kills: 16, crashes: 0, conduct: Conduct::Unfenced, freeze_every: 2, ..backend };
    let broken = campaign.broken();
    assert!(broken.iter().any(|broken| matches!(broken, Broken::Doubled(_))), "{broken:?}");
}
