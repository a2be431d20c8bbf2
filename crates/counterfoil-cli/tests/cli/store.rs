//! What people who look after a store do in it, on each kind of store, beside a program that has it open.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod address;
mod events;
mod forget;
mod home;
mod ls;
mod migrate;
mod purge;
mod show;
mod terminal;

use home::{Home, SCOPES, id};
