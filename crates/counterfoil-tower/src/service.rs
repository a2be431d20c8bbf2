//! The service: reads and verifies a request, then runs the inner service, whoever goes away meanwhile.

use std::error::Error;
use std::ops::ControlFlow;
use std::pin::pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use counterfoil::receiver::{self, Answer, Handled, Head, Intake, Parameters, Processed, Received, Reject};
use counterfoil::{Delivery, Receiver, Rejection};
use http::header::CONNECTION;
use http::{HeaderValue, Request, Response, StatusCode, Version, request};
use http_body::{Body, Frame};
use tower_service::Service;

use crate::future::Outcome;
use crate::{ResponseBody, ResponseFuture, Tokio, VerifiedBody};

type BoxError = Box<dyn Error + Send + Sync>;

/// A service that only sees verified deliveries, each event once. See the [crate's documentation](crate).
#[derive(Debug, Clone)]
pub struct Webhook<S> {
    inner: S,
    receiver: Receiver,
}

impl<S> Webhook<S> {
    /// Puts `receiver` in front of `inner`.
    pub fn new(inner: S, receiver: Receiver) -> Self {
        Self { inner, receiver }
    }

    /// The inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The inner service, without the receiver.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Webhook<S>
where
    S: Service<Request<VerifiedBody>, Response = Response<ResBody>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send + 'static,
    ReqBody: Body + Send + 'static,
    ReqBody::Data: Send,
    ReqBody::Error: Into<BoxError>,
    ResBody: Send + 'static,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<ResBody, S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        // The service that was polled ready must be the one that is called; its clone is not ready.
        let clone = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, clone);
        let receiver = self.receiver.clone();
        let (mut parts, body) = request.into_parts();
        ResponseFuture::new(async move {
            let parameters = parameters(&receiver, &mut parts).await;
            let head = Head::new(&parts.method, &parts.uri, &parts.headers).with_parameters(parameters);
            let received = match receiver.head(&Tokio, &head).await {
                Ok(mut intake) => match read(&receiver, &mut intake, body).await {
                    Ok(()) => intake.finish(&parts.headers),
                    Err(answer) => return ControlFlow::Break(Ok(unread(parts.version, respond(answer)))),
                },
                Err(answer) => return ControlFlow::Break(Ok(unread(parts.version, respond(answer)))),
            };
            match received {
                // Boxed: it is large, and on its way out of here it is moved several times.
                Ok(received) => ControlFlow::Continue(Box::pin(handle(receiver, inner, parts, received))),
                Err(answer) => ControlFlow::Break(Ok(respond(answer))),
            }
        })
    }
}

/// What axum's router found in the path, where somebody wants to know.
#[cfg(feature = "axum")]
async fn parameters(receiver: &Receiver, parts: &mut request::Parts) -> Parameters {
    use axum::extract::{FromRequestParts, RawPathParams};

    if !receiver.has_tenants() {
        return Parameters::default();
    }
    // There are none outside a route of axum's.
    let parameters = RawPathParams::from_request_parts(parts, &()).await.ok();
    parameters.iter().flatten().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[cfg(not(feature = "axum"))]
async fn parameters(_: &Receiver, _: &mut request::Parts) -> Parameters {
    Parameters::default()
}

/// Reads the body to its end.
async fn read<B>(receiver: &Receiver, intake: &mut Intake, body: B) -> Result<(), Answer>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    let mut body = pin!(body);
    let next = |cx: &mut Context<'_>| {
        body.as_mut().poll_frame(cx).map(|frame| {
            let bytes = |frame: Frame<B::Data>| match frame.into_data() {
                Ok(mut data) => data.copy_to_bytes(data.remaining()),
                // Trailers are not part of the body.
                Err(_) => Bytes::new(),
            };
            frame.map(|frame| frame.map(bytes).map_err(|error| unreadable(receiver, &*error.into())))
        })
    };
    intake.read(&Tokio, next).await
}

/// What body limits and body timeouts of `http-body-util` and `tower-http` say. Their types cannot be named
/// here without tying our users to one version of them; a test holds these texts to the real ones.
const LIMIT_EXCEEDED: &str = "length limit exceeded";
const TIMED_OUT: &str = "data was not received within the designated timeout";

/// Layers outside us put limits of their own into the body, and tell us only by the error that it ends with.
fn unreadable(receiver: &Receiver, error: &(dyn Error + Send + Sync + 'static)) -> Rejection {
    let mut reason = String::new();
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        reason = error.to_string();
        match reason.as_str() {
            LIMIT_EXCEEDED => return Rejection::BodyTooLarge { limit: receiver.body_limit() },
            TIMED_OUT => return Rejection::BodyTimeout { limit: receiver.body_timeout() },
            _ => cause = error.source(),
        }
    }
    Rejection::BodyUnreadable { reason: reason.into() }
}

async fn handle<S, ResBody>(
    receiver: Receiver,
    mut inner: S,
    parts: request::Parts,
    received: Received,
) -> Outcome<ResBody, S::Error>
where
    S: Service<Request<VerifiedBody>, Response = Response<ResBody>>,
{
    let handler = |delivery: Delivery, context: receiver::Context| async move {
        let response = inner.call(verified(parts, delivery, context)).await;
        Handled {
            status: response.as_ref().map_or(StatusCode::INTERNAL_SERVER_ERROR, Response::status),
            reject: response.as_ref().ok().and_then(|response| response.extensions().get::<Reject>().cloned()),
            response,
        }
    };
    match receiver.process(Tokio, received, handler).await {
        Processed::Passed(response) => response.map(|response| response.map(ResponseBody::inner)),
        Processed::Answered(answer) => Ok(respond(answer)),
    }
}

/// The request as the inner service sees it.
fn verified(parts: request::Parts, delivery: Delivery, context: receiver::Context) -> Request<VerifiedBody> {
    let mut request = Request::from_parts(parts, VerifiedBody::new(delivery.body().clone()));
    #[cfg(feature = "axum")]
    axum::extract::DefaultBodyLimit::max(delivery.body().len()).apply(&mut request);
    let extensions = request.extensions_mut();
    if let Some(fence) = context.fence {
        extensions.insert(fence);
    }
    extensions.insert(context);
    extensions.insert(delivery);
    request
}

/// The rest of the body is never read, so the connection cannot carry another request. Saying so keeps the
/// sender from putting its next delivery on it.
fn unread<B>(version: Version, mut response: Response<B>) -> Response<B> {
    if version < Version::HTTP_2 {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn respond<B>(answer: Answer) -> Response<ResponseBody<B>> {
    answer.into_response().map(ResponseBody::answer)
}
