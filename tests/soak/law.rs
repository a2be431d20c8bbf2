//! What must never be seen, however fast the machine is.

use std::time::Duration;

use crate::sender::{Event, Wait, Wrong};

/// One look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// Since the start.
    pub(crate) at: Duration,
    /// KiB that each receiver has in memory.
    pub(crate) memory: [u32; 2],
    /// In the store, expired or not.
    pub(crate) rows: u32,
}

/// All that is known of a run.
#[derive(Debug, Clone)]
pub(crate) struct History {
    pub(crate) retention: Duration,
    pub(crate) events: Vec<Event>,
    /// How often each had its effect.
    pub(crate) effects: Vec<u32>,
    /// Effects that are of none of them.
    pub(crate) strangers: Vec<String>,
    pub(crate) forged: usize,
    /// How many of those were answered with 401.
    pub(crate) refused: usize,
    /// How many with 408, 503 or nothing.
    pub(crate) failures: usize,
    pub(crate) wrong: Vec<Wrong>,
    pub(crate) waits: Vec<Wait>,
    pub(crate) samples: Vec<Sample>,
    /// Rows in the end, and how many there may be.
    pub(crate) rows_left: u32,
    pub(crate) rest: u32,
    pub(crate) alive: [bool; 2],
    /// Whether each ended well when it was told to.
    pub(crate) stopped: [bool; 2],
    pub(crate) logs: Vec<String>,
}

/// A law that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Broken {
    /// This event was not acknowledged in every copy.
    NotAcked(usize),
    /// It was acknowledged as handled more often than it had its effect, or without any.
    Lost(usize),
    /// It had its effect more than once, and the sender saw no failure that explains it.
    Doubled(usize),
    /// Its handler was at its first attempt more than once.
    Anew(usize),
    /// There were no events, or all answers were so late that nothing can be said of them.
    TooLate,
    /// An effect of what was not sent, or was forged.
    Stranger(String),
    /// An answer that nobody is to get.
    Answered(Wrong),
    /// So many were forged, and so many refused.
    NotRefused(usize, usize),
    /// So many rows are left, and so many may be.
    NotPurged(u32, u32),
    /// This receiver ended by itself.
    Dead(usize),
    /// This one did not end well when it was told to.
    NotStopped(usize),
    Panicked(String),
}

impl History {
    pub(crate) fn broken(&self) -> Vec<Broken> {
        let mut broken = Vec::new();
        for (number, (event, &effects)) in self.events.iter().zip(&self.effects).enumerate() {
            if event.open > 0 {
                broken.push(Broken::NotAcked(number));
            }
            if effects < event.handled.max(1) {
                broken.push(Broken::Lost(number));
            }
            if self.may_be_forgotten(event) {
                continue;
            }
            // A receiver that could not say so may have handled it all the same.
            if effects > 1 + event.failures {
                broken.push(Broken::Doubled(number));
            }
            if event.asked_failures > 1 {
                broken.push(Broken::Anew(number));
            }
        }
        if self.events.iter().all(|event| self.may_be_forgotten(event)) {
            broken.push(Broken::TooLate);
        }
        broken.extend(self.strangers.iter().cloned().map(Broken::Stranger));
        broken.extend(self.wrong.iter().cloned().map(Broken::Answered));
        if self.refused + self.failures != self.forged || self.forged == 0 {
            broken.push(Broken::NotRefused(self.forged, self.refused));
        }
        if self.rows_left > self.rest {
            broken.push(Broken::NotPurged(self.rows_left, self.rest));
        }
        broken.extend((0..2).filter(|number| !self.alive[*number]).map(Broken::Dead));
        broken.extend((0..2).filter(|number| !self.stopped[*number]).map(Broken::NotStopped));
        broken.extend(self.logs.iter().filter(|line| line.contains("panicked")).cloned().map(Broken::Panicked));
        broken
    }

    /// Whether the last copy was answered when the store may have forgotten the first.
    fn may_be_forgotten(&self, event: &Event) -> bool {
        event.last_answer - event.first_sent >= self.retention
    }

    /// Effects that were there already.
    pub(crate) fn repeats(&self) -> u32 {
        self.effects.iter().map(|count| count.saturating_sub(1)).sum()
    }

    /// Failures that no handler was asked for.
    pub(crate) fn unasked(&self) -> usize {
        let of_events: u32 = self.events.iter().map(|event| event.failures).sum();
        self.failures + usize::try_from(of_events).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Instant, SystemTime};

    use super::*;

    /// One event and a copy, and one that was forged.
    fn right() -> History {
        let now = Instant::now();
        let event = Event {
            is_late: false,
            created_at: SystemTime::UNIX_EPOCH,
            first_sent: now,
            last_answer: now,
            open: 0,
            handled: 1,
            duplicates: 1,
            asked_failures: 0,
            failures: 0,
        };
        History {
            retention: Duration::from_secs(5),
            events: vec![event],
            effects: vec![1],
            strangers: Vec::new(),
            forged: 1,
            refused: 1,
            failures: 0,
            wrong: Vec::new(),
            waits: Vec::new(),
            samples: Vec::new(),
            rows_left: 1,
            rest: 1,
            alive: [true; 2],
            stopped: [true; 2],
            logs: Vec::new(),
        }
    }

    fn broken(change: impl FnOnce(&mut History)) -> Vec<Broken> {
        let mut history = right();
        change(&mut history);
        history.broken()
    }

    #[test]
    fn each_law_can_be_broken() {
        assert_eq!(right().broken(), []);
        assert_eq!(broken(|h| h.events[0].open = 1), [Broken::NotAcked(0)]);
        assert_eq!(broken(|h| h.effects[0] = 0), [Broken::Lost(0)]);
        assert_eq!(broken(|h| h.events[0].handled = 2), [Broken::Lost(0)]);
        assert_eq!(broken(|h| h.effects[0] = 2), [Broken::Doubled(0)]);
        assert_eq!(broken(|h| (h.effects[0], h.events[0].failures) = (2, 1)), []);
        assert_eq!(broken(|h| h.events[0].asked_failures = 2), [Broken::Anew(0)]);
        assert_eq!(broken(|h| h.events.clear()), [Broken::TooLate]);
        let late = |h: &mut History| (h.effects[0], h.events[0].last_answer) = (2, Instant::now() + h.retention);
        assert_eq!(broken(late), [Broken::TooLate]);
        assert_eq!(broken(|h| h.strangers.push("x".to_owned())), [Broken::Stranger("x".to_owned())]);
        let wrong = Wrong { delivery: "forged".to_owned(), status: 200 };
        assert_eq!(broken(|h| h.wrong.push(wrong.clone())), [Broken::Answered(wrong)]);
        assert_eq!(broken(|h| h.refused = 0), [Broken::NotRefused(1, 0)]);
        assert_eq!(broken(|h| (h.refused, h.failures) = (0, 1)), []);
        assert_eq!(broken(|h| h.rows_left = 2), [Broken::NotPurged(2, 1)]);
        assert_eq!(broken(|h| h.alive[1] = false), [Broken::Dead(1)]);
        assert_eq!(broken(|h| h.stopped[0] = false), [Broken::NotStopped(0)]);
        assert_eq!(broken(|h| h.logs.push("panicked".to_owned())), [Broken::Panicked("panicked".to_owned())]);
    }
}
