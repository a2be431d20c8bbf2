//! Verdicts that are known, and questions that are under way: nothing is asked twice that need not be.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use counterfoil::remote::{Question, Verdict};
use quick_cache::unsync::Cache;
use tokio::sync::watch;

/// For how long at most a verdict is kept that a delivery is not the sender's own: a person who has mended a webhook at
/// the sender presses the button again, and is not to be told what was true before.
pub const INVALID_CACHE_TIME: Duration = Duration::from_secs(10);

/// Of the whole question, its secret and its body included: no verdict is ever found by a signature alone.
type Digest = [u8; 32];

pub(crate) struct Verdicts {
    time: Duration,
    state: Mutex<State>,
}

struct State {
    known: Option<Cache<Digest, Known>>,
    under_way: HashMap<Digest, Waiting>,
}

struct Known {
    verdict: Verdict,
    until: Instant,
}

/// Where a question stands.
pub(crate) enum Standing {
    Known(Verdict),
    /// Somebody is asking it.
    UnderWay(Waiting),
    /// It is for the caller to ask.
    New(Asking, Waiting),
}

/// The place of somebody who waits for a verdict.
#[derive(Clone)]
pub(crate) struct Waiting(watch::Receiver<Option<Verdict>>);

/// The duty to find a verdict. Those who wait are released when it is dropped, verdict or not.
pub(crate) struct Asking {
    verdicts: Arc<Verdicts>,
    digest: Digest,
    asked_at: Instant,
    tell: watch::Sender<Option<Verdict>>,
}

impl Verdicts {
    pub(crate) fn new(cache: Option<(NonZeroUsize, Duration)>) -> Self {
        let (entries, time) = cache.unzip();
        let known = entries.map(|entries| Cache::new(entries.get()));
        Self { time: time.unwrap_or_default(), state: Mutex::new(State { known, under_way: HashMap::new() }) }
    }

