//! Reading a request: the head before the body, the body frame by frame, never more than the limit.

use std::time::Instant;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, Method};

use super::observe::Ending;
use super::{Answer, Receiver, Timings};
use crate::time::monotonic;
use crate::verifier::{Presented, Verified};
use crate::{Delivery, Rejection};

impl Receiver {
    /// Checks the head of a request, before one byte of its body is read: method, encoding, signature and
    /// timestamp headers, declared length.
    ///
    /// # Errors
    /// Why it is refused; [`refuse`](Self::refuse) makes the answer.
    pub fn head(&self, method: &Method, headers: &HeaderMap) -> Result<Intake, Rejection> {
        let head_at = monotonic();
        if *method != Method::POST {
            return Err(Rejection::MethodNotAllowed { method: method.clone() });
        }
        let identity = |value: &http::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
        if !headers.get_all(CONTENT_ENCODING).iter().all(identity) {
            return Err(Rejection::ContentEncoding);
        }
        let presented = self.inner.verifier.present(headers, self.inner.clock.now())?;
        let limit = self.inner.body_limit;
        if headers.get_all(CONTENT_LENGTH).iter().any(|length| declares_more_than(limit, length.as_bytes())) {
            return Err(Rejection::BodyTooLarge { limit });
        }
        if self.inner.activity.is_closing() {
            return Err(Rejection::ShuttingDown);
        }
        Ok(Intake { receiver: self.clone(), presented, head_at })
    }

    /// Reports a refusal and makes its answer.
    pub fn refuse(&self, rejection: Rejection) -> Answer {
        let answer = Answer::Refused(rejection);
        self.observe(None, Ending::Answered { answer: &answer, attempt: 0 }, &Timings::none());
        answer
    }
}

/// Whether a declared length is beyond `limit`. What is no number is left to the HTTP library and to counting.
fn declares_more_than(limit: usize, declared: &[u8]) -> bool {
    let digits = !declared.is_empty() && declared.iter().all(u8::is_ascii_digit);
    let length = std::str::from_utf8(declared).ok().and_then(|text| text.parse::<usize>().ok());
    digits && length.is_none_or(|length| length > limit)
}

/// A request whose head is in order and whose body is arriving.
#[derive(Debug)]
pub struct Intake {
    receiver: Receiver,
    presented: Presented,
    head_at: Instant,
}

impl Intake {
    /// Takes the next frame of the body, hashing it at once.
    ///
    /// # Errors
    /// The body has grown beyond the limit: read no further.
    pub fn push(&mut self, frame: Bytes) -> Result<(), Rejection> {
        let limit = self.receiver.inner.body_limit;
        if frame.len() > limit.saturating_sub(self.presented.body_len()) {
            return Err(Rejection::BodyTooLarge { limit });
        }
        self.presented.push(frame);
        Ok(())
    }

    /// Decides, now that the body is complete. `headers` are those that [`Receiver::head`] saw.
    ///
    /// # Errors
    /// Why it is refused; [`Receiver::refuse`] makes the answer.
    pub fn finish(self, headers: &HeaderMap) -> Result<Received, Rejection> {
        let now = self.receiver.inner.clock.now();
        let verified = self.presented.finish(headers, now)?;
        Ok(Received { verified, timings: Timings::since(self.head_at) })
    }
}

/// A request that was read whole and whose signature matched.
#[derive(Debug)]
pub struct Received {
    pub(super) verified: Verified,
    pub(super) timings: Timings,
}

impl Received {
    /// The delivery; `None` where it is too old to be handled.
    #[must_use]
    pub fn delivery(&self) -> Option<&Delivery> {
        match &self.verified {
            Verified::Fresh(delivery) => Some(delivery),
            Verified::Stale(_) => None,
        }
    }
}

impl Timings {
    fn since(head_at: Instant) -> Self {
        Self { head_at, verify: Some(head_at.elapsed()), handle: None, settle: None }
    }

    /// Of a refusal: how long nothing took would only blur how long a verification takes.
    fn none() -> Self {
        Self { head_at: monotonic(), verify: None, handle: None, settle: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t46_a_declared_length_allocates_nothing_and_never_wraps() {
        for (declared, more) in [
            ("0", false),
            ("10", false),
            ("11", true),
            ("18446744073709551615", true),
            ("18446744073709551616", true),
            ("99999999999999999999999999", true),
            ("", false),
            ("-1", false),
            ("+11", false),
            ("1e9", false),
        ] {
            assert_eq!(declares_more_than(10, declared.as_bytes()), more, "{declared:?}");
        }
    }
}
