//! What becomes of an event, by what its handler does.

use std::collections::VecDeque;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::{ErrorBadGateway, InternalError};
use actix_web::http::StatusCode;
use actix_web::middleware::{Next, from_fn};
use actix_web::web::ServiceConfig;
use actix_web::{Error, HttpResponse, web};
use counterfoil::Receiver;
use counterfoil::receiver::Reject;
use counterfoil_actix::WebhookMiddleware;

use crate::client::{Client, send};
use crate::event::{body, receiver, request};
use crate::serve::{serve, serve_half_closed};

/// What one run of the handler does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Act {
    Answer(u16),
    Fail,
    Panic,
    Reject,
    Sleep(Duration),
    Hang,
    /// Keeps its task busy without ever letting the runtime do anything else in it.
    Spin,
}

/// Runs its acts one after the other, then answers 200 for ever.
#[derive(Debug, Clone)]
pub(crate) struct Handler(Arc<Mutex<Script>>);

#[derive(Debug, Default)]
struct Script {
    acts: VecDeque<Act>,
    bodies: Vec<web::Bytes>,
    finished: usize,
}

impl Handler {
    pub(crate) fn new(acts: impl IntoIterator<Item = Act>) -> Self {
        Self(Arc::new(Mutex::new(Script { acts: acts.into_iter().collect(), ..Script::default() })))
    }

    pub(crate) fn runs(&self) -> usize {
        self.0.lock().unwrap().bodies.len()
    }

    pub(crate) fn bodies(&self) -> Vec<web::Bytes> {
        self.0.lock().unwrap().bodies.clone()
    }

    pub(crate) fn finished(&self) -> usize {
        self.0.lock().unwrap().finished
    }
}

pub(crate) async fn run(handler: web::Data<Handler>, body: web::Bytes) -> Result<HttpResponse, Error> {
    let act = {
        let mut script = handler.0.lock().unwrap();
        script.bodies.push(body);
        script.acts.pop_front().unwrap_or(Act::Answer(200))
    };
    let mut response = HttpResponse::Ok().body("handler");
    match act {
        Act::Answer(status) => *response.status_mut() = StatusCode::from_u16(status).unwrap(),
        Act::Fail => return Err(ErrorBadGateway("the handler was told to fail")),
        Act::Panic => panic!("the handler was told to panic"),
        Act::Reject => {
            response.extensions_mut().insert(Reject::new("no such customer"));
        }
        Act::Sleep(pause) => actix_web::rt::time::sleep(pause).await,
        Act::Hang => pending().await,
        Act::Spin => loop {
            tokio::task::consume_budget().await;
        },
    }
    handler.0.lock().unwrap().finished += 1;
    Ok(response)
}

/// The handler at `/hook`, behind the middleware.
pub(crate) fn served(receiver: Receiver, handler: &Handler) -> SocketAddr {
    serve(hook(receiver, handler))
}

fn hook(receiver: Receiver, handler: &Handler) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    let (webhook, data) = (WebhookMiddleware::new(receiver), web::Data::new(handler.clone()));
    move |app| {
        let hook = web::resource("/hook").wrap(webhook.clone());
        app.app_data(data.clone()).service(hook.route(web::post().to(run)));
    }
}

#[actix_web::test]
async fn an_event_is_handled_once() {
    let handler = Handler::new([]);
    let address = served(receiver().build().unwrap(), &handler);
    let event = body("evt_1");
    // One connection carries them all: a request that was read to its end does not close it.
    let mut client = Client::connect(address).await;
    let first = client.send(&request(&event)).await;
    assert_eq!((first.status, first.body.as_str(), first.header("connection")), (200, "handler", None));
    for _ in 0..2 {
        let copy = client.send(&request(&event)).await;
        assert_eq!((copy.status, copy.body.as_str(), copy.header("x-webhook-duplicate")), (200, "", Some("1")));
        assert_eq!(copy.header("cache-control"), Some("no-store"));
    }
    let forged =
        request(&body("evt_2")).iter().map(|byte| if *byte == b'5' { b'6' } else { *byte }).collect::<Vec<_>>();
    let forged = client.send(&forged).await;
    assert_eq!((forged.status, forged.code().as_deref()), (401, Some("signature_mismatch")));
    assert_eq!(forged.header("content-type"), Some("application/problem+json"));
    assert_eq!(forged.header("connection"), None, "its body was read");
    assert_eq!(handler.bodies(), [event]);
}

#[actix_web::test]
async fn what_fails_is_handled_by_the_next_retry() {
    let cases = [
        (Act::Answer(500), 500, None),
        (Act::Answer(404), 404, None),
        (Act::Fail, 502, None),
        (Act::Answer(302), 500, Some("handler_failed")),
        (Act::Panic, 500, Some("handler_failed")),
    ];
    for (act, status, code) in cases {
        let handler = Handler::new([act]);
        let address = served(receiver().build().unwrap(), &handler);
        let event = request(&body("evt_1"));
        let failed = send(address, &event).await;
        assert_eq!((failed.status, failed.code().as_deref()), (status, code), "{act:?}");
        let retry = send(address, &event).await;
        assert_eq!((retry.status, retry.header("x-webhook-duplicate")), (200, None), "{act:?}");
        assert_eq!(send(address, &event).await.header("x-webhook-duplicate"), Some("1"), "{act:?}");
        assert_eq!(handler.runs(), 2, "{act:?}");
    }
}

