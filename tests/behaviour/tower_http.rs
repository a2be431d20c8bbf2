//! The layer between the layers that people put around it.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use counterfoil_tower::{VerifiedBody, WebhookLayer};
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use tower::{ServiceBuilder, ServiceExt, service_fn};
use tower_http::decompression::RequestDecompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::{RequestBodyTimeoutLayer, TimeoutLayer};
use tower_http::trace::TraceLayer;

use crate::handler::{Handler, body, memory, receiver, request, signed};

async fn handle<B: http_body::Body<Data = Bytes>>(request: Request<B>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Handler::default().run(request).await)
}

fn layer() -> WebhookLayer {
    WebhookLayer::new(receiver(memory()).build().unwrap())
}

/// A body of unknown length, in small frames.
fn chunked(body: &Bytes) -> http_body_util::combinators::UnsyncBoxBody<Bytes, Infallible> {
    let frames: Vec<Result<_, Infallible>> =
        body.chunks(16).map(|chunk| Ok(Frame::data(Bytes::copy_from_slice(chunk)))).collect();
    StreamBody::new(tokio_stream::iter(frames)).boxed_unsync()
}

#[tokio::test]
async fn trace_and_timeout_fit_outside_and_inside() {
    let service = ServiceBuilder::new()
        .layer(TraceLayer::new_for_http())
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, Duration::from_secs(5)))
        .layer(layer())
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, Duration::from_secs(5)))
        .service(service_fn(handle::<VerifiedBody>));
    assert_eq!(service.oneshot(request(body("evt_1"))).await.unwrap().status(), 200);
}

#[tokio::test]
async fn t47_a_body_limit_outside_is_413() {
    let event = body("evt_1");
    let service = ServiceBuilder::new()
        .layer(RequestBodyLimitLayer::new(event.len() - 1))
        .layer(layer())
        .service(service_fn(handle::<VerifiedBody>));
    let mut request = Request::post("/").body(chunked(&event)).unwrap();
    *request.headers_mut() = signed(&event);
    assert_eq!(service.oneshot(request).await.unwrap().status(), 413);
}

#[tokio::test]
async fn a_body_timeout_outside_is_408() {
    let service = ServiceBuilder::new()
        .layer(RequestBodyTimeoutLayer::new(Duration::from_millis(30)))
        .layer(layer())
        .service(service_fn(handle::<VerifiedBody>));
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
    let service = ServiceBuilder::new().layer(layer()).service(service_fn(handle::<VerifiedBody>));
    assert_eq!(service.oneshot(request).await.unwrap().status(), 400);
}

/// Senders sign the bytes on the wire. A layer that decompresses before us hands on others.
#[tokio::test]
async fn decompression_outside_breaks_the_signature() {
    use std::io::Write;
    let event = body("evt_1");
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(&event).unwrap();
    let wire = Bytes::from(encoder.finish().unwrap());
    let mut request = Request::post("/").body(Full::<Bytes>::new(wire.clone())).unwrap();
    *request.headers_mut() = signed(&wire);
    request.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
    let service = ServiceBuilder::new()
        .layer(RequestDecompressionLayer::new())
        .layer(layer())
        .service(service_fn(handle::<VerifiedBody>));
    assert_eq!(service.oneshot(request).await.unwrap().status(), 401);
}
