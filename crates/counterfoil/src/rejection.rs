//! Why a delivery is refused: a stable code for the wire, the facts for the operator.
//!
//! ```
//! use counterfoil::RejectionKind;
//!
//! assert_eq!(RejectionKind::SignatureMismatch.code(), "signature_mismatch");
//! assert_eq!(RejectionKind::SignatureMismatch.status(), 401);
//! ```

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;

use crate::StoreError;

/// The stable code of a refusal: the same on the wire, in logs, metrics, the command line and the docs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each variant is its code; `Rejection` says what each means")]
pub enum RejectionKind {
    SignatureMissing,
    SignatureMalformed,
    SignatureRepeated,
    SignatureMismatch,
    TimestampMissing,
    TimestampMalformed,
    TimestampRepeated,
    TimestampStale,
    TimestampFuture,
    CredentialsInvalid,
    BodyUnreadable,
    BodyNotAnObject,
    EventIdInvalid,
    EventContradicted,
    MethodNotAllowed,
    BodyTimeout,
    BodyTooLarge,
    ContentEncoding,
    Conflict,
    HandlerFailed,
    InFlight,
    StoreUnavailable,
    CouldNotVerify,
    ShuttingDown,
}

impl RejectionKind {
    /// The code in `snake_case`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::SignatureMissing => "signature_missing",
            Self::SignatureMalformed => "signature_malformed",
            Self::SignatureRepeated => "signature_repeated",
            Self::SignatureMismatch => "signature_mismatch",
            Self::TimestampMissing => "timestamp_missing",
            Self::TimestampMalformed => "timestamp_malformed",
            Self::TimestampRepeated => "timestamp_repeated",
            Self::TimestampStale => "timestamp_stale",
            Self::TimestampFuture => "timestamp_future",
            Self::CredentialsInvalid => "credentials_invalid",
            Self::BodyUnreadable => "body_unreadable",
            Self::BodyNotAnObject => "body_not_an_object",
            Self::EventIdInvalid => "event_id_invalid",
            Self::EventContradicted => "event_contradicted",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::BodyTimeout => "body_timeout",
            Self::BodyTooLarge => "body_too_large",
            Self::ContentEncoding => "content_encoding",
            Self::Conflict => "conflict",
            Self::HandlerFailed => "handler_failed",
            Self::InFlight => "in_flight",
            Self::StoreUnavailable => "store_unavailable",
            Self::CouldNotVerify => "could_not_verify",
            Self::ShuttingDown => "shutting_down",
        }
    }

    /// The HTTP status that goes with the code. A handler that ran out of time is the one exception:
    /// see [`Rejection::status`].
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::SignatureMissing
            | Self::SignatureMalformed
            | Self::SignatureRepeated
            | Self::SignatureMismatch
            | Self::TimestampMissing
            | Self::TimestampMalformed
            | Self::TimestampRepeated
            | Self::TimestampStale
            | Self::TimestampFuture
            | Self::CredentialsInvalid => 401,
            Self::BodyUnreadable | Self::BodyNotAnObject | Self::EventIdInvalid | Self::EventContradicted => 400,
            Self::MethodNotAllowed => 405,
            Self::BodyTimeout => 408,
            Self::BodyTooLarge => 413,
            Self::ContentEncoding => 415,
            Self::Conflict => 422,
            Self::HandlerFailed => 500,
            Self::InFlight | Self::StoreUnavailable | Self::CouldNotVerify | Self::ShuttingDown => 503,
        }
    }
}

