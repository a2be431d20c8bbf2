//! The table from outcome to answer. It stands here alone, so that no two adapters can disagree.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderName, HeaderValue, Response, StatusCode};

use crate::{Rejection, RejectionKind};

/// Set on the answer to a duplicate: `1`, or `conflict` where the body differs from the completed one.
pub const DUPLICATE_HEADER: HeaderName = HeaderName::from_static("x-webhook-duplicate");

/// What the receiver answers in the handler's place.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Answer {
    /// The event was completed before: 200, so that the sender stops.
    Duplicate,
    /// An event of this id was completed before, with another body: 200, and an error for the operator.
    Conflict,
    /// The sender asked whether the address is ours: 200 with the text that it wants echoed.
    Challenge(Bytes),
    /// The delivery is refused.
    Refused(Rejection),
}

impl Answer {
    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Duplicate | Self::Conflict | Self::Challenge(_) => StatusCode::OK,
            Self::Refused(rejection) => {
                StatusCode::from_u16(rejection.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }
        }
    }

    /// The stable code; `None` for what is no refusal.
    #[must_use]
    pub const fn code(&self) -> Option<RejectionKind> {
        match self {
            Self::Duplicate | Self::Conflict | Self::Challenge(_) => None,
            Self::Refused(rejection) => Some(rejection.kind()),
        }
    }

    /// The response: the status, the code as a small JSON body, and nothing that helps an attacker. This
    /// answer itself is in the response's extensions, for layers around the receiver.
    ///
    /// ```
    /// use counterfoil::receiver::Answer;
    ///
    /// let response = Answer::Duplicate.into_response();
    /// assert_eq!(response.status(), 200);
    /// assert_eq!(response.headers()["x-webhook-duplicate"], "1");
    /// ```
    #[must_use]
    pub fn into_response(self) -> Response<Bytes> {
        let body = match &self {
            Self::Refused(rejection) => {
                let (status, code) = (rejection.status(), rejection.kind());
                Bytes::from(format!(r#"{{"status":{status},"code":"{code}"}}"#))
            }
            Self::Challenge(text) => text.clone(),
            Self::Duplicate | Self::Conflict => Bytes::new(),
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match &self {
            Self::Duplicate => {
                headers.insert(DUPLICATE_HEADER, HeaderValue::from_static("1"));
            }
            Self::Conflict => {
                headers.insert(DUPLICATE_HEADER, HeaderValue::from_static("conflict"));
            }
            Self::Challenge(_) => {
                // The text is the requester's: no browser may take it for anything else.
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
                headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
            }
            Self::Refused(rejection) => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
                if let Some(after) = rejection.retry_after() {
                    headers.insert(RETRY_AFTER, HeaderValue::from(retry_after_seconds(after)));
                }
                if rejection.kind() == RejectionKind::MethodNotAllowed {
                    headers.insert(ALLOW, HeaderValue::from_static("POST"));
                }
            }
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// Whole seconds from 1 to 60: never zero, which some senders read as "at once", and never so long that the
/// next try comes after the sender has given up.
fn retry_after_seconds(after: Duration) -> u64 {
    after.as_millis().div_ceil(1000).clamp(1, 60).try_into().unwrap_or(60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_whole_seconds_within_bounds() {
        for (millis, seconds) in [(0, 1), (1, 1), (1000, 1), (1001, 2), (59_001, 60), (3_600_000, 60)] {
            assert_eq!(retry_after_seconds(Duration::from_millis(millis)), seconds);
        }
    }

    #[test]
    fn the_wire_gets_status_and_code_alone() {
        let response = Answer::Refused(Rejection::SignatureMismatch { secrets: 2 }).into_response();
        assert_eq!(response.status(), 401);
        assert_eq!(response.body().as_ref(), br#"{"status":401,"code":"signature_mismatch"}"#);
        assert!(matches!(response.extensions().get(), Some(Answer::Refused(_))));
    }

    #[test]
    fn the_method_that_is_allowed_is_named_where_another_came() {
        let refused = Answer::Refused(Rejection::MethodNotAllowed { method: http::Method::GET });
        assert_eq!(refused.code(), Some(RejectionKind::MethodNotAllowed));
        assert_eq!(refused.into_response().headers()[ALLOW], "POST");
        let others = [Answer::Refused(Rejection::Conflict), Answer::Duplicate, Answer::Challenge(Bytes::new())];
        for answer in others {
            assert!(!answer.into_response().headers().contains_key(ALLOW));
        }
    }

    #[test]
    fn what_is_no_refusal_is_200_and_has_no_code() {
        for (answer, header) in [
            (Answer::Duplicate, Some("1")),
            (Answer::Conflict, Some("conflict")),
            (Answer::Challenge("a".into()), None),
        ] {
            assert_eq!((answer.status(), answer.code()), (StatusCode::OK, None));
            let response = answer.into_response();
            let shown = response.headers().get(DUPLICATE_HEADER).map(|value| value.to_str().unwrap());
            assert_eq!((response.status(), shown), (StatusCode::OK, header));
            assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
        }
    }

    #[test]
    fn a_time_to_try_again_is_on_the_wire_in_seconds() {
        let retry_after = Duration::from_millis(16_001);
        let response = Answer::Refused(Rejection::InFlight { retry_after }).into_response();
        assert_eq!((response.status().as_u16(), &response.headers()[RETRY_AFTER]), (503, &HeaderValue::from(17_u64)));
        assert!(!Answer::Refused(Rejection::Conflict).into_response().headers().contains_key(RETRY_AFTER));
    }
}
