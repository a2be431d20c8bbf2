//! A delivery that waits for its sender's word.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};

use super::canonical;
use super::question::{Answer, Question, Verdict};
use crate::verifier::{KeySet, Verified, Verifier};
use crate::{Delivery, Rejection};

/// A delivery in order in all that can be seen of it, whose sender has to be asked.
///
/// The secrets are asked about one after the other: each [conclusion](Self::conclude) is final, or is the check under
/// the next secret.
pub struct RemoteCheck {
    verifier: Verifier,
    keys: Arc<KeySet>,
    /// Which of the secrets is asked about, and in which question.
    index: usize,
    question: Question,
    asked: usize,
    /// What stands outside the signature, as far as it is wanted.
    headers: HeaderMap,
    body: Bytes,
    received_at: SystemTime,
}

/// What a verdict makes of a check.
#[derive(Debug)]
#[non_exhaustive]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one for each question over the network, and it is moved at once"
)]
pub enum Concluded {
    /// The sender says that the delivery is its own.
    Proven(Delivery),
    /// It is not under that secret; this one is yet to be asked about.
    Ask(RemoteCheck),
    /// It is not, or nobody knows, or it is no event.
    Refused(Rejection),
}

impl RemoteCheck {
    pub(crate) fn new(
        verifier: &Verifier,
        keys: &Arc<KeySet>,
        signature: &HeaderValue,
        headers: &HeaderMap,
        body: Bytes,
        received_at: SystemTime,
    ) -> Result<Self, Rejection> {
        // Whatever cannot be one JSON object can neither be spliced into a request nor be an event.
        canonical::check(&body)?;
        let (signature, headers) = (signature.to_str().unwrap_or_default(), verifier.unsigned_headers(headers));
        let none = || Rejection::SignatureMismatch { secrets: 0 };
        let (index, question) = first(verifier, keys, 0, signature, &body, received_at).ok_or_else(none)?;
        let (verifier, keys) = (verifier.clone(), keys.clone());
        Ok(Self { verifier, keys, index, question, asked: 0, headers, body, received_at })
    }

    /// What to ask.
    #[must_use]
    pub fn question(&self) -> &Question {
        &self.question
    }

    /// Takes the answer, as of `now`.
    ///
    /// A verdict on another question decides nothing. Secrets that were replaced in the meantime count no more: the
    /// check begins again with the new ones.
    #[must_use]
    pub fn conclude(mut self, verdict: &Verdict, now: SystemTime) -> Concluded {
        let could_not = |reason: &Arc<str>| Concluded::Refused(Rejection::CouldNotVerify { reason: reason.clone() });
        if verdict.question != self.question.digest() {
            return could_not(&"the verdict is on another question".into());
        }
        if let Some(keys) = self.verifier.replaced(&self.keys) {
            return Self { keys, asked: 0, ..self }.ask(0, now);
        }
        if let Answer::Undecided(reason) = &verdict.answer {
            return could_not(reason);
        }
        self.asked += 1;
        if matches!(verdict.answer, Answer::Valid) && self.keys.secret_to_ask(self.index, now).is_some() {
            return self.prove(now);
        }
        let next = self.index + 1;
        self.ask(next, now)
    }

    /// Goes on with the first secret from `index` on that counts.
    fn ask(self, index: usize, now: SystemTime) -> Concluded {
        let Self { verifier, keys, question, body, .. } = &self;
        match first(verifier, keys, index, &question.signature, body, now) {
            Some((index, question)) => Concluded::Ask(Self { index, question, ..self }),
            None => mismatch(self.asked),
        }
    }

    fn prove(self, now: SystemTime) -> Concluded {
        let Self { verifier, keys, index, headers, body, received_at, .. } = self;
        match verifier.prove_asked(&keys, index, &headers, body, received_at, now) {
            Ok(Verified::Fresh(delivery)) => Concluded::Proven(delivery),
            Ok(Verified::Stale(stale)) => Concluded::Refused(stale.into_rejection()),
            // Neither is possible for a sender that is asked: its rules say so.
            Ok(Verified::Challenge(_) | Verified::Ask(_)) => mismatch(self.asked),
            Err(rejection) => Concluded::Refused(rejection),
        }
    }
}

/// The question under the first secret from `index` on that counts at `now`.
fn first(
    verifier: &Verifier,
    keys: &KeySet,
    index: usize,
    signature: &str,
    body: &Bytes,
    now: SystemTime,
) -> Option<(usize, Question)> {
    let secrets = (index..keys.len()).filter_map(|index| Some((index, keys.secret_to_ask(index, now)?)));
    let (index, secret) = { secrets }.next()?;
    Some((index, verifier.question(keys, secret, signature, body)?))
}

fn mismatch(secrets: usize) -> Concluded {
    Concluded::Refused(Rejection::SignatureMismatch { secrets })
}

impl fmt::Debug for RemoteCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteCheck").field("verifier", &self.verifier).finish_non_exhaustive()
    }
}
