//! One tracing event, and one count, for each question. Neither holds anything of the question.

use std::time::Duration;

/// What became of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The endpoint has decided.
    Decided,
    /// The verdict was known.
    Cached,
    /// Somebody was asking it already.
    Shared,
    /// It was sent, and nothing was decided.
    Failed,
    /// The breaker held it back.
    Paused,
    /// The rate limit held it back.
    RateLimited,
    /// There was no place for it.
    Crowded,
}

impl Ending {
    fn code(self) -> &'static str {
        match self {
            Self::Decided => "decided",
            Self::Cached => "cached",
            Self::Shared => "shared",
            Self::Failed => "failed",
            Self::Paused => "paused",
            Self::RateLimited => "rate_limited",
            Self::Crowded => "crowded",
        }
    }
}

/// The end of a question that came as far as the limits.
pub(crate) fn asked(ending: Ending, reason: Option<&str>, took: Duration) {
    let outcome = ending.code();
    let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    match ending {
        // The breaker bounds how often.
        Ending::Failed => {
            tracing::warn!(target: "counterfoil", outcome, reason, took_us, "the sender's endpoint decided nothing");
        }
        _ => tracing::debug!(target: "counterfoil", outcome, reason, took_us, "asked the sender's endpoint"),
    }
    count(ending);
}

#[cfg(feature = "metrics")]
pub(crate) fn count(ending: Ending) {
    metrics::counter!("counterfoil_questions_total", "outcome" => ending.code()).increment(1);
}

#[cfg(not(feature = "metrics"))]
pub(crate) fn count(_: Ending) {}
