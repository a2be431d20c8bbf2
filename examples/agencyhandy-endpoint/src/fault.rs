//! What the endpoint can do wrong.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame};

/// How requests to verify are answered. Without a fault, as the vendor documents it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Fault {
    /// The right answer.
    #[default]
    None,
    /// The right answer, this much later.
    Slow(Duration),
    /// Status 500.
    ServerError,
    /// Status 429 with `Retry-After: 30`.
    TooManyRequests,
    /// Status 200, and the text of a success without its last brace.
    BrokenJson,
    /// Status 307 to another path of this endpoint, which answers with a success and is counted by
    /// [`Endpoint::redirected`](crate::Endpoint::redirected).
    Redirect,
    /// No answer, and the connection stays open.
    Hang,
    /// No answer: the connection is closed as soon as the head of the request is read.
    Close,
    /// The text of a failure, with status 200.
    FailedWith200,
    /// The text of a success, with status 403.
    SuccessWith403,
    /// Status 403 and the vendor's error object, which says nothing of a verification.
    OtherForbidden,
    /// Status 200 and a JSON object that begins with a success and never ends.
    Endless,
}

/// The body of [`Fault::Endless`].
pub(crate) fn endless() -> Body {
    Body::new(Endless { next: br#"{"verification_status":"SUCCESS","padding":""# })
}

struct Endless {
    next: &'static [u8],
}

impl HttpBody for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let data = Bytes::from_static(self.next);
        self.next = &[b'-'; 16 * 1024];
        Poll::Ready(Some(Ok(Frame::data(data))))
    }
}
