//! One tracing event and one set of metrics for each delivery. Neither holds a secret or a body.

use std::time::Duration;
#[cfg(feature = "metrics")]
use std::time::SystemTime;

use super::answer::Answer;
use super::{Receiver, Timings};
use crate::delivery::Facts;
use crate::error::with_causes;
use crate::idempotency::Fence;
use crate::{Rejection, RejectionKind};

/// How a delivery ended, for people and dashboards.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ending<'a> {
    /// A handler ran and its response was passed on.
    Handled { status: u16, attempt: u32 },
    /// The receiver answered, before any attempt (0) or after one.
    Answered { answer: &'a Answer, attempt: u32 },
}

impl Receiver {
    /// Reports a refusal and makes its answer.
    pub fn refuse(&self, rejection: Rejection) -> Answer {
        self.answer(Answer::Refused(rejection))
    }

    /// Reports an answer that was given before any event was known.
    pub(super) fn answer(&self, answer: Answer) -> Answer {
        self.observe(None, Ending::Answered { answer: &answer, attempt: 0 }, &Timings::none());
        answer
    }

    pub(super) fn observe(&self, facts: Option<&Facts>, ending: Ending<'_>, timings: &Timings) {
        let (outcome, status, attempt, code) = match ending {
            Ending::Handled { status, attempt } => {
                (if (200..300).contains(&status) { "handled" } else { "failed" }, status, attempt, "")
            }
            Ending::Answered { answer, attempt } => {
                let outcome = match answer {
                    Answer::Duplicate => "duplicate",
                    Answer::Conflict => "conflict",
                    Answer::Challenge(_) => "challenge",
                    Answer::Refused(rejection) => match rejection.kind() {
                        RejectionKind::InFlight => "in_flight",
                        RejectionKind::HandlerFailed => "failed",
                        _ => "refused",
                    },
                };
                (outcome, answer.status().as_u16(), attempt, answer.code().map_or("", RejectionKind::code))
            }
        };
        let (sender, endpoint) = (self.verifier().name(), self.verifier().endpoint_name());
        let tenant = facts.and_then(|facts| facts.tenant.as_deref());
        let event_type = facts.and_then(|facts| facts.event_type.as_deref());
        let event_id = facts.and_then(|facts| facts.event_id.as_ref()).map(tracing::field::display);
        let key = facts.map(|facts| tracing::field::display(facts.key));
        let Timings { verify, handle, settle, .. } = timings;
        macro_rules! event {
            ($level:ident, $($field:tt)*) => {
                tracing::$level!(
                    target: "counterfoil", %sender, %endpoint, tenant, event_type, event_id, key, outcome, status, attempt,
                    verify_us = verify.map(micros), handle_us = handle.map(micros), settle_us = settle.map(micros), $($field)*
                )
            };
        }
        match ending {
            Ending::Answered { answer: Answer::Conflict | Answer::Refused(Rejection::Conflict), .. } => {
                event!(error, code, "an event of this id was completed with another body");
            }
            Ending::Answered { answer: Answer::Refused(rejection), .. } => {
                let reason = with_causes(rejection);
                event!(warn, code, reason, "webhook refused");
            }
            Ending::Handled { status, .. } if !(200..300).contains(&status) => event!(warn, "webhook handler failed"),
            Ending::Handled { .. } | Ending::Answered { answer: Answer::Duplicate | Answer::Challenge(_), .. } => {
                event!(info, "webhook received");
            }
        }
        self.measure(facts, outcome, code, timings);
    }

    pub(super) fn observe_store_error(&self, operation: &'static str, error: &crate::StoreError) {
        let (sender, endpoint) = (self.verifier().name(), self.verifier().endpoint_name());
        let error: &dyn std::error::Error = error;
        tracing::error!(target: "counterfoil", %sender, %endpoint, operation, error, "the webhook store failed");
        #[cfg(feature = "metrics")]
        metrics::counter!("counterfoil_store_errors_total", "sender" => sender.to_string(), "operation" => operation)
            .increment(1);
    }

    /// A handler has finished, or was stopped, whose event is not its own any more: its effect may happen twice.
    pub(super) fn observe_lost_lease(&self, fence: &Fence) {
        let (sender, endpoint) = (self.verifier().name(), self.verifier().endpoint_name());
        let Fence { key, attempt, token, .. } = fence;
        tracing::warn!(target: "counterfoil", %sender, %endpoint, %key, attempt, token, "a webhook handler lost its lease before its event was settled");
        #[cfg(feature = "metrics")]
        metrics::counter!("counterfoil_leases_lost_total", "sender" => sender.to_string()).increment(1);
    }

    #[cfg(not(feature = "metrics"))]
    #[expect(clippy::unused_self, reason = "the feature fills it in")]
    fn measure(&self, _: Option<&Facts>, _: &'static str, _: &'static str, _: &Timings) {}

    #[cfg(feature = "metrics")]
    fn measure(&self, facts: Option<&Facts>, outcome: &'static str, code: &'static str, timings: &Timings) {
        // The event type is no label: its set is open, and every label value costs memory for ever.
        let labels =
            [("sender", self.verifier().name().to_string()), ("endpoint", self.verifier().endpoint_name().to_string())];
        let mut outcomes = labels.to_vec();
        outcomes.extend([("outcome", outcome.to_owned()), ("code", code.to_owned())]);
        metrics::counter!("counterfoil_deliveries_total", &outcomes).increment(1);
        let durations = [
            ("counterfoil_verify_seconds", timings.verify),
            ("counterfoil_handle_seconds", timings.handle),
            ("counterfoil_settle_seconds", timings.settle),
        ];
        for (name, took) in durations {
            if let Some(took) = took {
                metrics::histogram!(name, &labels).record(took);
            }
        }
        if let Some((facts, signed_at)) = facts.and_then(|facts| Some((facts, facts.signed_at?))) {
            metrics::histogram!("counterfoil_signed_age_seconds", &labels).record(age(signed_at, facts.received_at));
        }
    }
}

/// How old a signed time was; negative where it lay ahead of our clock. Its median shows our own clock's drift.
#[cfg(feature = "metrics")]
fn age(signed_at: SystemTime, now: SystemTime) -> f64 {
    match now.duration_since(signed_at) {
        Ok(age) => age.as_secs_f64(),
        Err(ahead) => -ahead.duration().as_secs_f64(),
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
