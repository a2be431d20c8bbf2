//! The question that a sender's endpoint is asked, and what its answer means.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use serde::Serialize;
use serde::ser::SerializeMap;
use serde_json::value::RawValue;

use crate::Secret;
use crate::scheme::{Remote, RemoteOutcome};
use crate::signature::Parts;

/// One question: is this delivery yours, under this secret?
///
/// # Security
/// [`body`](Self::body) holds the secret; `Debug` shows nothing of it.
#[derive(Clone)]
pub struct Question {
    remote: Arc<Remote>,
    webhook_id: Arc<str>,
    pub(super) signature: Box<str>,
    secret: Secret,
    payload: Bytes,
    /// Made once: it reads the whole payload.
    digest: [u8; 32],
}

impl Question {
    pub(crate) fn new(
        remote: Arc<Remote>,
        webhook_id: Arc<str>,
        signature: &str,
        secret: &Secret,
        payload: &Bytes,
    ) -> Self {
        let Remote { header, url, valid, invalid, .. } = &*remote;
        let members = [&remote.webhook_id, &remote.signature, &remote.secret, &remote.payload];
        let texts = [header, url].into_iter().chain(members);
        let parts = texts.fold(Parts::new(), |parts, text| parts.with(text.as_bytes()));
        let parts = [valid, invalid].into_iter().fold(parts, |parts, RemoteOutcome { status, member, text }| {
            parts.with(&status.to_be_bytes()).with(member.as_bytes()).with(text.as_bytes())
        });
        let parts = parts.with(webhook_id.as_bytes()).with(secret.bytes());
        let digest = parts.with(signature.as_bytes()).with(payload).finish();
        let (signature, secret, payload) = (signature.into(), secret.clone(), payload.clone());
        Self { remote, webhook_id, signature, secret, payload, digest }
    }

    /// Where to ask: the sender's own endpoint, `https`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.remote.url
    }

    /// The request's body, to be sent by POST as `application/json`. The delivery's body is in it byte for byte, but for
    /// white space around it.
    #[must_use]
    pub fn body(&self) -> Bytes {
        // The secret was checked to be text and the payload to be JSON, so there is nothing that could fail.
        serde_json::to_vec(&Wire(self)).unwrap_or_default().into()
    }

    /// Tells one question from every other: a digest of all that is asked, and of what would be an answer. Whoever keeps
    /// verdicts keeps them by this.
    ///
    /// # Security
    /// The secret is among what it is made of: it is not for logs.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// What an answer means. Valid and invalid are both said by a status and a member of the body that agree;
    /// everything else decides nothing.
    #[must_use]
    pub fn judge(&self, status: StatusCode, body: &[u8]) -> Verdict {
        let said: Option<serde_json::Map<String, serde_json::Value>> = serde_json::from_slice(body).ok();
        let agrees = |outcome: &RemoteOutcome| {
            let text = said.as_ref().and_then(|said| said.get(&*outcome.member)?.as_str());
            status.as_u16() == outcome.status && text == Some(&*outcome.text)
        };
        if agrees(&self.remote.valid) {
            self.verdict(Answer::Valid)
        } else if agrees(&self.remote.invalid) {
            self.verdict(Answer::Invalid)
        } else {
            self.undecided(format!("its endpoint answered {} without a verdict", status.as_u16()))
        }
    }

    /// That there is no answer, and why. The reason goes to logs.
    #[must_use]
    pub fn undecided(&self, reason: impl Into<Arc<str>>) -> Verdict {
        self.verdict(Answer::Undecided(reason.into()))
    }

    fn verdict(&self, answer: Answer) -> Verdict {
        Verdict { question: self.digest, answer }
    }
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question").field("url", &self.url()).finish_non_exhaustive()
    }
}

/// A question as its endpoint reads it.
struct Wire<'q>(&'q Question);

impl Serialize for Wire<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Question { remote, webhook_id, signature, secret, payload, .. } = self.0;
        let text = |bytes| std::str::from_utf8(bytes).map_err(serde::ser::Error::custom);
        let raw: &RawValue = serde_json::from_slice(payload).map_err(serde::ser::Error::custom)?;
        let mut object = serializer.serialize_map(Some(4))?;
        object.serialize_entry(&*remote.webhook_id, &**webhook_id)?;
        object.serialize_entry(&*remote.signature, signature)?;
        object.serialize_entry(&*remote.secret, text(secret.bytes())?)?;
        object.serialize_entry(&*remote.payload, raw)?;
        object.end()
    }
}