#[actix_web::test]
async fn a_rejected_event_is_dead() {
    let handler = Handler::new([Act::Reject]);
    let address = served(receiver().build().unwrap(), &handler);
    for _ in 0..2 {
        let reply = send(address, &request(&body("evt_1"))).await;
        assert_eq!((reply.status, reply.code().as_deref()), (500, Some("handler_failed")));
    }
    assert_eq!(handler.runs(), 1);
}

#[actix_web::test]
async fn a_handler_that_uses_up_its_time_is_503() {
    let handler = Handler::new([Act::Hang, Act::Spin]);
    let address = served(receiver().handler_time(Duration::from_millis(100)).build().unwrap(), &handler);
    let event = request(&body("evt_1"));
    for _ in 0..2 {
        let reply = send(address, &event).await;
        assert_eq!((reply.status, reply.code().as_deref()), (503, Some("handler_failed")));
        assert_eq!(reply.header("retry-after"), Some("1"));
    }
    assert_eq!((send(address, &event).await.status, handler.runs()), (200, 3));
}

#[actix_web::test]
async fn t42_a_sender_that_hangs_up_does_not_cancel_the_handler() {
    // A server that serves no half-closed connection drops the request's future at once.
    for half_closed in [true, false] {
        let handler = Handler::new([Act::Sleep(Duration::from_millis(300))]);
        let address = serve_half_closed(half_closed, hook(receiver().build().unwrap(), &handler));
        let event = request(&body("evt_1"));
        let mut client = Client::connect(address).await;
        client.write(&event).await.unwrap();
        until(|| handler.runs() == 1).await;
        drop(client);
        until(|| handler.finished() == 1).await;
        let retry = send(address, &event).await;
        assert_eq!((retry.status, retry.header("x-webhook-duplicate")), (200, Some("1")), "{retry:?}");
        assert_eq!(handler.runs(), 1);
    }
}

#[actix_web::test]
async fn shutting_down_waits_for_the_handler_of_a_sender_that_hung_up() {
    let handler = Handler::new([Act::Sleep(Duration::from_millis(300))]);
    let receiver = receiver().build().unwrap();
    let address = served(receiver.clone(), &handler);
    let mut client = Client::connect(address).await;
    client.write(&request(&body("evt_1"))).await.unwrap();
    until(|| handler.runs() == 1).await;
    drop(client);
    receiver.shutdown(pending()).await;
    assert_eq!(handler.finished(), 1);
    let late = send(address, &request(&body("evt_2"))).await;
    assert_eq!((late.status, late.code().as_deref()), (503, Some("shutting_down")));
}

#[actix_web::test]
async fn a_handler_stopped_by_a_shutdown_is_answered() {
    let handler = Handler::new([Act::Hang]);
    let receiver = receiver().build().unwrap();
    let address = served(receiver.clone(), &handler);
    let mut client = Client::connect(address).await;
    client.write(&request(&body("evt_1"))).await.unwrap();
    until(|| handler.runs() == 1).await;
    receiver.shutdown(async {}).await;
    let reply = client.reply().await;
    assert_eq!((reply.status, reply.code().as_deref()), (503, Some("shutting_down")));
}

/// Middleware inside may answer with an error, whose response is made when somebody asks, and by some only once.
#[actix_web::test]
async fn an_error_from_inside_is_judged_by_its_response() {
    async fn fail(
        request: ServiceRequest,
        next: Next<impl MessageBody>,
    ) -> Result<ServiceResponse<impl MessageBody>, Error> {
        let Some(status) = request.headers().get("x-fail").map(|value| value.to_str().unwrap().parse().unwrap()) else {
            return next.call(request).await;
        };
        let mut response = HttpResponse::with_body(StatusCode::from_u16(status).unwrap(), "refused inside");
        if status == 410 {
            response.extensions_mut().insert(Reject::new("gone"));
        }
        Err(InternalError::from_response("told to", response.map_into_boxed_body()).into())
    }
    let handler = Handler::new([]);
    let (webhook, data) = (WebhookMiddleware::new(receiver().build().unwrap()), web::Data::new(handler.clone()));
    let address = serve(move |app| {
        // The last is the outermost.
        let hook = web::resource("/hook").wrap(from_fn(fail)).wrap(webhook.clone());
        app.app_data(data.clone()).service(hook.route(web::post().to(run)));
    });
    let with = |status: u16, event: &[u8]| {
        let lines = format!("x-fail: {status}\r\n{}", crate::event::signature(event));
        crate::event::request_to("/hook", &lines, event)
    };
    let event = body("evt_1");
    for status in [403, 503] {
        let reply = send(address, &with(status, &event)).await;
        assert_eq!((reply.status, reply.body.as_str()), (status, "refused inside"));
    }
    let reply = send(address, &with(303, &event)).await;
    assert_eq!((reply.status, reply.code().as_deref()), (500, Some("handler_failed")), "no sender follows it");
    assert_eq!((send(address, &request(&event)).await.body.as_str(), handler.runs()), ("handler", 1));

    let event = body("evt_2");
    let reply = send(address, &with(202, &event)).await;
    assert_eq!((reply.status, reply.body.as_str()), (202, "refused inside"));
    assert_eq!(send(address, &request(&event)).await.header("x-webhook-duplicate"), Some("1"));

    let event = body("evt_3");
    for request in [with(410, &event), request(&event)] {
        let reply = send(address, &request).await;
        assert_eq!((reply.status, reply.code().as_deref()), (500, Some("handler_failed")), "dead");
    }
    assert_eq!(handler.runs(), 1);
}

/// Polls until `condition` holds, for a while.
async fn until(condition: impl Fn() -> bool) {
    for _ in 0..500 {
        if condition() {
            return;
        }
        actix_web::rt::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the condition did not come true within 5 s");
}
