//! How often the endpoint may be asked.

use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A token bucket, told by the moment at which it will be full again.
pub(crate) struct Rate {
    /// In which time one token comes back.
    interval: Duration,
    /// How far that moment may lie ahead when a token is taken.
    slack: Duration,
    full_at: Mutex<Instant>,
}

impl Rate {
    pub(crate) fn new(per_second: NonZeroU32, burst: NonZeroU32, now: Instant) -> Self {
        let interval = Duration::from_secs(1) / per_second.get();
        Self { interval, slack: interval * (burst.get() - 1), full_at: Mutex::new(now) }
    }

    /// Takes a token, if there is one.
    pub(crate) fn take(&self, now: Instant) -> bool {
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let begin = now.max(*full_at);
        let fits = begin.duration_since(now) <= self.slack;
        if fits {
            *full_at = begin + self.interval;
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(per_second: u32, burst: u32, now: Instant) -> Rate {
        Rate::new(NonZeroU32::new(per_second).unwrap(), NonZeroU32::new(burst).unwrap(), now)
    }

    fn taken(rate: &Rate, tries: usize, now: Instant) -> usize {
        (0..tries).filter(|_| rate.take(now)).count()
    }

    #[test]
    fn a_burst_and_then_what_comes_back() {
        let begin = Instant::now();
        let rate = rate(50, 100, begin);
        assert_eq!(taken(&rate, 1000, begin), 100);
        assert_eq!(taken(&rate, 1000, begin + Duration::from_millis(19)), 0);
        assert_eq!(taken(&rate, 1000, begin + Duration::from_millis(20)), 1);
        assert_eq!(taken(&rate, 1000, begin + Duration::from_millis(1020)), 50);
        // However long nobody asks, the bucket holds no more than its burst.
        assert_eq!(taken(&rate, 1000, begin + Duration::from_secs(3600)), 100);
    }

    #[test]
    fn a_second_never_sees_more_than_burst_and_rate() {
        let begin = Instant::now();
        let rate = rate(10, 3, begin);
        let at = |ms| begin + Duration::from_millis(ms);
        let total: usize = (0..1000).map(|ms| taken(&rate, 5, at(ms))).sum();
        assert_eq!(total, 3 + 9, "the tenth comes back at the end of the second");
    }

    #[test]
    fn the_ends_of_the_settings() {
        let begin = Instant::now();
        assert_eq!(taken(&rate(1, 1, begin), 10, begin), 1);
        assert_eq!(taken(&rate(u32::MAX, 1, begin), 10, begin), 10, "a nanosecond is never waited for");
        assert_eq!(taken(&rate(1, u32::MAX, begin), 1000, begin), 1000);
    }

    #[test]
    fn a_moment_that_was_read_before_another_takes_nothing_back() {
        let begin = Instant::now();
        let rate = rate(1, 2, begin);
        let later = begin + Duration::from_secs(10);
        assert_eq!(taken(&rate, 10, later), 2);
        assert_eq!(taken(&rate, 10, begin), 0);
        assert_eq!(taken(&rate, 10, later), 0);
    }
}
