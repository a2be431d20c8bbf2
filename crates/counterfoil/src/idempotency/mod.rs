//! Handling each event once: the key of an event, the lease on it, and the store that remembers both.
//!
//! ```
//! use std::num::NonZeroU32;
//! use counterfoil::idempotency::{MemoryStore, Store, Survives};
//!
//! let store = MemoryStore::new(NonZeroU32::new(1_000_000).ok_or("not zero")?);
//! assert_eq!(store.durability(), Survives::Nothing);
//! # Ok::<(), &str>(())
//! ```

mod expiry;
mod key;
mod lease;
mod memory;
mod store;

pub(crate) use key::KeySpace;
pub use key::{Fingerprint, IdempotencyKey, KeyError, Scope};
pub use lease::{Fence, Lease, NonZeroDuration, ZeroDuration};
pub use memory::MemoryStore;
pub use store::{
    BoxFuture, Claim, ClaimRequest, Fenced, Note, OnExpired, Outcome, Page, Record, State, Store, StoreError, Survives,
};
