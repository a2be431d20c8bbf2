//! One run: receivers that are killed, a store that crashes, a sender that goes on, and the verdict.

use std::hash::{BuildHasher as _, RandomState};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use counterfoil::idempotency::State;
use tokio::time::timeout;

use crate::front::{Front, Phase};
use crate::law::{Broken, History, Promise, Row};
use crate::lives::Slot;
use crate::oracle::Oracle;
use crate::random::Random;
use crate::sender::Sender;
use crate::stage::{SLOTS, Stage};
use crate::terms::{Backend, Conduct};

/// Kills of an ordinary run.
const KILLS: usize = 300;

/// One crash of the store for so many kills.
const KILLS_PER_CRASH: usize = 60;

/// One receiver is frozen for a while, and woken up, for so many that are not.
const FREEZE_EVERY: u64 = 30;

/// How long the store is away.
const DOWN: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(500));

/// In which every receiver works again once its store is back. It takes a fraction of a second.
const RECOVERY: Duration = Duration::from_secs(5);

/// A run that takes longer than this, and so much for each kill, is stuck.
const LIMIT: (Duration, Duration) = (Duration::from_secs(120), Duration::from_secs(1));

#[derive(Debug)]
pub(crate) struct Campaign {
    pub(crate) backend: Backend,
    pub(crate) promise: Promise,
    pub(crate) kills: usize,
    pub(crate) crashes: usize,
    pub(crate) conduct: Conduct,
    pub(crate) freeze_every: u64,
    pub(crate) seed: u64,
}

impl Campaign {
    /// As the environment wants it.
    pub(crate) fn against(backend: Backend) -> Self {
        let kills = number("FIRE_KILLS").unwrap_or(KILLS);
        let crashes = number("FIRE_CRASHES").unwrap_or(kills / KILLS_PER_CRASH);
        Self {
            backend,
            promise: if backend == Backend::PostgresTx { Promise::Once } else { Promise::Repeats },
            kills,
            crashes: if backend == Backend::Sqlite { 0 } else { crashes },
            conduct: Conduct::Right,
            freeze_every: FREEZE_EVERY,
            seed: number("FIRE_SEED").unwrap_or_else(|| RandomState::new().hash_one(())),
        }
    }

    /// Runs, and fails unless every law held.
    pub(crate) fn hold(&self) {
        let (mut stage, history) = self.run();
        let history = history.unwrap_or_else(|reason| self.fail(&mut stage, &reason));
        let broken = history.judge(self.promise);
        if !broken.is_empty() {
            let facts = broken.iter().filter_map(Broken::event).take(10).map(|event| history.about(event));
            let facts: Vec<String> = facts.collect();
            let first = &broken[..broken.len().min(10)];
            self.fail(&mut stage, &format!("{} broken: {first:?}\n{}", broken.len(), facts.join("\n")));
        }
    }

    /// Runs, and says what was broken.
    pub(crate) fn broken(&self) -> Vec<Broken> {
        let (mut stage, history) = self.run();
        history.unwrap_or_else(|reason| self.fail(&mut stage, &reason)).judge(self.promise)
    }

    fn fail(&self, stage: &mut Stage, reason: &str) -> ! {
        let Self { backend, kills, crashes, seed, .. } = self;
        let (name, folder) = (backend.name(), stage.keep());
        panic!(
            "{name}: {reason}\nthe same plan again: FIRE_SEED={seed} FIRE_KILLS={kills} FIRE_CRASHES={crashes}\n\
             the receivers' files: {}",
            folder.display()
        );
    }

    fn run(&self) -> (Stage, Result<History, String>) {
        let stage = Stage::set(self.backend);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let limit = LIMIT.0 + LIMIT.1 * u32::try_from(self.kills).unwrap_or(u32::MAX);
        let history = runtime.expect("a runtime").block_on(async {
            timeout(limit, self.play(&stage)).await.unwrap_or_else(|_| Err(format!("not over after {limit:?}")))
        });
        (stage, history)
    }

    async fn play(&self, stage: &Stage) -> Result<History, String> {
        let mut seeds = Random::new(self.seed);
        let mut random = || Random::new(seeds.next());
        let (front, oracle) = (Front::new(), Arc::new(Oracle::open(stage).await?));
        let mut sender = Sender::new(stage, &front, oracle.clone(), random())?;
        let Self { conduct, freeze_every, .. } = *self;
        let slot =
            |number, random| Slot { number, stage, front: &front, random, conduct, freeze_every, lives: 0 }.keep();
        let (one, two, crashes) = (random(), random(), random());
        tokio::try_join!(slot(0, one), slot(1, two), async {
            tokio::try_join!(sender.send(), self.disturb(stage, &front, crashes))?;
            // What was acknowledged while the store was away may wait for a copy. It must not be stuck.
            let records = stage.records().await?;
            let open = records.iter().filter(|record| record.state != State::Done);
            let open: Vec<String> = open.map(|record| Row::from(record).event).collect();
            sender.send_again(&open).await?;
            front.enter(Phase::Over);
            Ok(())
        })?;
        Ok(History {
            answers: sender.log.into_iter().map(|sent| (sent.event, sent.answers)).collect(),
            effects: oracle.all().await?,
            rows: stage.records().await?.iter().map(Row::from).collect(),
            missed: front.missed(self.backend),
            damage: stage.damage(),
            panic: (0..SLOTS).find_map(|slot| stage.panic(slot)),
        })
    }

    /// Waits for the kills and crashes the store between them, until there is peace.
    async fn disturb(&self, stage: &Stage, front: &Front, mut random: Random) -> Result<(), String> {
        for crash in 0..self.crashes {
            front.until_kills(self.kills * (2 * crash + 1) / (2 * self.crashes)).await;
            let down = random.between(DOWN.0, DOWN.1);
            // Every other time the receivers have to live through it.
            if crash % 2 == 0 {
                front.enter(Phase::Truce);
                front.until_safe().await;
                stage.crash(down).await?;
                front.until_working(RECOVERY).await?;
                front.enter(Phase::Fire);
            } else {
                stage.crash(down).await?;
            }
        }
        front.until_kills(self.kills).await;
        front.enter(Phase::Peace);
        Ok(())
    }
}

/// A number from the environment.
fn number<T: FromStr>(variable: &str) -> Option<T> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}={text} is no number")))
}
