//! The verdict on a captured request, as it is printed.

use std::borrow::Cow;

use bytes::Bytes;
use counterfoil::time::format_rfc3339;
use counterfoil::{Delivery, EventId, Rejection};
use serde::Serialize;

use crate::error::Error;
use crate::output;

/// What came of the check.
pub(super) enum Outcome {
    Valid(Delivery),
    Challenge(Bytes),
    Rejected(Rejection),
}

#[derive(Serialize)]
#[serde(tag = "verdict", rename_all = "lowercase")]
enum Verdict<'a> {
    Valid {
        event_id: Option<&'a str>,
        event_type: Option<&'a str>,
        unsigned_event_type: Option<&'a str>,
        signed_at: Option<String>,
        key: String,
    },
    Challenge {
        text: Cow<'a, str>,
    },
    Rejected {
        code: &'static str,
        reason: String,
    },
}

impl Outcome {
    pub(super) fn print(&self) -> Result<(), Error> {
        let mut text = output::json(&self.verdict())?;
        if output::is_terminal() {
            let (word, style) = match self {
                Self::Valid(_) => ("\"valid\"", output::GOOD),
                Self::Challenge(_) => ("\"challenge\"", output::GOOD),
                Self::Rejected(_) => ("\"rejected\"", output::BAD),
            };
            text = text.replacen(word, &format!("{style}{word}{style:#}"), 1);
        }
        Ok(output::line(&text)?)
    }

    fn verdict(&self) -> Verdict<'_> {
        match self {
            Self::Valid(delivery) => Verdict::Valid {
                event_id: delivery.event_id().map(EventId::as_str),
                event_type: delivery.event_type(),
                unsigned_event_type: delivery.unsigned_event_type(),
                signed_at: delivery.signed_at().and_then(format_rfc3339),
                key: delivery.key().to_string(),
            },
            Self::Challenge(text) => Verdict::Challenge { text: String::from_utf8_lossy(text) },
            Self::Rejected(rejection) => {
                Verdict::Rejected { code: rejection.kind().code(), reason: rejection.to_string() }
            }
        }
    }
}
