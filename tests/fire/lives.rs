//! The receivers' lives: started, killed or frozen, and started again.

use std::process::ExitStatus;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::front::{Front, Hit, Phase, Standing};
use crate::process::Process;
use crate::random::Random;
use crate::stage::Stage;
use crate::terms::{Conduct, Point, READY, STOPPED};

/// A receiver starts in a fraction of a second. Where its store is down it waits for that, which takes a few.
const START: Duration = Duration::from_secs(60);

/// A receiver that is killed from outside lives as long as this at least, and at most, from when it is ready.
const LIFE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(400));

/// One that is killed before that has not opened its store yet, or is just about to listen.
const EARLY: (Duration, Duration) = (Duration::ZERO, Duration::from_millis(60));

/// How long a receiver may take to come to its failpoint. It is killed from outside then.
const DETOUR: Duration = Duration::from_secs(2);

/// A failpoint is for one of its first so many passages.
const PASSAGES: u64 = 10;

/// How long a frozen receiver stays so. Its leases pass, and other receivers take its events over.
const FROZEN: (Duration, Duration) = (Duration::from_millis(3000), Duration::from_millis(4500));

/// In which one that woke up goes on with what it was at, whatever the phase.
const AWAKE: Duration = Duration::from_millis(300);

/// How a receiver is to end.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// At a failpoint, at the n-th passage.
    Failpoint(Point, u64),
    /// Killed so long after it is ready.
    Kill(Duration),
    /// Killed so long after it was started.
    EarlyKill(Duration),
    /// Frozen at a failpoint for the first time, and killed the second time after it woke up.
    Freeze(Point, Duration, Duration),
    /// Let live until the fire begins anew, and killed so long after that.
    Spared(Duration),
}

/// One of the two places for receivers.
pub(crate) struct Slot<'a> {
    pub(crate) number: usize,
    pub(crate) stage: &'a Stage,
    pub(crate) front: &'a Front,
    pub(crate) random: Random,
    pub(crate) conduct: Conduct,
    /// One receiver is frozen for so many that are not.
    pub(crate) freeze_every: u64,
    /// Those since the last one that was.
    pub(crate) lives: u64,
}

impl Slot<'_> {
    /// Keeps a receiver alive, and kills it, until all is over.
    pub(crate) async fn keep(mut self) -> Result<(), String> {
        while self.front.phase() != Phase::Over {
            let fate = self.fate();
            self.front.started(self.number);
            let mut process = Process::start(self.stage, self.number, &fate.fuse(), self.conduct)?;
            let ended = self.live(&mut process, fate).await;
            self.front.set_standing(self.number, Standing::Down);
            match (ended.map_err(|reason| process.tell(&reason))?, fate) {
                (None, _) => process.kill().await?,
                (Some(status), Fate::Failpoint(point, _)) if Process::was_killed(status) => {
                    self.front.hit(Hit::Killed(point));
                }
                (Some(status), _) => return Err(process.tell(&format!("it ended by itself: {status}"))),
            }
            self.front.killed();
        }
        Ok(())
    }

    fn fate(&mut self) -> Fate {
        let (backend, random) = (self.stage.backend, &mut self.random);
        let after = random.between(LIFE.0, LIFE.1);
        if self.front.phase() != Phase::Fire {
            return Fate::Spared(after);
        }
        // Somebody has to take over what a frozen receiver holds.
        if self.lives >= self.freeze_every && self.front.standing_of(1 - self.number) != Standing::Frozen {
            self.lives = 0;
            return Fate::Freeze(backend.brink(), random.between(FROZEN.0, FROZEN.1), after);
        }
        self.lives += 1;
        match random.below(16) {
            0..8 => Fate::Failpoint(self.front.rarest(backend), 1 + random.below(PASSAGES)),
            8 => Fate::EarlyKill(random.between(EARLY.0, EARLY.1)),
            _ => Fate::Kill(after),
        }
    }

    /// How it ended by itself, or `None` when it is to be killed.
    async fn live(&self, process: &mut Process, fate: Fate) -> Result<Option<ExitStatus>, String> {
        if let Fate::EarlyKill(after) = fate {
            sleep(after).await;
            return Ok(None);
        }
        timeout(START, process.says(READY)).await.map_err(|_| format!("not ready after {START:?}"))??;
        let standing = if let Fate::Spared(_) = fate { Standing::Safe } else { Standing::Up };
        self.front.set_standing(self.number, standing);
        if let Fate::Freeze(point, frozen, _) = fate {
            tokio::select! {
                stopped = process.says(STOPPED) => stopped?,
                () = self.fire_for(DETOUR) => return Ok(None),
            }
            self.front.set_standing(self.number, Standing::Frozen);
            sleep(frozen).await;
            process.thaw()?;
            self.front.set_standing(self.number, Standing::Up);
            self.front.hit(Hit::Frozen(point));
            sleep(AWAKE).await;
        }
        tokio::select! {
            status = process.ended() => status.map(Some),
            () = self.until_killed(fate) => Ok(None),
        }
    }

    async fn until_killed(&self, fate: Fate) {
        let after = match fate {
            Fate::Failpoint(..) => DETOUR,
            Fate::Kill(after) | Fate::EarlyKill(after) | Fate::Freeze(.., after) => after,
            Fate::Spared(after) => {
                self.front.until(|phase| matches!(phase, Phase::Fire | Phase::Over)).await;
                after
            }
        };
        self.fire_for(after).await;
    }

    /// A receiver that is not spared gives way to one that is as soon as the fire stops.
    async fn fire_for(&self, time: Duration) {
        tokio::select! {
            () = sleep(time) => {}
            () = self.front.until(|phase| *phase != Phase::Fire) => {}
        }
    }
}

impl Fate {
    /// What the receiver is told about it.
    fn fuse(self) -> String {
        match self {
            Self::Failpoint(point, passage) => format!("kill:{}:{passage}", point.name()),
            Self::Freeze(point, ..) => format!("stop:{}:1", point.name()),
            Self::Kill(_) | Self::EarlyKill(_) | Self::Spared(_) => "never".to_owned(),
        }
    }
}
