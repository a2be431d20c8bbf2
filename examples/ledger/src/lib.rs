//! What the example services share, whatever their framework: settings, receivers, and the books.
//!
#![doc = include_str!("../service.md")]
//!
//! The examples take each other's place on the same files and databases. Their interface has one set of tests, in
//! `interface`, which each of them runs on its own binary.

mod config;
mod ledger;
mod process;
mod store;

pub use config::Config;
pub use ledger::{Counts, Entry, Ledger};
pub use process::{announce, run, stopped};

/// Any error, for a service that can only stop and say why.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
