//! tower-http's layers around the receiver's, and between it and the handler.

use std::convert::Infallible;
use std::io::Write as _;
use std::time::Duration;

use bytes::Bytes;
use counterfoil_tower::WebhookLayer;
use http::{HeaderName, Request, StatusCode};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use tower::{ServiceBuilder, ServiceExt};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::decompression::RequestDecompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::sensitive_headers::SetSensitiveRequestHeadersLayer;
use tower_http::timeout::{RequestBodyTimeoutLayer, TimeoutLayer};
use tower_http::trace::{DefaultMakeSpan, DefaultOnRequest, TraceLayer};
use tracing::Level;

use crate::handler::{
    Act, HANDLED, Handler, body, code, inner, memory, receiver, request, send, service, signed, until, whole,
};
use crate::log::Log;

fn layer() -> WebhookLayer {
    WebhookLayer::new(receiver(memory()).build().unwrap())
}

fn timeout(limit: Duration) -> TimeoutLayer {
    TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, limit)
}

/// A body of unknown length, in small frames.
fn chunked(body: &Bytes) -> UnsyncBoxBody<Bytes, Infallible> {
    let frames: Vec<Result<_, Infallible>> =
        body.chunks(16).map(|chunk| Ok(Frame::data(Bytes::copy_from_slice(chunk)))).collect();
    StreamBody::new(tokio_stream::iter(frames)).boxed_unsync()
}

/// An event that its sender compresses, and then signs as it goes out.
fn compressed() -> Request<Full<Bytes>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(&body("evt_1")).unwrap();
    let mut request = request(encoder.finish().unwrap().into());
    request.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
    request
}

#[tokio::test]
async fn trace_and_timeout_fit_outside_and_inside() {
    let patience = Duration::from_secs(5);
    let service = ServiceBuilder::new()
        .layer(TraceLayer::new_for_http())
        .layer(timeout(patience))
        .layer(layer())
        .layer(timeout(patience))
        .service(inner(&Handler::default()));
    assert_eq!(send(&whole(service), request(body("evt_1"))).await.status(), 200);
}

#[tokio::test]
async fn a_timeout_outside_drops_the_response_and_one_inside_the_handler() {
    let event = body("evt_1");
    let limit = timeout(Duration::from_millis(50));

    let (receiver, handler) = (receiver(memory()).build().unwrap(), Handler::new([Act::Sleep(Duration::from_secs(1))]));
    let patient = service(receiver.clone(), &handler);
    let outside = ServiceBuilder::new().layer(limit).layer(WebhookLayer::new(receiver)).service(inner(&handler));
    assert_eq!(send(&whole(outside), request(event.clone())).await.status(), 504);
    until(|| handler.finished() == 1).await;
    let retry = send(&patient, request(event.clone())).await;
    assert_eq!((retry.headers()["x-webhook-duplicate"].as_bytes(), handler.runs()), (&b"1"[..], 1));

    let handler = Handler::new([Act::Sleep(Duration::from_secs(60))]);
    let inside = whole(ServiceBuilder::new().layer(layer()).layer(limit).service(inner(&handler)));
    assert_eq!(send(&inside, request(event.clone())).await.status(), 504);
    let retry = send(&inside, request(event)).await;
    assert_eq!((retry.body().as_ref(), handler.runs(), handler.finished()), (HANDLED.as_bytes(), 2, 1));
}

#[tokio::test]
async fn t47_a_body_limit_outside_is_413() {
    let event = body("evt_1");
    let handler = Handler::default();
    let limit = RequestBodyLimitLayer::new(event.len() - 1);
    let service = ServiceBuilder::new().layer(limit).layer(layer()).service(inner(&handler));
    let mut request = Request::post("/").body(chunked(&event)).unwrap();
    *request.headers_mut() = signed(&event);
    assert_eq!((service.oneshot(request).await.unwrap().status().as_u16(), handler.runs()), (413, 0));
}

#[tokio::test]
async fn a_body_limit_inside_gives_the_event_back() {
    let event = body("evt_1");
    let mut sent = request(event.clone());
    sent.headers_mut().insert("content-length", event.len().into());
    let handler = Handler::default();
    let limit = RequestBodyLimitLayer::new(event.len() - 1);
    let service = whole(ServiceBuilder::new().layer(layer()).layer(limit).service(inner(&handler)));
    for _ in 0..2 {
        let response = send(&service, sent.clone()).await;
        assert_eq!((response.status().as_u16(), code(&response), handler.runs()), (413, None, 0));
    }
}

