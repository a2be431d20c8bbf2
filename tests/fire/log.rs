//! The sender's own log: what it sent, and what it was answered.

use bytes::Bytes;
use counterfoil::receiver::DUPLICATE_HEADER;
use http::{HeaderMap, HeaderValue};

/// What came of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    /// 2xx, by the handler.
    Handled,
    /// 2xx, by the receiver: it has this event already.
    Duplicate,
    /// 500 or 503.
    Failed(u16),
    /// The connection was refused.
    NotReached,
    /// The connection broke off.
    CutOff,
    /// Anything else.
    Other(u16),
}

impl Said {
    pub(crate) fn of(status: u16, headers: &HeaderMap) -> Self {
        match (status, headers.get(DUPLICATE_HEADER).map(HeaderValue::as_bytes)) {
            (200..300, None) => Self::Handled,
            (200, Some(b"1")) => Self::Duplicate,
            (500 | 503, None) => Self::Failed(status),
            _ => Self::Other(status),
        }
    }

    pub(crate) fn is_ack(self) -> bool {
        matches!(self, Self::Handled | Self::Duplicate)
    }
}

/// One answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer {
    pub(crate) said: Said,
    /// Whether the event had had an effect when this came, where it is an acknowledgement.
    pub(crate) effect_seen: bool,
}

/// What the sender knows of one event.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) event: String,
    pub(crate) answers: Vec<Answer>,
    /// Copies that are not acknowledged.
    pub(crate) open: usize,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}
