//! What middleware around finds, and what it may do to the body.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::{ErrorForbidden, PayloadError};
use actix_web::middleware::{DefaultHeaders, Logger, Next, from_fn};
use actix_web::{Error, HttpResponse, web};
use counterfoil::receiver::Answer;
use counterfoil_actix::WebhookMiddleware;

use crate::client::send;
use crate::event::{body, receiver, request, request_to};
use crate::handler::{Act, Handler, run};
use crate::serve::serve;

type Codes = Arc<Mutex<Vec<Option<&'static str>>>>;

#[actix_web::test]
async fn middleware_around_learns_why() {
    let codes = Codes::default();
    let handler = Handler::new([Act::Panic, Act::Reject, Act::Hang, Act::Answer(302), Act::Answer(503)]);
    let receiver = receiver().handler_time(Duration::from_millis(100)).build().unwrap();
    let (webhook, data, noted) = (WebhookMiddleware::new(receiver), web::Data::new(handler.clone()), codes.clone());
    let address = serve(move |app| {
        let noted = noted.clone();
        let note = move |request: ServiceRequest, next: Next<_>| note(noted.clone(), request, next);
        let hook = web::resource("/hook").wrap(webhook.clone()).wrap(from_fn(note)).wrap(Logger::default());
        let hook = hook.wrap(DefaultHeaders::new().add(("x-around", "1")));
        app.app_data(data.clone()).service(hook.route(web::post().to(run)));
    });
    let expected = [
        (request(&body("evt_1")), 500, Some("handler_failed")),
        (request(&body("evt_2")), 500, Some("handler_failed")),
        (request(&body("evt_3")), 503, Some("handler_failed")),
        (request(&body("evt_3")), 500, Some("handler_failed")),
        (request(&body("evt_3")), 503, None),
        (request(&body("evt_3")), 200, None),
        (request_to("/hook", "", b"{}"), 401, Some("signature_missing")),
    ];
    for (number, (request, status, _)) in expected.iter().enumerate() {
        let reply = send(address, request).await;
        // The first and the third took their request with them: actix-web's own middleware leaves errors alone.
        let around = (number != 0 && number != 2).then_some("1");
        assert_eq!((reply.status, reply.header("x-around")), (*status, around), "step {number}");
    }
    assert_eq!(*codes.lock().unwrap(), expected.map(|(_, _, code)| code));
}

async fn note<B: MessageBody>(
    codes: Codes,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let outcome = next.call(request).await;
    let code = |answer: Option<&Answer>| answer.and_then(Answer::code).map(|code| code.code());
    let code = match &outcome {
        Ok(response) => code(response.response().extensions().get()),
        Err(error) => code(error.error_response().extensions().get()),
    };
    codes.lock().unwrap().push(code);
    outcome
}

/// Whoever asks an error for its response takes it.
#[actix_web::test]
async fn an_error_from_inside_can_be_asked_more_than_once() {
    async fn forbid(_: ServiceRequest, _: Next<BoxBody>) -> Result<ServiceResponse, Error> {
        Err(ErrorForbidden("not here"))
    }
    let codes = Codes::default();
    let (webhook, noted) = (WebhookMiddleware::new(receiver().build().unwrap()), codes.clone());
    let address = serve(move |app| {
        let hook = web::resource("/hook").wrap(from_fn(forbid)).wrap(webhook.clone());
        let [first, second] = [(); 2].map(|()| {
            let noted = noted.clone();
            from_fn(move |request, next| note(noted.clone(), request, next))
        });
        app.service(hook.wrap(first).wrap(second).route(web::post().to(HttpResponse::Ok)));
    });
    let reply = send(address, &request(&body("evt_1"))).await;
    assert_eq!((reply.status, reply.body.as_str()), (403, "not here"));
    assert_eq!(*codes.lock().unwrap(), [None, None]);
}

/// Middleware outside puts a body with limits of its own into the request.
#[actix_web::test]
async fn the_limits_of_others_keep_their_status() {
    async fn limited<B: MessageBody>(mut request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
        let error = match request.headers().get("x-limit").map(|value| value.to_str().unwrap()) {
            Some("length") => PayloadError::Overflow,
            Some("time") => PayloadError::Io(std::io::ErrorKind::TimedOut.into()),
            _ => PayloadError::Io(std::io::ErrorKind::ConnectionReset.into()),
        };
        request.set_payload(Payload::Stream { payload: Box::pin(Failing(Some(error))) });
        next.call(request).await
    }
    let handler = Handler::new([]);
    let (webhook, data) = (WebhookMiddleware::new(receiver().build().unwrap()), web::Data::new(handler.clone()));
    let address = serve(move |app| {
        let hook = web::resource("/hook").wrap(webhook.clone()).wrap(from_fn(limited));
        app.app_data(data.clone()).service(hook.route(web::post().to(run)));
    });
    for (limit, status, code) in
        [("length", 413, "body_too_large"), ("time", 408, "body_timeout"), ("other", 400, "body_unreadable")]
    {
        let event = body("evt_1");
        let lines = format!("x-limit: {limit}\r\n{}", crate::event::signature(&event));
        let reply = send(address, &request_to("/hook", &lines, &event)).await;
        assert_eq!((reply.status, reply.code().as_deref()), (status, Some(code)));
    }
    assert_eq!(handler.runs(), 0);
}

struct Failing(Option<PayloadError>);

impl futures_core::Stream for Failing {
    type Item = Result<web::Bytes, PayloadError>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::task::Poll::Ready(self.0.take().map(Err))
    }
}

/// A path inside a wrapped scope that leads nowhere is the receiver's to refuse; one outside is not.
#[actix_web::test]
async fn a_scope_is_guarded_whole() {
    let handler = Handler::new([]);
    let (webhook, data) = (WebhookMiddleware::new(receiver().build().unwrap()), web::Data::new(handler.clone()));
    let address = serve(move |app| {
        let hooks = web::scope("/hooks").wrap(webhook.clone()).route("/handl", web::post().to(run));
        app.app_data(data.clone()).service(hooks);
    });
    for (path, signed, status) in [
        ("/hooks/handl", false, 401),
        ("/hooks/nowhere", false, 401),
        ("/hooks/nowhere", true, 404),
        ("/nowhere", false, 404),
        ("/hooks/handl", true, 200),
    ] {
        let event = body("evt_1");
        let lines = if signed { crate::event::signature(&event) } else { String::new() };
        assert_eq!(send(address, &request_to(path, &lines, &event)).await.status, status, "{path}, signed: {signed}");
    }
    assert_eq!(handler.runs(), 1);
}
