//! What the core promises by itself: no server, no files, no store but memory.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod adversarial;
mod challenges;
mod dependencies;
mod facts;
mod forms;
mod keys;
mod leases;
mod log;
mod properties;
mod reading;
mod remote;
mod settings;
mod stores;
mod vectors;
mod waiting;
