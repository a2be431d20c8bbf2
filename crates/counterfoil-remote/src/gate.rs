//! What a question has to pass before it is sent: the breaker, the rate limit, and a place among those under way.

use std::time::{Duration, Instant};

use counterfoil::remote::{Question, Verdict};
use tokio::sync::Semaphore;
use tokio::time::timeout_at;

use crate::breaker::{Breaker, Paused};
use crate::observe::{self, Ending};
use crate::rate::Rate;
use crate::wire::{Outcome, Wire};

/// Asks the endpoint within all limits.
pub(crate) struct Gate {
    pub(crate) wire: Wire,
    pub(crate) breaker: Breaker,
    pub(crate) rate: Rate,
    pub(crate) places: Semaphore,
    pub(crate) timeout: Duration,
}

/// What keeps a question from being sent.
enum Held {
    Paused(Duration),
    Rate,
    Crowded(Duration),
}

impl Gate {
    /// Asks, and answers within the time limit.
    pub(crate) async fn ask(&self, question: &Question) -> Verdict {
        let begun = now();
        let (verdict, ending) = match self.pass(question, begun).await {
            Ok(outcome) => {
                let ending = if outcome.verdict.is_conclusive() { Ending::Decided } else { Ending::Failed };
                (outcome.verdict, ending)
            }
            Err(held) => (question.undecided(held.reason()), held.ending()),
        };
        observe::asked(ending, verdict.reason(), now().duration_since(begun));
        verdict
    }

    async fn pass(&self, question: &Question, begun: Instant) -> Result<Outcome, Held> {
        self.breaker.check(begun)?;
        if !self.rate.take(begun) {
            return Err(Held::Rate);
        }
        // The rest of the time is for the exchange: an endpoint is not to be thought down for our own crowd.
        let longest = self.timeout / 2;
        let place = timeout_at((begun + longest).into(), self.places.acquire()).await;
        let _place = place.map_err(|_| Held::Crowded(longest))?;
        // It may have failed meanwhile.
        let pass = self.breaker.enter(now())?;
        let exchange = timeout_at((begun + self.timeout).into(), self.wire.exchange(question)).await;
        let outcome = exchange.unwrap_or_else(|_| {
            Outcome::failed(question.undecided(format!("its endpoint did not answer within {:?}", self.timeout)))
        });
        pass.settle(outcome.health, now());
        Ok(outcome)
    }
}

impl From<Paused> for Held {
    fn from(Paused(left): Paused) -> Self {
        Self::Paused(left)
    }
}

impl Held {
    fn reason(&self) -> String {
        match self {
            Self::Paused(Duration::ZERO) => "its endpoint failed, and one question is trying it".to_owned(),
            Self::Paused(left) => format!("its endpoint failed, and is left alone for another {} s", seconds(*left)),
            Self::Rate => "its endpoint was not asked: the rate limit is used up".to_owned(),
            Self::Crowded(waited) => {
                format!("its endpoint was not asked: too many questions were under way for {waited:?}")
            }
        }
    }

    fn ending(&self) -> Ending {
        match self {
            Self::Paused(_) => Ending::Paused,
            Self::Rate => Ending::RateLimited,
            Self::Crowded(_) => Ending::Crowded,
        }
    }
}

/// Rounded up: the last one is not the zeroth.
fn seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

/// tokio's own clock, which never jumps, and which tests can hold.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