/// What a sender's endpoint said to one [`Question`], which alone can make it.
#[derive(Clone)]
pub struct Verdict {
    pub(super) question: [u8; 32],
    pub(super) answer: Answer,
}

#[derive(Debug, Clone)]
pub(super) enum Answer {
    Valid,
    Invalid,
    Undecided(Arc<str>),
}

impl Verdict {
    /// Whether the endpoint has said that the delivery is its own.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        matches!(self.answer, Answer::Valid)
    }

    /// Whether the endpoint has decided. Nothing else is worth remembering.
    #[must_use]
    pub fn is_conclusive(&self) -> bool {
        !matches!(self.answer, Answer::Undecided(_))
    }

    /// Why nothing was decided.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match &self.answer {
            Answer::Undecided(reason) => Some(reason),
            _ => None,
        }
    }
}

impl fmt::Debug for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the question's digest: a secret is among what it is made of.
        f.debug_tuple("Verdict").field(&self.answer).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheme::Check;
    use crate::senders;

    fn question() -> Question {
        let Check::Remote(remote) = senders::AGENCYHANDY.scheme.check else { unreachable!() };
        let secret = Secret::new("the secret, with \"quotes\"").unwrap();
        let payload = Bytes::from_static(b" {\"b\": 1.0,\r\n\"a\":12345678901234567890, \"e\":\"\\u00e9\"} ");
        Question::new(Arc::new(remote), "hook \"1\"".into(), "sig\\nature", &secret, &payload)
    }

    #[test]
    fn the_payload_is_spliced_in_untouched() {
        let body = String::from_utf8(question().body().to_vec()).unwrap();
        assert_eq!(
            body,
            "{\"webhookId\":\"hook \\\"1\\\"\",\"signature\":\"sig\\\\nature\",\
             \"secret\":\"the secret, with \\\"quotes\\\"\",\
             \"payload\":{\"b\": 1.0,\r\n\"a\":12345678901234567890, \"e\":\"\\u00e9\"}}"
        );
    }

    #[test]
    fn only_status_and_member_together_decide() {
        let judge =
            |status, body: &str| question().judge(StatusCode::from_u16(status).unwrap(), body.as_bytes()).answer;
        let success = r#"{"verification_status":"SUCCESS"}"#;
        let failed = r#"{"type":"PermissionError","status":403,"verification_status":"FAILED"}"#;
        assert!(matches!(judge(200, success), Answer::Valid));
        assert!(matches!(judge(403, failed), Answer::Invalid));
        for (status, body) in [
            (200, failed),
            (403, success),
            (201, success),
            (401, failed),
            (429, failed),
            (500, failed),
            (503, success),
            (307, success),
            (200, ""),
            (200, "{}"),
            (200, "[]"),
            (200, "\"SUCCESS\""),
            (200, r#"{"verification_status":"success"}"#),
            (200, r#"{"verification_status":["SUCCESS"]}"#),
            (200, r#"{"verification_status":"SUCCESS""#),
            (403, r#"{"type":"PermissionError","status":403}"#),
            (403, "<html>"),
        ] {
            assert!(matches!(judge(status, body), Answer::Undecided(_)), "{status} {body}");
        }
    }

    #[test]
    fn the_digest_holds_all_that_is_asked() {
        let digest = |change: fn(&mut Question)| {
            let mut question = question();
            change(&mut question);
            let Question { remote, webhook_id, signature, secret, payload, .. } = question;
            Question::new(remote, webhook_id, &signature, &secret, &payload).digest()
        };
        let unchanged = digest(|_| {});
        for other in [
            digest(|question| question.webhook_id = "other".into()),
            digest(|question| question.signature = "other".into()),
            digest(|question| question.secret = Secret::new("other").unwrap()),
            digest(|question| question.payload = Bytes::from_static(b"{}")),
        ] {
            assert_ne!(other, unchanged);
        }
    }

    #[test]
    fn t14_t20_debug_shows_no_secret() {
        let shown = format!("{:?} {:?}", question(), question().undecided("timed out"));
        assert!(!shown.contains("quotes") && !shown.contains("sig\\") && !shown.contains('['), "{shown}");
    }
}
