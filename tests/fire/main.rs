//! Receivers under fire: real processes that are killed in the middle of their work, over stores that crash, and a
//! sender that goes on.
//!
//! For each store two receivers share it. They are killed with SIGKILL all the time, at random or at a failpoint (see
//! [`terms::Point`]), and started again at once. Some are frozen on the brink of settling, until others have taken
//! their events over, and then woken up. PostgreSQL is stopped in the middle of its work, and Redis killed: every other
//! time while receivers are killed too, else while both have to live through it and work again within seconds.
//! Meanwhile a sender sends each event several times, some copies at once, and each until it is acknowledged.
//!
//! Who judges is none of those: effects go into a file or a table that nothing is ever removed from, and the sender
//! keeps a log. [`law::Broken`] lists what must never be seen. That it would be seen is tested too, with receivers that
//! do wrong.
//!
//! | variable | meaning | default |
//! | --- | --- | --- |
//! | `FIRE_KILLS` | kills for each store; with fewer than about 200 some failpoint may be missed, which fails | `300` |
//! | `FIRE_CRASHES` | crashes of the store, where it has a server | one for 60 kills |
//! | `FIRE_SEED` | the plan of a run that failed, as it printed it | random |
//!
//! A seed gives the same plan: who is killed how and after how long, what is sent when. What meets what is up to the
//! machine. The long run, an hour or so: `FIRE_KILLS=10000 cargo test -p counterfoil-tests --test fire under_fire`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod campaign;
mod docs;
mod front;
mod law;
mod lives;
mod log;
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
    let campaign = Campaign { kills: 40, crashes: 0, conduct: Conduct::Unfenced, freeze_every: 2, ..backend };
    let broken = campaign.broken();
    // Both have their effect, or one of them has completed the other's claim.
    assert!(broken.iter().any(|broken| matches!(broken, Broken::Doubled(_) | Broken::Hollow(_))), "{broken:?}");
}