#[tokio::test]
async fn a_body_timeout_outside_is_408() {
    let limit = RequestBodyTimeoutLayer::new(Duration::from_millis(30));
    let service = ServiceBuilder::new().layer(limit).layer(layer()).service(inner(&Handler::default()));
    let frames = tokio_stream::pending::<Result<Frame<Bytes>, Infallible>>();
    let mut request = Request::post("/").body(StreamBody::new(frames)).unwrap();
    *request.headers_mut() = signed(b"{}");
    assert_eq!(service.oneshot(request).await.unwrap().status(), 408);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_400() {
    let frames = vec![Ok(Frame::data(Bytes::from_static(b"{"))), Err("the peer went away")];
    let body = StreamBody::new(tokio_stream::iter(frames));
    let mut request = Request::post("/").body(body).unwrap();
    *request.headers_mut() = signed(b"{}");
    let service = ServiceBuilder::new().layer(layer()).service(inner(&Handler::default()));
    assert_eq!(service.oneshot(request).await.unwrap().status(), 400);
}

/// Senders sign the bytes on the wire. A layer that decompresses before us hands on others.
#[tokio::test]
async fn decompression_outside_breaks_the_signature() {
    let decompression = RequestDecompressionLayer::new();
    let service = ServiceBuilder::new().layer(decompression).layer(layer()).service(inner(&Handler::default()));
    let response = send(&whole(service.clone()), compressed()).await;
    assert_eq!((response.status().as_u16(), code(&response).as_deref()), (401, Some("signature_mismatch")));
    assert_eq!(
        send(&whole(service), request(body("evt_1"))).await.status(),
        200,
        "what is not compressed is left alone"
    );
}

/// What is compressed is refused at the head, so a layer that decompresses behind us has nothing to do.
#[tokio::test]
async fn decompression_inside_is_never_reached() {
    let handler = Handler::default();
    let decompression = RequestDecompressionLayer::new();
    let service = whole(ServiceBuilder::new().layer(layer()).layer(decompression).service(inner(&handler)));
    let response = send(&service, compressed()).await;
    assert_eq!((response.status().as_u16(), code(&response).as_deref()), (415, Some("content_encoding")));
    let event = body("evt_1");
    assert_eq!(send(&service, request(event.clone())).await.status(), 200);
    assert_eq!(handler.bodies(), [event]);
}

#[tokio::test(flavor = "current_thread")]
async fn a_sensitive_signature_verifies_and_is_not_printed() {
    let signature = HeaderName::from_static("x-handl-signature");
    for sensitive in [false, true] {
        let log = Log::default();
        let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).with_ansi(false).finish();
        let _guard = tracing::subscriber::set_default(subscriber);
        let trace = TraceLayer::new_for_http()
            .make_span_with(DefaultMakeSpan::new().level(Level::INFO).include_headers(true))
            .on_request(DefaultOnRequest::new().level(Level::INFO));
        let service = ServiceBuilder::new()
            .option_layer(sensitive.then(|| SetSensitiveRequestHeadersLayer::new([signature.clone()])))
            .layer(trace)
            .layer(layer())
            .service(inner(&Handler::default()));
        let event = request(body("evt_1"));
        let tag = event.headers()[&signature].to_str().unwrap().to_owned();
        assert_eq!(send(&whole(service), event).await.status(), 200);
        let text = log.text();
        assert!(text.contains("started processing request"), "{text}");
        assert_eq!((text.contains(&tag), text.contains("Sensitive")), (!sensitive, sensitive), "{text}");
    }
}

#[tokio::test]
async fn a_panic_is_ours_before_a_catching_layer_outside_sees_it() {
    let service = ServiceBuilder::new().layer(CatchPanicLayer::new()).layer(layer());
    let service = whole(service.service(inner(&Handler::new([Act::Panic]))));
    let event = body("evt_1");
    let response = send(&service, request(event.clone())).await;
    assert_eq!((response.status().as_u16(), code(&response).as_deref()), (500, Some("handler_failed")));
    assert_eq!(send(&service, request(event)).await.body().as_ref(), HANDLED.as_bytes());
}

#[tokio::test]
async fn a_panic_that_a_layer_inside_catches_gives_the_event_back() {
    let service = ServiceBuilder::new().layer(layer()).layer(CatchPanicLayer::new());
    let service = whole(service.service(inner(&Handler::new([Act::Panic]))));
    let event = body("evt_1");
    let response = send(&service, request(event.clone())).await;
    assert_eq!((response.status().as_u16(), response.body().as_ref()), (500, &b"Service panicked"[..]));
    assert_eq!(send(&service, request(event)).await.body().as_ref(), HANDLED.as_bytes());
}
