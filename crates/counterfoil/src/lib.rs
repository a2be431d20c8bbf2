//! Receives webhooks: proves the sender, and handles each event once.
//!
//! What happens to a request, stage by stage; each takes the value of the one before it and none calls back:
//!
//! | stage | gives | refuses with |
//! | --- | --- | --- |
//! | present: the headers alone | [`verifier::Presented`] | 401, before one byte of the body is read |
//! | read: hashed as it arrives, counted | the body | 413, 408 |
//! | check: every active secret, in constant time | | 401 |
//! | read event: only now is anything parsed | id, type, time | 400 |
//! | freshness | | 401 |
//! | prove | [`Delivery`], the only proof | |
//! | claim: one atomic step in the [`Store`](idempotency::Store) | a [`Lease`](idempotency::Lease) | 503 |
//! | handle: your code, which no sender that hangs up cancels | a status | |
//! | settle: complete, release or bury, fenced by the lease's token | the answer | |
//!
//! This crate has no sockets, no files and no runtime. Servers use an adapter (`counterfoil-tower`) and a
//! store (`counterfoil-sqlite`); a verifier on its own is this much:
//!
//! ```
//! use counterfoil::{senders, Secret, Verifier};
//!
//! # fn received() -> (http::HeaderMap, &'static str) { (http::HeaderMap::new(), "{}") }
//! let verifier = Verifier::builder(senders::AGILED).secret(Secret::new("agiled_secret_example")?).build()?;
//! let (headers, body) = received();
//! match verifier.verify(&headers, body) {
//!     Ok(delivery) => println!("{:?} {:?}", delivery.event_type(), delivery.event_id()),
//!     Err(rejection) => println!("{}: {rejection}", rejection.kind()),
//! }
//! # Ok::<(), counterfoil::ConfigError>(())
//! ```
//!
//! # Features
//! - `insecure-sha1`: HMAC-SHA1, for senders that sign with nothing better.
//! - `metrics`: counters and histograms through the `metrics` facade.
//! - `testing`: a fixed clock, and the store contract as functions that a store's tests call.
//! - `toml`: senders from a TOML file, and the catalogue that ships as one.

pub mod idempotency;
pub mod payloads;
pub mod receiver;
pub mod remote;
pub mod scheme;
pub mod senders;
pub mod tenants;
#[cfg(feature = "testing")]
pub mod testing;
pub mod time;
pub mod verifier;

mod amount;
mod delivery;
mod error;
mod event;
mod rejection;
mod secret;
mod signature;
mod signer;
mod sync;

pub use amount::Amount;
pub use delivery::{Delivery, EventError, Origin};
pub use error::ConfigError;
pub use event::EventId;
pub use idempotency::{IdempotencyKey, StoreError};
pub use receiver::Receiver;
pub use rejection::{Failure, Rejection, RejectionKind};
pub use secret::{Secret, SecretEncoding};
pub use signer::{SignError, Signer};
pub use time::{Clock, SystemClock, Tolerance, UtcOffset};
pub use verifier::Verifier;
