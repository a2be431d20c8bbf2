//! The body of an answer to a request that was not read to its end.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::Payload;
use bytes::Bytes;

/// An answer, and what is left of the request that it answers.
///
/// actix-http reads a chunked request that nobody holds any more to its end, however long that takes, before it closes
/// the connection. Held until the answer is written, it is given up instead.
pub(crate) struct Unread {
    answer: Bytes,
    _payload: Payload,
}

impl Unread {
    pub(crate) fn new(answer: Bytes, payload: Payload) -> Self {
        Self { answer, _payload: payload }
    }
}

impl MessageBody for Unread {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        self.answer.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        Pin::new(&mut self.answer).poll_next(cx)
    }
}