impl fmt::Display for RejectionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Why one delivery was refused, with what an operator needs to find the cause.
///
/// `Display` is the full reason. It goes to logs and to the response's extensions, never on the wire, and
/// holds no byte of a secret, an expected tag or a body.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The signature header is absent.
    #[error("header `{header}` is missing: is the webhook signed, and does a proxy drop the header?")]
    SignatureMissing {
        /// The header that the scheme wants.
        header: HeaderName,
    },
    /// The signature header is not of the scheme's form.
    #[error("header `{header}` is not of the form {form}")]
    SignatureMalformed {
        /// The header that the scheme wants.
        header: HeaderName,
        /// The form that the scheme wants.
        form: Arc<str>,
    },
    /// The signature header came more than once.
    #[error("header `{header}` came more often than the scheme allows")]
    SignatureRepeated {
        /// The header that the scheme wants.
        header: HeaderName,
    },
    /// No active secret makes this signature.
    #[error(
        "no active secret (of {secrets}) matches: wrong secret, or the body was changed on its way (decompressed, re-encoded, trimmed)"
    )]
    SignatureMismatch {
        /// How many secrets were tried.
        secrets: usize,
    },
    /// The signed time is absent.
    #[error("the signed time `{place}` is missing")]
    TimestampMissing {
        /// The header, or the pointer into the body.
        place: Arc<str>,
    },
    /// The signed time is not of the scheme's form.
    #[error("the signed time `{place}` is not of the scheme's form")]
    TimestampMalformed {
        /// The header, or the pointer into the body.
        place: Arc<str>,
    },
    /// The timestamp header came more than once.
    #[error("the signed time `{place}` came more than once")]
    TimestampRepeated {
        /// The header, or the pointer into the body.
        place: Arc<str>,
    },
    /// The signed time is older than the tolerance.
    #[error(
        "signed {age:?} ago, accepted are {past:?}: a late retry (widen the tolerance), a replay, or a clock that is off"
    )]
    TimestampStale {
        /// How old the signed time is.
        age: Duration,
        /// How old it may be.
        past: Duration,
    },
    /// The signed time is further ahead than the tolerance.
    #[error("signed {} s ahead of our clock, accepted are {} s: one of the two clocks is off", ahead.as_secs(), future.as_secs())]
    TimestampFuture {
        /// How far ahead the signed time is.
        ahead: Duration,
        /// How far ahead it may be.
        future: Duration,
    },
    /// No active credential is the one presented.
    #[error("the credential in header `{header}` is none of ours: wrong token, or the old one after a change?")]
    CredentialsInvalid {
        /// The header that the scheme wants.
        header: HeaderName,
    },
    /// The body could not be read to its end.
    #[error("the body could not be read: {reason}")]
    BodyUnreadable {
        /// What the transport said.
        reason: Arc<str>,
    },
    /// The body is not of the scheme's form.
    #[error("the signed body is not {expected}")]
    BodyNotAnObject {
        /// What the scheme wants.
        expected: &'static str,
    },
    /// The event's id cannot be a key.
    #[error("the event id at `{place}` {reason}")]
    EventIdInvalid {
        /// Where the id is read from: the pointer, or the header.
        place: Arc<str>,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// An unsigned header says another event type than the signed body.
    #[error("the unsigned header `{header}` contradicts the signed body")]
    EventContradicted {
        /// The header.
        header: HeaderName,
    },
    /// Not a POST.
    #[error("method {method} is not POST")]
    MethodNotAllowed {
        /// The method.
        method: http::Method,
    },
    /// The body did not arrive in time.
    #[error("the body did not arrive within {limit:?}")]
    BodyTimeout {
        /// The limit.
        limit: Duration,
    },
    /// The body is larger than the limit.
    #[error("the body is larger than {limit} bytes")]
    BodyTooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The body is compressed: what is signed is not what arrived.
    #[error("content-encoding is not identity: a signature covers the bytes on the wire")]
    ContentEncoding,
    /// The event of this id was completed with another body, and conflicts are refused.
    #[error("an event of this id was completed with another body")]
    Conflict,
    /// The handler panicked, ran out of time, redirected, or marked the event as one it will never accept.
    #[error("the handler {how}")]
    HandlerFailed {
        /// How it failed.
        how: Failure,
    },
    /// Another delivery of this event is being handled.
    #[error("a delivery of this event is in flight for at most {retry_after:?} more")]
    InFlight {
        /// When to try again.
        retry_after: Duration,
    },
    /// The store could not be asked.
    #[error("the store could not answer")]
    StoreUnavailable {
        /// What the store said.
        source: Arc<StoreError>,
    },
    /// Nobody could say whether the delivery is its sender's. It may well be: the sender should try again.
    #[error("the delivery could not be verified: {reason}")]
    CouldNotVerify {
        /// Why not.
        reason: Arc<str>,
    },
    /// The receiver is shutting down.
    #[error("the receiver is shutting down")]
    ShuttingDown,
}

/// How a handler failed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// It panicked.
    Panicked,
    /// It failed without a response.
    Unanswered,
    /// It used up its time.
    TimedOut,
    /// It answered with a redirection, which no sender follows.
    Redirected,
    /// It said that this event can never be handled, now or at an earlier delivery.
    Dead,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Panicked => "panicked",
            Self::Unanswered => "failed without a response",
            Self::TimedOut => "used up its time",
            Self::Redirected => "answered with a redirection",
            Self::Dead => "has refused this event for good",
        })
    }
}

impl Rejection {
    pub(crate) fn stale(age: Duration, past: Duration) -> Self {
        Self::TimestampStale { age, past }
    }

