//! What the layer owes to tower: readiness, zero polls of a refused body, and handlers that nobody cancels.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use counterfoil::{Receiver, Secret, senders};
use counterfoil_tower::{VerifiedBody, WebhookLayer};
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use tower::limit::ConcurrencyLimitLayer;
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};

use crate::handler::{Act, Handler, SECRET, body, code, memory, receiver, request, send, service, signed, until};

/// A body that counts how often it is polled, and never ends.
struct Endless(Arc<AtomicUsize>);

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b' '; 1024])))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

async fn post_endless(
    headers: impl FnOnce(&mut http::HeaderMap),
) -> (Response<counterfoil_tower::ResponseBody<Full<Bytes>>>, usize) {
    let polls = Arc::new(AtomicUsize::new(0));
    let mut request = Request::post("/").body(Endless(polls.clone())).unwrap();
    headers(request.headers_mut());
    let handler = service_fn(|_: Request<VerifiedBody>| async { Ok::<_, Infallible>(Response::new(Full::default())) });
    let layer = WebhookLayer::new(receiver(memory()).body_limit(10_000).build().unwrap());
    let response = layer.layer(handler).oneshot(request).await.unwrap();
    (response, polls.load(Ordering::Relaxed))
}

#[tokio::test]
async fn t11_t46_what_the_head_refuses_is_never_polled() {
    let signature = signed(b"anything").remove("x-handl-signature").unwrap();
    for (name, value, status) in [
        ("x-other", "1", 401),
        ("x-handl-signature", "", 401),
        ("content-encoding", "gzip", 415),
        ("content-length", "10001", 413),
        ("content-length", "18446744073709551615", 413),
    ] {
        let (response, polls) = post_endless(|headers| {
            if status != 401 {
                headers.insert("x-handl-signature", signature.clone());
            }
            headers.insert(name, value.parse().unwrap());
        })
        .await;
        assert_eq!((response.status().as_u16(), polls), (status, 0), "{name}: {value}");
        assert_eq!(response.headers()["connection"], "close", "{name}: the rest of the body is never read");
    }
}

#[tokio::test]
async fn t11_a_signed_head_does_not_open_the_door_to_an_endless_body() {
    let signature = signed(b"anything").remove("x-handl-signature").unwrap();
    let (response, polls) = post_endless(|headers| {
        headers.insert("x-handl-signature", signature);
    })
    .await;
    assert_eq!((response.status().as_u16(), polls), (413, 10), "limits count bytes, and stop at the first too many");
}

#[tokio::test]
async fn a_body_that_stalls_is_408() {
    struct Stalled;
    impl Body for Stalled {
        type Data = Bytes;
        type Error = Infallible;
        fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Pending
        }
    }
    let mut request = Request::post("/").body(Stalled).unwrap();
    *request.headers_mut() = signed(b"{}");
    let receiver = receiver(memory()).body_timeout(Duration::from_millis(50)).build().unwrap();
    let handler =
        service_fn(|_: Request<VerifiedBody>| async { Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())) });
    let response = WebhookLayer::new(receiver).layer(handler).oneshot(request).await.unwrap();
    assert_eq!(response.status(), 408);
}

/// Each of its frames is there at once, and none has a byte.
#[tokio::test]
async fn a_body_of_endless_empty_frames_is_408() {
    struct Hollow;
    impl Body for Hollow {
        type Data = Bytes;
        type Error = Infallible;
        fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Ready(Some(Ok(Frame::data(Bytes::new()))))
        }
    }
    let mut request = Request::post("/").body(Hollow).unwrap();
    *request.headers_mut() = signed(b"{}");
    let receiver = receiver(memory()).body_timeout(Duration::from_millis(50)).build().unwrap();
    let handler =
        service_fn(|_: Request<VerifiedBody>| async { Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())) });
    let response = WebhookLayer::new(receiver).layer(handler).oneshot(request).await.unwrap();
    assert_eq!(response.status(), 408);
}

#[tokio::test]
async fn frames_make_one_body() {
    let event = body("evt_1");
    for size in [1, 7, 64, event.len()] {
        let handler = Handler::default();
        let frames: Vec<Result<_, Infallible>> =
            event.chunks(size).map(|chunk| Ok(Frame::data(Bytes::copy_from_slice(chunk)))).collect();
        let stream = http_body_util::StreamBody::new(tokio_stream::iter(frames));
        let mut request = Request::post("/").body(stream).unwrap();
        *request.headers_mut() = signed(&event);
        let run = handler.clone();
        let inner = service_fn(move |request: Request<VerifiedBody>| {
            let handler = run.clone();
            async move { Ok::<_, Infallible>(handler.run(request).await) }
        });
        let layer = WebhookLayer::new(receiver(memory()).build().unwrap());
        assert_eq!(layer.layer(inner).oneshot(request).await.unwrap().status(), 200, "frames of {size}");
        assert_eq!(handler.bodies(), std::slice::from_ref(&event));
    }
}

/// Panics when it is called without having been polled ready, and so finds a layer that calls a clone.
#[derive(Default)]
struct Probe {
    ready: bool,
}

impl Clone for Probe {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Service<Request<VerifiedBody>> for Probe {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<VerifiedBody>) -> Self::Future {
        assert!(std::mem::take(&mut self.ready), "called without being ready");
        std::future::ready(Ok(Response::new(Full::default())))
    }
}

