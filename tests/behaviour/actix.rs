//! actix-web's own middleware around the receiver's, and what its settings do to the handler behind.

use std::io::{Read as _, Write as _};
use std::sync::{Arc, Mutex};

use actix_web::body::MessageBody;
use actix_web::dev::{Decompress, Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::CONTENT_ENCODING;
use actix_web::middleware::{Compress, Condition, DefaultHeaders, Logger, Next, NormalizePath, from_fn};
use actix_web::web::{self, Data, PayloadConfig, ServiceConfig};
use actix_web::{Error, HttpMessage, HttpResponse};
use bytes::Bytes;
use counterfoil::receiver::Answer;
use counterfoil::{Clock, Receiver, Secret, Signer, SystemClock, senders};
use counterfoil_actix::{Delivery, WebhookMiddleware};
use http::{Request, Version};
use http_body_util::Full;

use crate::client::Client;
use crate::handler::{Act, HANDLED, Handler, SECRET, body, code, memory, receiver, request};
use crate::servers::Server;
use crate::servers::actix::{run, start};

const PATH: &str = "/webhooks/handl";

fn webhook() -> WebhookMiddleware {
    WebhookMiddleware::new(receiver(memory()).build().unwrap())
}

/// Serves the handler as data, and whatever `configure` adds.
fn serve(handler: &Handler, configure: impl Fn(&mut ServiceConfig) + Clone + Send + 'static) -> (Server, Client) {
    let handler = Data::new(handler.clone());
    let server = start(move |app| configure(app.app_data(handler.clone())));
    let client = Client::new(server.address, Version::HTTP_11);
    (server, client)
}

fn compressed(body: &[u8]) -> Bytes {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap().into()
}

/// An event that its sender compresses, and then signs as it goes out.
fn compressed_event() -> Request<Full<Bytes>> {
    let mut request = request(compressed(&body("evt_1")));
    request.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
    request
}

/// Status, code and event of what middleware around has seen.
type Seen = Arc<Mutex<Vec<(u16, Option<&'static str>, Option<String>)>>>;

fn code_in(response: &HttpResponse<impl Sized>) -> Option<&'static str> {
    response.extensions().get::<Answer>().and_then(Answer::code).map(|code| code.code())
}

fn see<B>(seen: &Seen, response: &ServiceResponse<B>) {
    let extensions = response.request().extensions();
    let delivery = extensions.get::<counterfoil::Delivery>();
    let event = delivery.and_then(|delivery| delivery.event_id()).map(|id| id.as_str().to_owned());
    seen.lock().unwrap().push((response.status().as_u16(), code_in(response.response()), event));
}

async fn note<B: MessageBody>(seen: Seen, request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
    let outcome = next.call(request).await;
    match &outcome {
        Ok(response) => see(&seen, response),
        Err(error) => {
            let response = error.error_response();
            seen.lock().unwrap().push((response.status().as_u16(), code_in(&response), None));
        }
    }
    outcome
}

#[tokio::test]
async fn middleware_around_learns_what_became_of_a_request() {
    let (noted, logged) = (Seen::default(), Seen::default());
    let (webhook, note_here, log_here) = (webhook(), noted.clone(), logged.clone());
    let handler = Handler::new([Act::Answer(202), Act::Reject("no such customer"), Act::Panic]);
    let (_server, client) = serve(&handler, move |app| {
        let (seen, logged) = (note_here.clone(), log_here.clone());
        let log = Logger::new("%s %{OUTCOME}xo").custom_response_replace("OUTCOME", move |response| {
            see(&logged, response);
            String::new()
        });
        let hook = web::resource(PATH).wrap(webhook.clone());
        let hook = hook.wrap(from_fn(move |request: ServiceRequest, next: Next<_>| note(seen.clone(), request, next)));
        let hook = hook.wrap(DefaultHeaders::new().add(("x-around", "1"))).wrap(log);
        app.service(hook.to(run));
    });
    let event = request(body("evt_1"));
    let mut unsigned = event.clone();
    unsigned.headers_mut().clear();
    for sent in [event.clone(), event, unsigned, request(body("evt_2"))] {
        let response = client.send(sent).await;
        assert_eq!(response.headers()["x-around"], "1", "{response:?}");
    }
    // A handler that panics takes its request with it: what is left is an error, which actix-web's own leave alone.
    let response = client.send(request(body("evt_3"))).await;
    assert_eq!((response.status().as_u16(), response.headers().get("x-around")), (500, None));
    let expected = [
        (202, None, Some("evt_1".to_owned())),
        (200, None, None),
        (401, Some("signature_missing"), None),
        (500, Some("handler_failed"), Some("evt_2".to_owned())),
        (500, Some("handler_failed"), None),
    ];
    assert_eq!(*noted.lock().unwrap(), expected);
    assert_eq!(*logged.lock().unwrap(), expected[..4]);
}

#[tokio::test]
async fn compression_around_compresses_answers() {
    let webhook = webhook();
    let (_server, client) = serve(&Handler::default(), move |app| {
        app.service(web::resource(PATH).wrap(webhook.clone()).wrap(Compress::default()).to(run));
    });
    let mut event = request(body("evt_1"));
    event.headers_mut().insert("accept-encoding", "gzip".parse().unwrap());
    let mut forged = event.clone();
    forged.headers_mut().insert("x-handl-signature", "0".repeat(64).parse().unwrap());
    for (sent, status, text) in [
        (event.clone(), 200, HANDLED),
        (event, 200, ""),
        (forged, 401, r#"{"status":401,"code":"signature_mismatch"}"#),
    ] {
        let response = client.send(sent).await;
        assert_eq!(response.status(), status, "{text}");
        let encoding = response.headers().get("content-encoding").map(|value| value.to_str().unwrap());
        assert_eq!(encoding, (!text.is_empty()).then_some("gzip"), "{text}");
        let mut answer = String::new();
        if encoding.is_some() {
            flate2::read::GzDecoder::new(&response.body()[..]).read_to_string(&mut answer).unwrap();
        }
        assert_eq!(answer, text);
    }
}

/// It rewrites the path that arrives, and no sender signs that one.
#[tokio::test]
async fn a_normalized_path_changes_nothing() {
    let till = r#"
        [[sender]]
        name = "till"
        kind = "hmac"
        signature = { header = "X-Till-Signature", encoding = "hex" }
        signed = ["url", { literal = "." }, "body"]
        id = "/id"
    "#;
    let (till, url) = (senders::from_toml(till).unwrap().remove(0), "https://shop.example/webhooks//till/");
    let secret = || Secret::new(SECRET).unwrap();
    let receiver = Receiver::builder(till.clone()).secret(secret()).public_url(url).store(memory()).build().unwrap();
    let webhook = WebhookMiddleware::new(receiver);
    let (_server, client) = serve(&Handler::default(), move |app| {
        let hook = web::resource("/webhooks/till").wrap(webhook.clone()).to(run);
        app.service(web::scope("").wrap(NormalizePath::trim()).service(hook));
    });
    let body = br#"{"id":"evt_1"}"#;
    let signer = Signer::new(&till, &secret()).unwrap().with_public_url(url).unwrap();
    let mut sent = Request::post("/webhooks//till/").body(Full::from(&body[..])).unwrap();
    *sent.headers_mut() = signer.sign(body, SystemClock.now()).unwrap();
    assert_eq!(client.send(sent).await.status(), 200);
}

/// Whoever takes the delivery is never run without one.
#[tokio::test]
async fn a_condition_that_does_not_hold_fails_closed() {
    async fn verified(_: Delivery) -> HttpResponse {
        HttpResponse::Ok().finish()
    }
    for (enabled, signed, status) in [(true, true, 200), (true, false, 401), (false, true, 500), (false, false, 500)] {
        let webhook = webhook();
        let (_server, client) = serve(&Handler::default(), move |app| {
            app.service(web::resource(PATH).wrap(Condition::new(enabled, webhook.clone())).to(verified));
        });
        let mut sent = request(body("evt_1"));
        if !signed {
            sent.headers_mut().clear();
        }
        assert_eq!(client.send(sent).await.status(), status, "enabled: {enabled}, signed: {signed}");
    }
}

/// actix-web's extractors decompress. What they could is refused at the head.
#[tokio::test]
async fn decompression_in_extractors_is_never_reached() {
    async fn order(handler: Data<Handler>, order: web::Json<serde_json::Value>) -> HttpResponse {
        handler.perform(order.to_string().into()).await;
        HttpResponse::Ok().finish()
    }
    let (handler, webhook) = (Handler::default(), webhook());
    let (_server, client) = serve(&handler, move |app| {
        app.service(web::resource(PATH).wrap(webhook.clone()).to(order)).route("/bare", web::post().to(order));
    });
    let response = client.send(with_json(compressed_event(), PATH)).await;
    assert_eq!((response.status().as_u16(), code(&response).as_deref()), (415, Some("content_encoding")));
    assert_eq!(handler.runs(), 0);
    assert_eq!(client.send(with_json(compressed_event(), "/bare")).await.status(), 200, "they would");
    assert_eq!(client.send(with_json(request(body("evt_1")), PATH)).await.status(), 200);
}

fn with_json(mut request: Request<Full<Bytes>>, path: &'static str) -> Request<Full<Bytes>> {
    request.headers_mut().insert("content-type", "application/json".parse().unwrap());
    *request.uri_mut() = path.parse().unwrap();
    request
}

/// Senders sign the bytes on the wire. Middleware that decompresses before us hands on others.
#[tokio::test]
async fn decompression_outside_breaks_the_signature() {
    async fn decompress<B: MessageBody>(
        mut request: ServiceRequest,
        next: Next<B>,
    ) -> Result<ServiceResponse<B>, Error> {
        let payload = Decompress::from_headers(request.take_payload(), request.headers());
        request.set_payload(Payload::Stream { payload: Box::pin(payload) });
        request.headers_mut().remove(CONTENT_ENCODING);
        next.call(request).await
    }
    let webhook = webhook();
    let (_server, client) = serve(&Handler::default(), move |app| {
        app.service(web::resource(PATH).wrap(webhook.clone()).wrap(from_fn(decompress)).to(run));
    });
    let response = client.send(compressed_event()).await;
    assert_eq!((response.status().as_u16(), code(&response).as_deref()), (401, Some("signature_mismatch")));
    assert_eq!(client.send(request(body("evt_1"))).await.status(), 200, "what is not compressed is left alone");
}

/// What the application sets is raised to what the receiver has accepted, and what is set behind it holds.
#[tokio::test]
async fn a_payload_config_bounds_the_handler_where_it_is_inside() {
    let (handler, webhook) = (Handler::default(), webhook());
    let (_server, client) = serve(&handler, move |app| {
        let narrow = web::resource("/narrow").app_data(PayloadConfig::new(10)).to(run);
        let hooks = web::scope("/webhooks").wrap(webhook.clone()).service(narrow).route("/handl", web::post().to(run));
        app.app_data(PayloadConfig::new(10)).service(hooks);
    });
    let event = request(body("evt_1"));
    let mut narrow = event.clone();
    *narrow.uri_mut() = "/webhooks/narrow".parse().unwrap();
    let response = client.send(narrow).await;
    assert_eq!((response.status().as_u16(), code(&response), handler.runs()), (413, None, 0));
    assert_eq!(
        (client.send(event).await.body().as_ref(), handler.runs()),
        (HANDLED.as_bytes(), 1),
        "it was given back"
    );
}
