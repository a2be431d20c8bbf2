//! Tools for the tests of receivers and stores.
//!
//! ```
//! use std::time::Duration;
//! use counterfoil::testing::FixedClock;
//! use counterfoil::Clock;
//!
//! let clock = FixedClock::at("2026-05-18T12:00:00Z").ok_or("not a time")?;
//! let before = clock.now();
//! clock.advance(Duration::from_secs(60));
//! assert_eq!(clock.now().duration_since(before).ok(), Some(Duration::from_secs(60)));
//! # Ok::<(), &str>(())
//! ```

pub mod store;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::Clock;
use crate::time::parse_rfc3339;

/// A clock that stands still until it is told otherwise. Clones share one time.
#[derive(Debug, Clone)]
pub struct FixedClock(Arc<Mutex<SystemTime>>);

impl FixedClock {
    /// Stands at an RFC 3339 time; `None` where `text` is not one.
    #[must_use]
    pub fn at(text: &str) -> Option<Self> {
        parse_rfc3339(text).map(Self::new)
    }

    /// Stands at `now`.
    #[must_use]
    pub fn new(now: SystemTime) -> Self {
        Self(Arc::new(Mutex::new(now)))
    }

    /// Moves forward.
    pub fn advance(&self, by: Duration) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now += by;
    }
}

impl Clock for FixedClock {
    fn now(&self) -> SystemTime {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
