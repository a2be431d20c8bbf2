//! What the parts of a run tell each other: its phase, and what has happened so far.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::stage::SLOTS;
use crate::terms::{Backend, Point};

/// Between two looks at a counter.
const GLANCE: Duration = Duration::from_millis(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Receivers are killed all the time.
    Fire,
    /// The receivers are left alone for a while: they have to live through what happens to the store.
    Truce,
    /// They are left alone from here on, and no more events are made.
    Peace,
    /// They are ended.
    Over,
}

/// What a failpoint did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Hit {
    Killed(Point),
    /// The receiver woke up when its leases had passed.
    Frozen(Point),
}

/// How a slot's receiver is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Down,
    /// It keeps whoever asks it waiting.
    Frozen,
    Up,
    /// Up, and nothing kills it before the phase changes.
    Safe,
}

impl Backend {
    /// The failpoints that its receivers come by.
    pub(crate) fn points(self) -> impl Iterator<Item = Point> {
        let commits = self == Self::PostgresTx;
        Point::ALL
            .into_iter()
            .filter(move |point| commits || !matches!(point, Point::BeforeCommit | Point::AfterCommit))
    }

    /// Where a receiver has done everything but what tells others. One that freezes there finds its event taken over.
    pub(crate) fn brink(self) -> Point {
        if self == Self::PostgresTx { Point::BeforeCommit } else { Point::BeforeCompletion }
    }
}

pub(crate) struct Front {
    phase: watch::Sender<Phase>,
    kills: AtomicUsize,
    hits: Mutex<BTreeMap<Hit, usize>>,
    standing: Mutex<[Standing; SLOTS]>,
    acks: [AtomicUsize; SLOTS],
    lives: [AtomicUsize; SLOTS],
}

impl Front {
    pub(crate) fn new() -> Self {
        Self {
            phase: watch::Sender::new(Phase::Fire),
            kills: AtomicUsize::new(0),
            hits: Mutex::default(),
            standing: Mutex::new([Standing::Down; SLOTS]),
            acks: Default::default(),
            lives: Default::default(),
        }
    }

    pub(crate) fn enter(&self, phase: Phase) {
        if phase == Phase::Fire {
            self.standing().iter_mut().filter(|one| **one == Standing::Safe).for_each(|one| *one = Standing::Up);
        }
        self.phase.send_replace(phase);
    }

    pub(crate) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    pub(crate) async fn until(&self, reached: impl FnMut(&Phase) -> bool) {
        // The sender lives as long as `self`.
        let _ = self.phase.subscribe().wait_for(reached).await;
    }

    /// A receiver was killed, by a failpoint or from outside.
    pub(crate) fn killed(&self) {
        self.kills.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn hit(&self, hit: Hit) {
        *self.hits().entry(hit).or_default() += 1;
    }

    pub(crate) async fn until_kills(&self, kills: usize) {
        while self.kills.load(Ordering::Relaxed) < kills {
            sleep(GLANCE).await;
        }
    }

    /// The failpoint that has killed least.
    pub(crate) fn rarest(&self, backend: Backend) -> Point {
        let hits = self.hits();
        let count = |point: &Point| hits.get(&Hit::Killed(*point)).copied().unwrap_or_default();
        backend.points().min_by_key(count).expect("every store has failpoints")
    }

    /// What has not happened at any failpoint, and should have.
    pub(crate) fn missed(&self, backend: Backend) -> Vec<Hit> {
        let all = backend.points().map(Hit::Killed).chain([Hit::Frozen(backend.brink())]);
        let hits = self.hits();
        all.filter(|hit| !hits.contains_key(hit)).collect()
    }

    pub(crate) fn set_standing(&self, slot: usize, standing: Standing) {
        self.standing()[slot] = standing;
    }

    pub(crate) fn standing_of(&self, slot: usize) -> Standing {
        self.standing()[slot]
    }

    pub(crate) async fn until_safe(&self) {
        while *self.standing() != [Standing::Safe; SLOTS] {
            sleep(GLANCE).await;
        }
    }

    fn standing(&self) -> MutexGuard<'_, [Standing; SLOTS]> {
        self.standing.lock().expect("no panic while it is held")
    }

    fn hits(&self) -> MutexGuard<'_, BTreeMap<Hit, usize>> {
        self.hits.lock().expect("no panic while it is held")
    }

    /// The slot has another receiver.
    pub(crate) fn started(&self, slot: usize) {
        self.lives[slot].fetch_add(1, Ordering::Relaxed);
    }

    /// Which of its receivers the slot has.
    pub(crate) fn life(&self, slot: usize) -> usize {
        self.lives[slot].load(Ordering::Relaxed)
    }

    /// The slot's receiver has answered 2xx.
    pub(crate) fn acked(&self, slot: usize) {
        self.acks[slot].fetch_add(1, Ordering::Relaxed);
    }

    /// Ready once each receiver has answered 2xx several times from now on: one answer may have been under way.
    pub(crate) async fn until_working(&self, patience: Duration) -> Result<(), String> {
        let acks = || self.acks.each_ref().map(|acks| acks.load(Ordering::Relaxed));
        let before = acks();
        let working = || acks().iter().zip(before).all(|(now, before)| *now >= before + 3);
        let wait = async {
            while !working() {
                sleep(GLANCE).await;
            }
        };
        let stuck = |_| {
            format!("the store is back, and {patience:?} later not every receiver works again: {before:?} {:?}", acks())
        };
        timeout(patience, wait).await.map_err(stuck)
    }
}