    pub(crate) fn look_up(self: &Arc<Self>, question: &Question, now: Instant) -> Standing {
        let digest = question.digest();
        let mut state = self.lock();
        if let Some(verdict) = state.known(&digest, now) {
            return Standing::Known(verdict);
        }
        if let Some(waiting) = state.under_way.get(&digest) {
            return Standing::UnderWay(waiting.clone());
        }
        let (tell, waiting) = watch::channel(None);
        let waiting = Waiting(waiting);
        state.under_way.insert(digest, waiting.clone());
        Standing::New(Asking { verdicts: self.clone(), digest, asked_at: now, tell }, waiting)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is one call of a map: a panic leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn known(&mut self, digest: &Digest, now: Instant) -> Option<Verdict> {
        let known = self.known.as_mut()?;
        known.remove_if(digest, |known| known.until <= now);
        known.get(digest).map(|known| known.verdict.clone())
    }
}

impl Asking {
    /// Tells everybody who waits, and keeps what is worth keeping. The time counts from the moment of asking: what was
    /// revoked while the answer was on its way is not known to it.
    pub(crate) fn answer(self, verdict: Verdict) {
        let time = self.verdicts.time;
        let time = if verdict.is_valid() { time } else { time.min(INVALID_CACHE_TIME) };
        if verdict.is_conclusive() {
            let known = Known { verdict: verdict.clone(), until: self.asked_at + time };
            if let Some(cache) = &mut self.verdicts.lock().known {
                cache.insert(self.digest, known);
            }
        }
        self.tell.send_replace(Some(verdict));
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.verdicts.lock().under_way.remove(&self.digest);
    }
}

impl Waiting {
    pub(crate) async fn verdict(mut self, question: &Question) -> Verdict {
        let told = self.0.wait_for(Option::is_some).await.ok().and_then(|told| told.clone());
        told.unwrap_or_else(|| question.undecided("the client's runtime is shutting down, or is without its drivers"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use counterfoil::verifier::Verified;
    use counterfoil::{Clock, Secret, SystemClock, Verifier, senders};
    use reqwest::StatusCode;
    use reqwest::header::{HeaderMap, HeaderValue};

    const TIME: Duration = Duration::from_secs(60);

    fn question(secret: &str, body: &'static str) -> Question {
        let secret = Secret::new(secret).unwrap();
        let verifier = Verifier::builder(senders::AGENCYHANDY).secret(secret).webhook_id("hook").build().unwrap();
        let headers = HeaderMap::from_iter([("x-ah-sig".parse().unwrap(), HeaderValue::from_static("signature"))]);
        let mut presented = verifier.present(&headers, SystemClock.now()).unwrap();
        presented.push(body.into());
        match presented.finish(&headers, SystemClock.now()).unwrap() {
            Verified::Ask(check) => check.question().clone(),
            _ => unreachable!("AgencyHandy is asked"),
        }
    }

    fn valid(question: &Question) -> Verdict {
        question.judge(StatusCode::OK, br#"{"verification_status":"SUCCESS"}"#)
    }

    fn invalid(question: &Question) -> Verdict {
        question.judge(StatusCode::FORBIDDEN, br#"{"verification_status":"FAILED"}"#)
    }

    fn verdicts(entries: usize) -> Arc<Verdicts> {
        Arc::new(Verdicts::new(Some((NonZeroUsize::new(entries).unwrap(), TIME))))
    }

    fn new(verdicts: &Arc<Verdicts>, question: &Question, now: Instant) -> Asking {
        match verdicts.look_up(question, now) {
            Standing::New(asking, _) => asking,
            Standing::Known(_) | Standing::UnderWay(_) => panic!("the question is new"),
        }
    }

    fn is_known(verdicts: &Arc<Verdicts>, question: &Question, now: Instant) -> bool {
        matches!(verdicts.look_up(question, now), Standing::Known(verdict) if verdict.is_conclusive())
    }

    #[test]
    fn a_verdict_is_known_for_its_time_from_the_moment_of_asking() {
        let (verdicts, question, now) = (verdicts(10), question("secret one", "{}"), Instant::now());
        new(&verdicts, &question, now).answer(valid(&question));
        assert!(is_known(&verdicts, &question, now));
        assert!(is_known(&verdicts, &question, now + TIME - Duration::from_millis(1)));
        assert!(!is_known(&verdicts, &question, now + TIME));
        assert!(!is_known(&verdicts, &question, now), "it is gone");
    }

    #[test]
    fn what_is_not_the_senders_is_known_for_less() {
        let (verdicts, question, now) = (verdicts(10), question("secret one", "{}"), Instant::now());
        new(&verdicts, &question, now).answer(invalid(&question));
        assert!(is_known(&verdicts, &question, now + INVALID_CACHE_TIME - Duration::from_millis(1)));
        assert!(!is_known(&verdicts, &question, now + INVALID_CACHE_TIME));
    }

    #[test]
    fn a_verdict_is_for_one_secret_and_one_body() {
        let (verdicts, now) = (verdicts(10), Instant::now());
        let first = question("secret one", "{}");
        new(&verdicts, &first, now).answer(valid(&first));
        for other in [question("secret two", "{}"), question("secret one", "{ }")] {
            assert!(!is_known(&verdicts, &other, now));
        }
        assert!(is_known(&verdicts, &first, now));
    }

    #[test]
    fn what_was_not_decided_is_not_kept() {
        let (verdicts, question, now) = (verdicts(10), question("secret one", "{}"), Instant::now());
        new(&verdicts, &question, now).answer(question.undecided("down"));
        drop(new(&verdicts, &question, now));
        let _ = new(&verdicts, &question, now);
    }

    #[test]
    fn no_more_than_the_entries_are_kept() {
        let (verdicts, now) = (verdicts(10), Instant::now());
        let questions: Vec<_> = (0..100).map(|n| question(&format!("secret number {n}"), "{}")).collect();
        for question in &questions {
            new(&verdicts, question, now).answer(valid(question));
        }
        let known = questions.iter().filter(|question| is_known(&verdicts, question, now)).count();
        assert!((1..=10).contains(&known), "{known}");
        assert!(verdicts.lock().under_way.is_empty());
        drop(Verdicts::new(Some((NonZeroUsize::MAX, TIME))));
    }

    #[tokio::test]
    async fn those_who_wait_are_told_or_released() {
        let (verdicts, question, now) = (verdicts(10), question("secret one", "{}"), Instant::now());
        let asking = new(&verdicts, &question, now);
        let Standing::UnderWay(waiting) = verdicts.look_up(&question, now) else { panic!("it is under way") };
        asking.answer(valid(&question));
        assert!(waiting.verdict(&question).await.is_conclusive());

        let later = now + TIME;
        let asking = new(&verdicts, &question, later);
        let Standing::UnderWay(waiting) = verdicts.look_up(&question, later) else { panic!("it is under way") };
        drop(asking);
        assert!(waiting.verdict(&question).await.reason().unwrap().contains("shutting down"));
    }
}
