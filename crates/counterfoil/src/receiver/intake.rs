//! Reading a body: frame by frame, hashed as it arrives, never more than the limit.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http::HeaderMap;

use super::{Answer, Receiver, Runtime, Timings};
use crate::time::monotonic;
use crate::verifier::{Presented, Verified};
use crate::{Delivery, Rejection};

/// A body that always has one more frame must keep neither its time limit nor other tasks waiting.
const FRAMES_AT_ONCE: usize = 64;

/// A request whose head is in order and whose body is arriving.
#[derive(Debug)]
pub struct Intake {
    receiver: Receiver,
    presented: Presented,
    head_at: Instant,
}

impl Intake {
    pub(super) fn new(receiver: Receiver, presented: Presented, head_at: Instant) -> Self {
        Self { receiver, presented, head_at }
    }

    /// Reads a body to its end, in the receiver's time for a body, hashing each frame as it arrives. `poll_frame`
    /// gives the next frame, or `None` at the end.
    ///
    /// # Errors
    /// The answer to a body that could not be read, or that took or grew too much: read no further. On HTTP/1.1 the
    /// connection is to be closed.
    pub async fn read<P>(&mut self, runtime: &impl Runtime, mut poll_frame: P) -> Result<(), Answer>
    where
        P: FnMut(&mut Context<'_>) -> Poll<Option<Result<Bytes, Rejection>>>,
    {
        let limit = self.receiver.inner.body_timeout;
        let (mut asked_before, mut alarm) = (false, None);
        let read = poll_fn(|cx| {
            let mut taken = 0;
            while taken < FRAMES_AT_ONCE {
                match poll_frame(cx) {
                    Poll::Ready(None) => return Poll::Ready(Ok(())),
                    Poll::Ready(Some(frame)) => self.take(frame?)?,
                    Poll::Pending => break,
                }
                taken += 1;
            }
            // Most bodies have arrived with their head, yet servers hand them over only when they are asked a second time:
            // no timer is made before that.
            let is_first = !std::mem::replace(&mut asked_before, true);
            if is_first || taken == FRAMES_AT_ONCE {
                cx.waker().wake_by_ref();
            }
            if is_first {
                return Poll::Pending;
            }
            let alarm = alarm.get_or_insert_with(|| runtime.sleep(limit));
            alarm.as_mut().poll(cx).map(|()| Err(Rejection::BodyTimeout { limit }))
        });
        read.await.map_err(|rejection| self.receiver.refuse(rejection))
    }

    /// Takes the next frame of the body, hashing it at once, for those who have the body already.
    ///
    /// # Errors
    /// The answer to a body that has grown beyond the limit: read no further.
    pub fn push(&mut self, frame: Bytes) -> Result<(), Answer> {
        self.take(frame).map_err(|rejection| self.receiver.refuse(rejection))
    }

    fn take(&mut self, frame: Bytes) -> Result<(), Rejection> {
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
    /// The answer, where there is nothing to handle.
    pub fn finish(self, headers: &HeaderMap) -> Result<Received, Answer> {
        let Self { receiver, presented, head_at } = self;
        match presented.finish(headers, receiver.inner.clock.now()) {
            Ok(Verified::Challenge(text)) => Err(receiver.answer(Answer::Challenge(text))),
            Ok(verified) => Ok(Received { verified, timings: Timings::since(head_at) }),
            Err(rejection) => Err(receiver.refuse(rejection)),
        }
    }
}

/// A request that was read whole, and in which nothing wrong was found.
#[derive(Debug)]
pub struct Received {
    pub(super) verified: Verified,
    pub(super) timings: Timings,
}

impl Received {
    /// The delivery; `None` where it is too old to be handled, or where its sender has to be asked first.
    #[must_use]
    pub fn delivery(&self) -> Option<&Delivery> {
        match &self.verified {
            Verified::Fresh(delivery) => Some(delivery),
            Verified::Stale(_) | Verified::Ask(_) | Verified::Challenge(_) => None,
        }
    }
}

impl Timings {
    fn since(head_at: Instant) -> Self {
        Self { head_at, verify: Some(head_at.elapsed()), handle: None, settle: None }
    }

    /// Of a refusal: how long nothing took would only blur how long a verification takes.
    pub(super) fn none() -> Self {
        Self { head_at: monotonic(), verify: None, handle: None, settle: None }
    }
}
