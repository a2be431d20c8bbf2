//! What belongs to one process, and is made anew in a child that was forked from it.
//!
//! A fork takes along one thread and every byte of memory: a runtime whose threads are gone, sockets that two processes
//! would write to, locks that nobody will ever open. So each such thing is remembered with the process that made it.

use std::sync::Arc;

use arc_swap::ArcSwapOption;

/// A value of this process.
pub(crate) struct PerProcess<T>(ArcSwapOption<Owned<T>>);

struct Owned<T> {
    process: u32,
    value: Arc<T>,
}

impl<T: Default> PerProcess<T> {
    pub(crate) const fn new() -> Self {
        Self(ArcSwapOption::const_empty())
    }

    /// This process's value. No lock is taken: a fork could have left it closed.
    pub(crate) fn get(&self) -> Arc<T> {
        let process = std::process::id();
        loop {
            let known = self.0.load();
            if let Some(owned) = known.as_ref().filter(|owned| owned.process == process) {
                return owned.value.clone();
            }
            let value = Arc::new(T::default());
            let made = Some(Arc::new(Owned { process, value: value.clone() }));
            let before = self.0.compare_and_swap(&*known, made);
            if before.as_ref().map(Arc::as_ptr) == known.as_ref().map(Arc::as_ptr) {
                // Left as it is: closing what the parent still uses, or waiting for threads that are not here, would
                // do harm there and hang here.
                std::mem::forget(known.as_ref().map(Arc::clone));
                return value;
            }
        }
    }
}

impl<T: Default> Default for PerProcess<T> {
    fn default() -> Self {
        Self::new()
    }
}
