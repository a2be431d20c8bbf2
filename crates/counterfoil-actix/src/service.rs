//! The service: reads and verifies a request, then runs the inner service, whoever goes away meanwhile.

use std::cell::Cell;
use std::io;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::rc::Rc;
use std::task;

use actix_web::body::{BoxBody, EitherBody};
use actix_web::dev::{Payload, Service, ServiceRequest, ServiceResponse, forward_ready};
use actix_web::error::PayloadError;
use actix_web::http::ConnectionType;
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse};
use counterfoil::receiver::{Answer, Context, Handled, Head, Intake, Parameters, Processed, Received, Reject};
use counterfoil::{Delivery, Receiver, Rejection};
use futures_core::Stream;

use crate::body::Unread;
use crate::error::{Settled, Unaccompanied};
use crate::future::Response;
use crate::runtime::Tokio;
use crate::{ResponseFuture, convert, limits};

/// A service that only sees verified deliveries, each event once. See the [crate's documentation](crate).
#[derive(Debug)]
pub struct Webhook<S> {
    inner: Rc<S>,
    receiver: Receiver,
}

impl<S> Webhook<S> {
    /// Puts `receiver` in front of `inner`.
    pub fn new(inner: S, receiver: Receiver) -> Self {
        Self { inner: Rc::new(inner), receiver }
    }
}

impl<S, B> Service<ServiceRequest> for Webhook<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = ResponseFuture<B>;

    forward_ready!(inner);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let (inner, receiver) = (self.inner.clone(), self.receiver.clone());
        let (request, mut payload) = request.into_parts();
        ResponseFuture::new(async move {
            let parts = match convert::head(request.head(), &receiver) {
                Ok(parts) => parts,
                Err(error) => {
                    let rejection = Rejection::BodyUnreadable { reason: error.to_string().into() };
                    return ControlFlow::Break(Ok(unread(request, payload, receiver.refuse(rejection))));
                }
            };
            let parameters = parameters(&receiver, &request);
            let head = Head::new(&parts.method, &parts.uri, &parts.headers).with_parameters(parameters);
            let received = match receiver.head(&Tokio, &head).await {
                Ok(mut intake) => match read(&receiver, &mut intake, &mut payload).await {
                    Ok(()) => intake.finish(&parts.headers),
                    Err(answer) => return ControlFlow::Break(Ok(unread(request, payload, answer))),
                },
                Err(answer) => return ControlFlow::Break(Ok(unread(request, payload, answer))),
            };
            match received {
                // Boxed: it is large, and on its way out of here it is moved several times.
                Ok(received) => ControlFlow::Continue(Box::pin(handle(receiver, inner, request, received))),
                Err(answer) => ControlFlow::Break(Ok(respond(request, answer))),
            }
        })
    }
}

/// What the router found in the path, where somebody wants to know.
fn parameters(receiver: &Receiver, request: &HttpRequest) -> Parameters {
    if !receiver.has_tenants() {
        return Parameters::default();
    }
    let matched = request.match_info();
    // The router leaves `%2F`, `%25` and `%2B` as they are; reading the values decodes them.
    let values: Vec<String> = matched.load().unwrap_or_default();
    matched.iter().map(|(name, _)| name.to_owned()).zip(values).collect()
}

/// Reads the body to its end.
async fn read(receiver: &Receiver, intake: &mut Intake, payload: &mut Payload) -> Result<(), Answer> {
    let next = |cx: &mut task::Context<'_>| {
        let frame = Pin::new(&mut *payload).poll_next(cx);
        frame.map(|frame| frame.map(|frame| frame.map_err(|error| unreadable(receiver, &error))))
    };
    intake.read(&Tokio, next).await
}

/// Middleware outside us may put limits of its own into the body, and tells us only by the error that it ends with.
fn unreadable(receiver: &Receiver, error: &PayloadError) -> Rejection {
    match error {
        PayloadError::Overflow => Rejection::BodyTooLarge { limit: receiver.body_limit() },
        PayloadError::Io(error) if error.kind() == io::ErrorKind::TimedOut => {
            Rejection::BodyTimeout { limit: receiver.body_timeout() }
        }
        error => Rejection::BodyUnreadable { reason: error.to_string().into() },
    }
}

async fn handle<S, B>(
    receiver: Receiver,
    inner: Rc<S>,
    request: HttpRequest,
    received: Received,
) -> Response<EitherBody<B>>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: 'static,
{
    // The request is here, or with the handler, never in both places: services inside panic where it is shared.
    let place = Cell::new(Some(request));
    let (lent, inner) = (&place, &inner);
    let processed = receiver.process(Tokio, received, |delivery, context| async move {
        let request = lent.take().expect("a handler is run once");
        let handled = handled(inner.call(verified(request, delivery, context)).await);
        lent.set(handled.response.as_ref().ok().map(|response| response.request().clone()));
        handled
    });
    match (processed.await, place.take()) {
        (Processed::Passed(response), _) => response.map(ServiceResponse::map_into_left_body),
        (Processed::Answered(answer), Some(request)) => Ok(respond(request, answer)),
        (Processed::Answered(answer), None) => Err(Unaccompanied(answer).into()),
    }
}

/// The request as the handler sees it.
fn verified(request: HttpRequest, delivery: Delivery, context: Context) -> ServiceRequest {
    let body = delivery.body().clone();
    let length = body.len();
    {
        let mut extensions = request.extensions_mut();
        if let Some(fence) = context.fence {
            extensions.insert(fence);
        }
        extensions.insert(context);
        extensions.insert(delivery);
    }
    let mut request = ServiceRequest::from_parts(request, Payload::from(body));
    limits::raise(&mut request, length);
    request
}

fn handled<B>(response: Response<B>) -> Handled<Response<B>> {
    match response {
        Ok(response) => {
            let (status, reject) = outcome(response.response());
            Handled { status, reject, response: Ok(response) }
        }
        Err(error) => {
            let response = error.error_response();
            let (status, reject) = outcome(&response);
            Handled { status, reject, response: Err(Settled::new(error, response).into()) }
        }
    }
}

fn outcome<B>(response: &HttpResponse<B>) -> (http::StatusCode, Option<Reject>) {
    (convert::status(response.status()), response.extensions().get().cloned())
}

/// The rest of the body is never read, so the connection cannot carry another request. Saying so keeps the
/// sender from putting its next delivery on it.
fn unread<B>(request: HttpRequest, payload: Payload, answer: Answer) -> ServiceResponse<EitherBody<B>> {
    let response = convert::response(answer).map_body(|head, answer| {
        head.set_connection_type(ConnectionType::Close);
        BoxBody::new(Unread::new(answer, payload))
    });
    ServiceResponse::new(request, response).map_into_right_body()
}

fn respond<B>(request: HttpRequest, answer: Answer) -> ServiceResponse<EitherBody<B>> {
    ServiceResponse::new(request, convert::response(answer).map_into_boxed_body()).map_into_right_body()
}
