//! Leaves an endpoint in peace that is down: after some failures in a row nothing is sent for a while, and then one
//! question at a time until it answers again.

use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The longest that an endpoint's `Retry-After` is obeyed without asking again. Deliveries are refused meanwhile.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What an exchange tells of the endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    /// It decides.
    Well,
    /// It does not, whatever it is asked; and when it may again, if it says so.
    Ill { retry_after: Option<Duration> },
    /// It is there, and has something against this question.
    Unknown,
}

pub(crate) struct Breaker {
    /// How many failures in a row open it.
    failures: NonZeroU32,
    pause: Duration,
    state: Mutex<State>,
}

struct State {
    phase: Phase,
    /// Counts the changes of phase: what was sent before one says nothing about the time after it.
    era: u64,
}

enum Phase {
    Closed { failed: u32 },
    Open { until: Instant },
    Probing,
}

enum Change {
    Opened { pause: Duration },
    Closed,
}

/// Nothing may be sent, and for how long. Zero where a question is under way that will tell.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Paused(pub(crate) Duration);

/// The right to send one question.
pub(crate) struct Pass<'b> {
    breaker: &'b Breaker,
    era: u64,
    entered: Instant,
    settled: bool,
}

impl Breaker {
    pub(crate) fn new(failures: NonZeroU32, pause: Duration) -> Self {
        Self { failures, pause, state: Mutex::new(State { phase: Phase::Closed { failed: 0 }, era: 0 }) }
    }

    /// Whether there is any use in waiting for the right to send.
    pub(crate) fn check(&self, now: Instant) -> Result<(), Paused> {
        self.lock().check(now)
    }

    /// Gives the right to send. The first after a pause is a probe: nobody else gets it before the probe is settled.
    pub(crate) fn enter(&self, now: Instant) -> Result<Pass<'_>, Paused> {
        let mut state = self.lock();
        state.check(now)?;
        if matches!(state.phase, Phase::Open { .. }) {
            state.turn(Phase::Probing);
        }
        Ok(Pass { breaker: self, era: state.era, entered: now, settled: false })
    }

    fn settle(&self, era: u64, health: Health, now: Instant) {
        let mut state = self.lock();
        if state.era != era {
            return;
        }
        let change = state.take(health, self, now);
        drop(state);
        match change {
            Some(Change::Opened { pause }) => {
                tracing::warn!(target: "counterfoil", pause_ms = millis(pause), "the sender's endpoint fails: nothing is sent to it for a while");
            }
            Some(Change::Closed) => tracing::info!(target: "counterfoil", "the sender's endpoint answers again"),
            None => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is complete before anything could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn check(&self, now: Instant) -> Result<(), Paused> {
        match self.phase {
            Phase::Closed { .. } => Ok(()),
            Phase::Open { until } if until <= now => Ok(()),
            Phase::Open { until } => Err(Paused(until.duration_since(now))),
            Phase::Probing => Err(Paused(Duration::ZERO)),
        }
    }

    fn take(&mut self, health: Health, breaker: &Breaker, now: Instant) -> Option<Change> {
        let probing = matches!(self.phase, Phase::Probing);
        match (health, &mut self.phase) {
            (Health::Well, Phase::Closed { failed }) => *failed = 0,
            (Health::Well, _) => {
                self.turn(Phase::Closed { failed: 0 });
                return Some(Change::Closed);
            }
            (Health::Ill { .. }, Phase::Closed { failed }) if *failed + 1 < breaker.failures.get() => *failed += 1,
            (Health::Ill { retry_after }, _) => {
                let pause = breaker.pause.max(retry_after.unwrap_or_default().min(LONGEST_PAUSE));
                self.turn(Phase::Open { until: now + pause });
                return Some(Change::Opened { pause });
            }
            // The next question is the probe.
            (Health::Unknown, _) if probing => self.turn(Phase::Open { until: now }),
            (Health::Unknown, _) => {}
        }
        None
    }

    fn turn(&mut self, phase: Phase) {
        self.phase = phase;
        self.era += 1;
    }
}

impl Pass<'_> {
    /// Says how it went.
    pub(crate) fn settle(mut self, health: Health, now: Instant) {
        self.settled = true;
        self.breaker.settle(self.era, health, now);
    }
}

