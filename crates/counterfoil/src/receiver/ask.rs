//! Asking a sender's endpoint about a delivery that only it can prove.

use std::sync::Arc;
use std::time::Duration;

use super::activity::Running;
use super::admit::within;
use super::signal::first;
use super::{Receiver, Runtime, Timings};
use crate::remote::{Concluded, RemoteCheck, RemoteVerifier, Verdict};
use crate::verifier::MAX_SECRETS;
use crate::{Delivery, Rejection};

/// How long one question may take, whatever time limit its carrier keeps. No sender waits longer for an answer.
const LONGEST_QUESTION: Duration = Duration::from_secs(30);

/// One question for each secret, and once more where the secrets were replaced in between.
const MOST_QUESTIONS: usize = 2 * MAX_SECRETS;

impl Receiver {
    /// The delivery, once its sender has said that it is its own.
    pub(super) async fn ask_sender(
        &self,
        runtime: &impl Runtime,
        running: &Running,
        check: Box<RemoteCheck>,
        timings: &mut Timings,
    ) -> Result<Delivery, Rejection> {
        let could_not = |reason: &str| Rejection::CouldNotVerify { reason: reason.into() };
        let remote = self.inner.remote.as_ref().ok_or_else(|| could_not("nothing can ask its sender"))?;
        let (mut check, mut stop) = (*check, running.stop());
        for _ in 0..MOST_QUESTIONS {
            let mut verdict = None;
            first(async { verdict = Some(ask(runtime, remote, &check).await) }, stop.fired()).await;
            let Some(verdict) = verdict else { return Err(Rejection::ShuttingDown) };
            timings.verify = Some(timings.head_at.elapsed());
            match check.conclude(&verdict, self.inner.clock.now()) {
                Concluded::Proven(delivery) => return Ok(delivery),
                Concluded::Refused(rejection) => return Err(rejection),
                Concluded::Ask(next) => check = next,
            }
        }
        Err(could_not("its secrets are being replaced all the time"))
    }
}

async fn ask(runtime: &impl Runtime, remote: &Arc<dyn RemoteVerifier>, check: &RemoteCheck) -> Verdict {
    let question = check.question();
    match within(runtime, LONGEST_QUESTION, remote.ask(question)).await {
        Some(verdict) => verdict,
        None => question.undecided(format!("no answer within {} s", LONGEST_QUESTION.as_secs())),
    }
}
