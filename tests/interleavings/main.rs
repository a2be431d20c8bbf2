//! What runs on several threads at once, in every order in which the threads can meet, or in a sample of them.
//!
//! The core's own files are compiled here a second time, on locks and counters whose every use is a place where the
//! scheduler may turn to another thread, and on a clock that only a test moves. All counters are taken for
//! sequentially consistent; where one is `Relaxed`, its comment or the lock beside it has to say why that will do.
//!
//! A failure prints its schedule for `shuttle::replay`; one of the random scheduler also its seed, which the
//! environment variable `SHUTTLE_RANDOM_SEED` takes back.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod atomic;
mod idempotency;
mod receiver;
mod store;

use shuttle::scheduler::{DfsScheduler, PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, Runner};

/// The core's `sync`, under a scheduler.
mod sync {
    pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicUsize};
    pub(crate) use shuttle::sync::{Mutex, MutexGuard};

    /// Each is a lock to be taken by a purge, and so a place where others may come between.
    pub(crate) const SHARDS: usize = 2;
}

/// The core's `time`, standing still until a test lets it pass. Each test has a clock of its own, because all threads
/// of a test run on one thread of the system.
mod time {
    use std::cell::Cell;
    use std::sync::LazyLock;
    use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

    pub(crate) use counterfoil::Clock;

    thread_local! {
        static PASSED: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    }

    pub(crate) fn pass(time: Duration) {
        PASSED.set(PASSED.get() + time);
    }

    pub(crate) fn monotonic() -> Instant {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        *START + PASSED.get()
    }

    #[derive(Debug)]
    pub(crate) struct SystemClock;

    impl Clock for SystemClock {
        fn now(&self) -> SystemTime {
            UNIX_EPOCH + PASSED.get()
        }
    }
}

/// Runs `test` under every schedule.
fn exhaust(test: impl Fn() + Send + Sync + 'static) {
    /// More than a test should need: one that gets here has to become smaller, or a sample.
    const MOST: usize = 200_000;
    let schedules = run(DfsScheduler::new(Some(MOST), false), test);
    assert!((2..MOST).contains(&schedules), "{schedules} schedules");
}

/// Runs `test` under `schedules` schedules of each kind: any that may be, and those with few changes of thread at
/// unlucky moments.
fn sample(schedules: usize, test: impl Fn() + Send + Sync + Copy + 'static) {
    assert_eq!(run(RandomScheduler::new(schedules), test), schedules);
    assert_eq!(run(PctScheduler::new(3, schedules), test), schedules);
}

fn run(scheduler: impl Scheduler + 'static, test: impl Fn() + Send + Sync + 'static) -> usize {
    let mut config = Config::new();
    // It would say what is said above about `Relaxed`.
    config.silence_warnings = true;
    Runner::new(scheduler, config).run(test)
}
