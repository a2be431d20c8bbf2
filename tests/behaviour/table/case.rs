//! The words that the table is written in.

use std::sync::Arc;

use agencyhandy_endpoint::{Endpoint, Fault};

use super::sent::Sent;
use crate::handler::Act;
use crate::servers::Wanted;

/// One receiver with one handler, and what becomes of requests in turn.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) receiver: Wanted,
    /// Who plays the sender's endpoint, where there is one.
    pub(super) endpoint: Option<Arc<Endpoint>>,
    pub(super) acts: Vec<Act>,
    pub(super) steps: Vec<Step>,
}

pub(super) struct Step {
    pub(super) sent: Sent,
    pub(super) status: u16,
    pub(super) answer: Answer,
    /// How often the handler has run by then.
    pub(super) runs: usize,
    /// Whether the request's body is left where it is, so that HTTP/1.1 can carry no other request after it.
    pub(super) unread: bool,
    /// Whether the connection ends with the answer for any other reason.
    pub(super) closing: bool,
    /// What the sender's endpoint does wrong.
    pub(super) fault: Fault,
    /// How often it is asked because of this request.
    pub(super) asked: usize,
}

pub(super) enum Answer {
    /// The handler's own.
    Handled,
    /// Empty, with this in `x-webhook-duplicate`.
    Duplicate(&'static str),
    /// This code.
    Refused(&'static str),
    /// This text.
    Echoed(&'static str),
}

pub(super) fn case<const N: usize>(
    name: &'static str,
    receiver: impl Into<Wanted>,
    acts: impl IntoIterator<Item = Act>,
    steps: [Step; N],
) -> Case {
    Case { name, receiver: receiver.into(), endpoint: None, acts: acts.into_iter().collect(), steps: steps.into() }
}

pub(super) fn handled(sent: &Sent, status: u16, runs: usize) -> Step {
    Step::new(sent, status, Answer::Handled, runs)
}

pub(super) fn duplicate(sent: &Sent, kind: &'static str, runs: usize) -> Step {
    Step::new(sent, 200, Answer::Duplicate(kind), runs)
}

/// Refused after its body was read.
pub(super) fn refused(sent: &Sent, status: u16, code: &'static str, runs: usize) -> Step {
    Step::new(sent, status, Answer::Refused(code), runs)
}

/// Refused without having been read to its end.
pub(super) fn unread(sent: &Sent, status: u16, code: &'static str, runs: usize) -> Step {
    Step { unread: true, ..refused(sent, status, code, runs) }
}

pub(super) fn echoed(sent: &Sent, text: &'static str) -> Step {
    Step::new(sent, 200, Answer::Echoed(text), 0)
}

impl Step {
    fn new(sent: &Sent, status: u16, answer: Answer, runs: usize) -> Self {
        Self { sent: sent.clone(), status, answer, runs, unread: false, closing: false, fault: Fault::None, asked: 0 }
    }

    pub(super) fn unread(self) -> Self {
        Self { unread: true, ..self }
    }

    pub(super) fn closing(self, closing: bool) -> Self {
        Self { closing, ..self }
    }

    pub(super) fn fault(self, fault: Fault) -> Self {
        Self { fault, ..self }
    }

    pub(super) fn asked(self, asked: usize) -> Self {
        Self { asked, ..self }
    }
}
