//! A soak: two receivers on one store, at a steady rate for as long as one likes, while events expire and are purged.
//!
//! The sender sends on time whatever the answers are. Of twenty deliveries fourteen are new events, one is a new event whose
//! handler fails at first, three are copies, and two are forged. Effects go into a file that nothing is ever removed from, and the
//! sender keeps a log; [`law::Broken`] lists what must never be seen between the two.
//!
//! No receiver forgets an event within an hour: that is the least retention. The receivers here have their store wrapped, so
//! that it forgets within seconds and purging has as much to do as a busy receiver's after days.
//!
//! | variable | meaning | default |
//! | --- | --- | --- |
//! | `SOAK_SECONDS` | how long; the figures then have to be met | 15, and figures decide nothing |
//! | `SOAK_RATE` | deliveries a second, in all | `500` |
//! | `SOAK_RETENTION` | seconds for which the store remembers an event | `5`, with `SOAK_SECONDS` `60` |
//! | `SOAK_STORE` | `sqlite`, or `postgres` for a server of its own | `sqlite` |
//!
//! The long run, half an hour: `SOAK_SECONDS=1800 cargo test --release -p counterfoil-tests --test soak soak`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod figures;
mod law;
mod oracle;
mod report;
mod run;
mod sender;
mod service;
mod settings;
mod stage;
mod terms;

#[test]
fn two_receivers_soak() {
    run::hold();
}
