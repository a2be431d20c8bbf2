//! The client against a stand-in of AgencyHandy's endpoint, through the whole core.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod answers;
mod cache;
mod limits;
#[cfg(feature = "metrics")]
mod metrics;
mod secrecy;
mod settings;
mod shop;