    pub(crate) fn store(error: StoreError) -> Self {
        Self::StoreUnavailable { source: Arc::new(error) }
    }

    /// The stable code.
    #[must_use]
    pub const fn kind(&self) -> RejectionKind {
        match self {
            Self::SignatureMissing { .. } => RejectionKind::SignatureMissing,
            Self::SignatureMalformed { .. } => RejectionKind::SignatureMalformed,
            Self::SignatureRepeated { .. } => RejectionKind::SignatureRepeated,
            Self::SignatureMismatch { .. } => RejectionKind::SignatureMismatch,
            Self::TimestampMissing { .. } => RejectionKind::TimestampMissing,
            Self::TimestampMalformed { .. } => RejectionKind::TimestampMalformed,
            Self::TimestampRepeated { .. } => RejectionKind::TimestampRepeated,
            Self::TimestampStale { .. } => RejectionKind::TimestampStale,
            Self::TimestampFuture { .. } => RejectionKind::TimestampFuture,
            Self::CredentialsInvalid { .. } => RejectionKind::CredentialsInvalid,
            Self::BodyUnreadable { .. } => RejectionKind::BodyUnreadable,
            Self::BodyNotAnObject { .. } => RejectionKind::BodyNotAnObject,
            Self::EventIdInvalid { .. } => RejectionKind::EventIdInvalid,
            Self::EventContradicted { .. } => RejectionKind::EventContradicted,
            Self::MethodNotAllowed { .. } => RejectionKind::MethodNotAllowed,
            Self::BodyTimeout { .. } => RejectionKind::BodyTimeout,
            Self::BodyTooLarge { .. } => RejectionKind::BodyTooLarge,
            Self::ContentEncoding => RejectionKind::ContentEncoding,
            Self::Conflict => RejectionKind::Conflict,
            Self::HandlerFailed { .. } => RejectionKind::HandlerFailed,
            Self::InFlight { .. } => RejectionKind::InFlight,
            Self::StoreUnavailable { .. } => RejectionKind::StoreUnavailable,
            Self::CouldNotVerify { .. } => RejectionKind::CouldNotVerify,
            Self::ShuttingDown => RejectionKind::ShuttingDown,
        }
    }

    /// The HTTP status: that of the code, and 503 for a handler that ran out of time, because the next
    /// retry may well succeed.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::HandlerFailed { how: Failure::TimedOut } => 503,
            other => other.kind().status(),
        }
    }

    /// When the sender should try again; `None` where no time is to be named.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::InFlight { retry_after } => Some(*retry_after),
            other if other.status() == 503 => Some(Duration::from_secs(1)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(how: Failure) -> Rejection {
        Rejection::HandlerFailed { how }
    }

    #[test]
    fn a_time_to_try_again_is_named_with_503_and_nothing_else() {
        let reason = StoreError::Unavailable { source: "no route".into() };
        for unavailable in [Rejection::store(reason), Rejection::ShuttingDown, failed(Failure::TimedOut)] {
            assert_eq!((unavailable.status(), unavailable.retry_after()), (503, Some(Duration::from_secs(1))));
        }
        let retry_after = Duration::from_secs(17);
        assert_eq!(Rejection::InFlight { retry_after }.retry_after(), Some(retry_after));
        let stale = Rejection::stale(Duration::from_secs(301), Duration::from_secs(300));
        for other in [stale, Rejection::Conflict, Rejection::ContentEncoding, failed(Failure::Panicked)] {
            assert_eq!(other.retry_after(), None, "{other}");
        }
    }

    #[test]
    fn a_handler_that_failed_is_an_error_of_ours_and_one_out_of_time_may_do_better() {
        for how in [Failure::Panicked, Failure::Unanswered, Failure::Redirected, Failure::Dead] {
            assert_eq!(failed(how).status(), 500);
        }
        assert_eq!(failed(Failure::TimedOut).status(), 503);
    }

    #[test]
    fn what_is_shown_says_what_happened() {
        for (how, shown) in [
            (Failure::Panicked, "the handler panicked"),
            (Failure::Unanswered, "the handler failed without a response"),
            (Failure::TimedOut, "the handler used up its time"),
            (Failure::Redirected, "the handler answered with a redirection"),
            (Failure::Dead, "the handler has refused this event for good"),
        ] {
            assert_eq!(failed(how).to_string(), shown);
        }
        assert_eq!(RejectionKind::HandlerFailed.to_string(), "handler_failed");
    }
}
