//! The core's `idempotency`, with a store in memory of our own making.

#[path = "../../crates/counterfoil/src/idempotency/expiry.rs"]
mod expiry;
#[expect(unreachable_pub, reason = "public where it belongs")]
#[path = "../../crates/counterfoil/src/idempotency/memory.rs"]
mod memory;

pub(crate) use counterfoil::idempotency::*;

pub(crate) use self::memory::MemoryStore;