#[tokio::test]
async fn the_ready_service_is_the_one_that_is_called() {
    let mut service = WebhookLayer::new(receiver(memory()).build().unwrap()).layer(Probe::default());
    for id in ["evt_1", "evt_2"] {
        let response = ServiceExt::<Request<Full<Bytes>>>::ready(&mut service)
            .await
            .unwrap()
            .call(request(body(id)))
            .await
            .unwrap();
        assert_eq!(response.status(), 200);
    }
}

#[tokio::test]
async fn an_inner_concurrency_limit_holds() {
    let handler = Handler::new([Act::Sleep(Duration::from_millis(100)), Act::Sleep(Duration::from_millis(100))]);
    let run = handler.clone();
    let inner = service_fn(move |request: Request<VerifiedBody>| {
        let handler = run.clone();
        async move { Ok::<_, Infallible>(handler.run(request).await) }
    });
    let mut service = ServiceBuilder::new()
        .layer(WebhookLayer::new(receiver(memory()).build().unwrap()))
        .layer(ConcurrencyLimitLayer::new(1))
        .service(inner);
    let first = tokio::spawn(
        ServiceExt::<Request<Full<Bytes>>>::ready(&mut service).await.unwrap().call(request(body("evt_1"))),
    );
    assert!(
        tokio::time::timeout(Duration::from_millis(30), ServiceExt::<Request<Full<Bytes>>>::ready(&mut service))
            .await
            .is_err(),
        "the only slot is taken"
    );
    assert_eq!(first.await.unwrap().unwrap().status(), 200);
    assert_eq!(
        ServiceExt::<Request<Full<Bytes>>>::ready(&mut service)
            .await
            .unwrap()
            .call(request(body("evt_2")))
            .await
            .unwrap()
            .status(),
        200
    );
}

#[tokio::test]
async fn t42_dropping_the_response_future_at_any_poll_leaves_no_claim_behind() {
    for polls in 0..6 {
        let handler = Handler::new([Act::Sleep(Duration::from_millis(20))]);
        let service = service(receiver(memory()).build().unwrap(), &handler);
        let event = body("evt_1");
        let mut future = Box::pin(service.clone().oneshot(request(event.clone())));
        for _ in 0..polls {
            let _ = futures_poll(&mut future).await;
            tokio::task::yield_now().await;
        }
        drop(future);
        let response = send(&service, request(event)).await;
        assert_eq!(response.status(), 200, "after {polls} polls");
        assert_eq!((handler.runs(), handler.finished()), (1, 1), "after {polls} polls");
    }
}

async fn futures_poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut *future).poll(cx))).await
}

#[tokio::test]
async fn without_a_store_every_verified_delivery_is_handled_and_the_answers_are_the_same() {
    let handler = Handler::new([
        Act::Answer(200),
        Act::Answer(500),
        Act::Answer(200),
        Act::Answer(302),
        Act::Panic,
        Act::Reject("no such customer"),
    ]);
    let receiver = Receiver::builder(senders::HANDL).secret(Secret::new(SECRET).unwrap()).build().unwrap();
    let service = service(receiver, &handler);
    let event = body("evt_1");
    for status in [200, 500, 200] {
        assert_eq!(send(&service, request(event.clone())).await.status(), status);
    }
    for _ in 0..3 {
        let response = send(&service, request(event.clone())).await;
        assert_eq!((response.status().as_u16(), code(&response).as_deref()), (500, Some("handler_failed")));
    }
    assert_eq!(handler.runs(), 6);
    let mut unsigned = request(event);
    unsigned.headers_mut().clear();
    assert_eq!(code(&send(&service, unsigned).await).as_deref(), Some("signature_missing"));
    assert_eq!(handler.runs(), 6);
}

#[tokio::test]
async fn shutdown_finishes_what_runs_and_refuses_the_rest() {
    let handler = Handler::new([Act::Sleep(Duration::from_millis(200)), Act::Sleep(Duration::from_secs(60))]);
    let receiver = receiver(memory()).build().unwrap();
    let service = service(receiver.clone(), &handler);
    let quick = tokio::spawn({
        let service = service.clone();
        async move { send(&service, request(body("evt_1"))).await }
    });
    until(|| handler.runs() == 1).await;
    let slow_body = body("evt_2");
    let slow = tokio::spawn({
        let (service, event) = (service.clone(), slow_body.clone());
        async move { send(&service, request(event)).await }
    });
    until(|| handler.runs() == 2).await;
    assert_eq!(receiver.health().await.running, 2);

    let closing = tokio::spawn({
        let receiver = receiver.clone();
        async move { receiver.shutdown(tokio::time::sleep(Duration::from_millis(600))).await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!receiver.health().await.is_ready());
    let late = send(&service, request(body("evt_3"))).await;
    assert_eq!((late.status().as_u16(), code(&late).as_deref()), (503, Some("shutting_down")));
    assert!(late.headers().contains_key("retry-after"));

    assert_eq!(quick.await.unwrap().status(), 200, "within the grace it finishes");
    let stopped = slow.await.unwrap();
    assert_eq!((stopped.status().as_u16(), code(&stopped).as_deref()), (503, Some("shutting_down")));
    closing.await.unwrap();
    assert_eq!(receiver.health().await.running, 0);
    assert_eq!((handler.runs(), handler.finished()), (2, 1));
}