/// A question that is given up says nothing, but a probe must not stand in everybody's way for ever.
impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if !self.settled {
            self.breaker.settle(self.era, Health::Unknown, self.entered);
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(10);
    const ILL: Health = Health::Ill { retry_after: None };

    fn breaker(failures: u32) -> Breaker {
        Breaker::new(NonZeroU32::new(failures).unwrap(), PAUSE)
    }

    fn send(breaker: &Breaker, health: Health, now: Instant) {
        breaker.enter(now).unwrap().settle(health, now);
    }

    fn paused(breaker: &Breaker, now: Instant) -> Option<Duration> {
        let check = breaker.check(now).err().map(|paused| paused.0);
        assert_eq!(check.is_some() || breaker.enter(now).is_err(), check.is_some(), "check and enter agree");
        check
    }

    #[test]
    fn only_failures_in_a_row_open_it() {
        let (breaker, now) = (breaker(3), Instant::now());
        for health in [ILL, ILL, Health::Well, ILL, Health::Unknown, ILL] {
            send(&breaker, health, now);
            assert_eq!(paused(&breaker, now), None, "{health:?}");
        }
        send(&breaker, ILL, now);
        assert_eq!(paused(&breaker, now), Some(PAUSE));
        let almost = now + PAUSE - Duration::from_millis(1);
        assert_eq!(paused(&breaker, almost), Some(Duration::from_millis(1)));
    }

    #[test]
    fn what_is_against_a_question_is_not_against_the_endpoint() {
        let (breaker, now) = (breaker(1), Instant::now());
        for _ in 0..100 {
            send(&breaker, Health::Unknown, now);
        }
        assert_eq!(paused(&breaker, now), None);
    }

    #[test]
    fn one_probe_at_a_time() {
        let (breaker, begin) = (breaker(1), Instant::now());
        send(&breaker, ILL, begin);
        let now = begin + PAUSE;
        let probe = breaker.enter(now).unwrap();
        assert_eq!(breaker.check(now), Err(Paused(Duration::ZERO)));
        assert!(breaker.enter(now + PAUSE).is_err(), "however long it takes");
        probe.settle(ILL, now);
        assert_eq!(paused(&breaker, now), Some(PAUSE));

        let now = now + PAUSE;
        drop(breaker.enter(now).unwrap());
        send(&breaker, Health::Unknown, now);
        send(&breaker, Health::Well, now);
        let both = [breaker.enter(now).unwrap(), breaker.enter(now).unwrap()];
        drop(both);
        assert_eq!(paused(&breaker, now), None);
    }

    #[test]
    fn an_endpoint_says_how_long_up_to_a_bound() {
        for (said, pause) in [
            (None, PAUSE),
            (Some(Duration::ZERO), PAUSE),
            (Some(Duration::from_secs(30)), Duration::from_secs(30)),
            (Some(Duration::MAX), LONGEST_PAUSE),
        ] {
            let (breaker, now) = (breaker(1), Instant::now());
            send(&breaker, Health::Ill { retry_after: said }, now);
            assert_eq!(paused(&breaker, now), Some(pause), "{said:?}");
        }
    }

    #[test]
    fn what_was_sent_before_a_change_changes_nothing_after_it() {
        let (breaker, now) = (breaker(1), Instant::now());
        let [well, ill, unknown, first] = std::array::from_fn(|_| breaker.enter(now).unwrap());
        first.settle(ILL, now);
        let later = now + Duration::from_secs(1);
        well.settle(Health::Well, later);
        ill.settle(Health::Ill { retry_after: Some(LONGEST_PAUSE) }, later);
        drop(unknown);
        assert_eq!(paused(&breaker, now), Some(PAUSE));
        let probe = breaker.enter(now + PAUSE).unwrap();
        assert_eq!(breaker.check(now + PAUSE), Err(Paused(Duration::ZERO)));
        probe.settle(Health::Well, now + PAUSE);
    }
}
