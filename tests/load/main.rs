//! The example services under load: real processes, attackers that send slowly, too much or nothing that can be read, and
//! an honest sender beside them.
//!
//! For each example there is one run: honest deliveries alone, beside each attack, and alone again. [`law::Broken`] lists
//! what must never be seen. How long honest deliveries wait is measured from when they were to be sent, and printed; since
//! machines differ, it decides nothing.
//!
//! | variable | meaning | default |
//! | --- | --- | --- |
//! | `LOAD_SOCKETS` | slow attackers, and those that flood with fields | `500` |
//! | `LOAD_RATE` | honest deliveries a second | `50` |
//! | `LOAD_SECONDS` | slow attackers come again for so long, the others for a tenth of it, 20 s at least; then a missed figure is a failure, too | they come once, the others for 5 s |
//!
//! The runs are beside each other unless they are told not to be. To measure, one after the other:
//! `cargo test -p counterfoil-tests --test load --release -- --test-threads=1`. The long run, 20 minutes:
//! the same with `LOAD_SOCKETS=4000 LOAD_SECONDS=300`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod attack;
mod bombs;
mod campaign;
mod heads;
mod honest;
mod law;
mod report;
mod service;
mod settings;
mod slow;

use service::Example;

#[test]
fn axum_under_load() {
    campaign::hold(Example::Axum);
}

#[test]
fn actix_under_load() {
    campaign::hold(Example::Actix);
}

#[test]
fn fastapi_under_load() {
    campaign::hold(Example::FastApi);
}
