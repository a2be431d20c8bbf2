//! What there is: one event's row, the workers that its deliveries pass through, its sender, and time.

use std::collections::BTreeSet;

/// The state of one run.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) row: Row,
    /// The last token that was handed out. It outlives the row.
    pub(crate) token: u8,
    /// Sorted: workers differ in nothing but what they are doing.
    pub(crate) workers: Vec<Worker>,
    /// Deliveries that no worker has taken yet.
    pub(crate) on_the_way: u8,
    pub(crate) left: Budget,
    pub(crate) retention_over: bool,
    /// Committed effects.
    pub(crate) effects: u8,
    /// Claims won from a holder whose lease had passed.
    pub(crate) takeovers: u8,
    /// Whether a 2xx was sent.
    pub(crate) acked: bool,
    /// The laws that a step so far has broken.
    pub(crate) broken: BTreeSet<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Row {
    Absent,
    Ready,
    Claimed { lapsed: bool },
    Done,
    Dead,
}

/// What a worker does; a number is the token under which it claimed the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Worker {
    Idle,
    /// Its delivery is verified, and may have waited for another one.
    Asked,
    /// Its handler runs, and nothing of it can be seen yet.
    Holding(u8),
    /// Its handler's effect is committed.
    Ran(u8),
    /// It has lost its lease, and is about to look at the row.
    Looking,
    /// It is about to send a 2xx.
    Acking,
    /// It has answered, and tries to complete in the background.
    Late(u8),
}

/// How often may still happen what knows no bound of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Budget {
    /// Deliveries at any time: the first, retries, and copies that the network made.
    pub(crate) sends: u8,
    /// Retries of a patient sender: not answered 2xx yet, and with nothing of its event going on.
    pub(crate) retries: u8,
    pub(crate) crashes: u8,
    /// Handlers that fail, or are stopped because their lease is lost.
    pub(crate) failures: u8,
    /// Handlers that reject the event for good.
    pub(crate) rejects: u8,
    /// Completions that do not reach the store.
    pub(crate) outages: u8,
}

/// One atomic step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Send,
    Retry,
    /// A worker, by its place, does something.
    Work(usize, Act),
    /// The lease passes: by time, or early, by a pause, a slow network or a clock that jumps.
    Lapse,
    /// The sender has stopped, and then the retention ends.
    Age,
    Purge,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    Take,
    Claim,
    /// The handler succeeds.
    Run,
    /// The handler fails, without an effect.
    Release,
    /// The handler rejects the event.
    Bury,
    /// The heartbeat finds the lease lost, and the handler is stopped.
    Stop,
    Complete,
    /// The store is down when it is asked to complete.
    Miss,
    Look,
    Answer,
    GiveUp,
    Crash,
}

impl World {
    pub(crate) fn new(workers: usize, left: Budget) -> Self {
        Self {
            row: Row::Absent,
            token: 0,
            workers: vec![Worker::Idle; workers],
            on_the_way: 0,
            left,
            retention_over: false,
            effects: 0,
            takeovers: 0,
            acked: false,
            broken: BTreeSet::new(),
        }
    }

    /// What a fenced write compares: token and state.
    pub(crate) fn is_held_under(&self, token: u8) -> bool {
        matches!(self.row, Row::Claimed { .. }) && self.token == token
    }

    /// Whether a patient sender would try again now.
    pub(crate) fn is_quiet(&self) -> bool {
        let idle = self.on_the_way == 0 && self.workers.iter().all(|worker| *worker == Worker::Idle);
        idle && self.row != Row::Claimed { lapsed: false }
    }

    /// Whether nothing more comes from the sender: it was answered 2xx, or its schedule is at its end.
    pub(crate) fn sender_has_stopped(&self) -> bool {
        let arriving = self.on_the_way > 0 || self.workers.contains(&Worker::Asked);
        !arriving && (self.acked || self.left.sends + self.left.retries == 0)
    }
}

impl Worker {
    pub(crate) fn token(self) -> Option<u8> {
        match self {
            Self::Holding(token) | Self::Ran(token) | Self::Late(token) => Some(token),
            Self::Idle | Self::Asked | Self::Looking | Self::Acking => None,
        }
    }

    /// What it may do, if there is enough left for it.
    pub(crate) fn acts(self) -> &'static [Act] {
        match self {
            Self::Idle => &[Act::Take],
            Self::Asked => &[Act::Claim, Act::Crash],
            Self::Holding(_) => &[Act::Run, Act::Release, Act::Bury, Act::Stop, Act::Crash],
            Self::Ran(_) => &[Act::Complete, Act::Miss, Act::Crash],
            Self::Looking => &[Act::Look, Act::Crash],
            Self::Acking => &[Act::Answer, Act::Crash],
            Self::Late(_) => &[Act::Complete, Act::GiveUp, Act::Crash],
        }
    }
}
