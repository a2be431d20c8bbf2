//! The locks and counters of the files whose interleavings are tested: the tests compile those files with a
//! scheduler's types, and fewer shards, under these names.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicUsize};
pub(crate) use std::sync::{Mutex, MutexGuard};

/// The locks of one store in memory: enough that two busy cores seldom meet at one.
pub(crate) const SHARDS: usize = 64;
