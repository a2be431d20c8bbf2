//! Bodies that come slowly or never end, senders that hang up, and copies that meet: on every framework, over HTTP/1.1
//! and over HTTP/2.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use counterfoil::Receiver;
use counterfoil::receiver::{DEFAULT_BODY_LIMIT, ReceiverBuilder};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Version};
use http_body::{Body, Frame};
use http_body_util::{BodyStream, Full, StreamBody};
use tokio_stream::StreamExt as _;

use crate::client::{Client, VERSIONS};
use crate::handler::{Act, Handler, body, code, memory, receiver, request, signed, until};
use crate::servers::{Server, Stack};

/// One framework over one version of HTTP.
struct Place {
    client: Client,
    receiver: Receiver,
    handler: Handler,
    at: String,
    version: Version,
    _server: Server,
}

/// Every framework over every version, each with a receiver and a handler of its own.
async fn everywhere(act: Act, configure: impl Fn(ReceiverBuilder) -> ReceiverBuilder) -> Vec<Place> {
    let mut places = Vec::new();
    for (stack, version) in Stack::ALL.into_iter().flat_map(|stack| VERSIONS.map(|version| (stack, version))) {
        let handler = Handler::new([act.clone()]);
        let receiver = configure(receiver(memory())).build().unwrap();
        let server = stack.serve(receiver.clone(), &handler).await;
        let client = Client::new(server.address, version);
        places.push(Place {
            client,
            receiver,
            handler,
            at: format!("{stack:?} over {version:?}"),
            version,
            _server: server,
        });
    }
    places
}

/// A POST of these bytes in frames of 64.
fn framed(headers: HeaderMap, bytes: &[u8]) -> Request<Frames> {
    let frames: Vec<_> = bytes.chunks(64).map(|chunk| Ok(Frame::data(Bytes::copy_from_slice(chunk)))).collect();
    let mut request = Request::post("/webhooks/handl").body(StreamBody::new(tokio_stream::iter(frames))).unwrap();
    *request.headers_mut() = headers;
    request
}

type Frames = StreamBody<tokio_stream::Iter<std::vec::IntoIter<Result<Frame<Bytes>, Infallible>>>>;

/// The same, and then nothing more, and no end.
fn endless(headers: HeaderMap, bytes: &[u8]) -> Request<impl Body<Data = Bytes, Error = Infallible> + use<>> {
    framed(headers, bytes).map(|begin| StreamBody::new(BodyStream::new(begin).chain(tokio_stream::pending())))
}

/// Refused, and the rest of the body left where it is.
fn assert_unread(place: &Place, response: &Response<Bytes>, status: u16, refusal: &str, runs: usize) {
    let at = &place.at;
    assert_eq!((response.status().as_u16(), code(response).as_deref()), (status, Some(refusal)), "{at}");
    let close = (place.version == Version::HTTP_11).then_some("close");
    assert_eq!(response.headers().get("connection").map(|value| value.to_str().unwrap()), close, "{at}");
    assert_eq!(place.handler.runs(), runs, "{at}");
}

#[tokio::test]
async fn t11_an_endless_body_without_a_signature_is_refused_at_the_head() {
    for place in everywhere(Act::Answer(200), |builder| builder).await {
        // No body byte is ever sent, and the answer comes all the same.
        let response = place.client.send(endless(HeaderMap::new(), b"")).await;
        assert_unread(&place, &response, 401, "signature_missing", 0);
    }
}

#[tokio::test]
async fn t47_a_body_of_unknown_length_is_counted() {
    const LIMIT: usize = 4096;
    for place in everywhere(Act::Answer(200), |builder| builder.body_limit(LIMIT)).await {
        let over = [b' '; LIMIT + 1];
        let response = place.client.send(endless(signed(&over), &over)).await;
        assert_unread(&place, &response, 413, "body_too_large", 0);
    }
}

#[tokio::test]
async fn a_body_that_stalls_is_408() {
    for place in everywhere(Act::Answer(200), |builder| builder.body_timeout(Duration::from_millis(100))).await {
        let event = body("evt_1");
        let response = place.client.send(endless(signed(&event), &event)).await;
        assert_unread(&place, &response, 408, "body_timeout", 0);
    }
}

#[tokio::test]
async fn frames_make_one_body() {
    for place in everywhere(Act::Answer(200), |builder| builder).await {
        let event = body("evt_1");
        assert_eq!(place.client.send(framed(signed(&event), &event)).await.status(), 200, "{}", place.at);
        assert_eq!(place.handler.bodies(), [event], "{}", place.at);
    }
}

#[tokio::test]
async fn trailers_are_no_part_of_a_body() {
    for place in everywhere(Act::Answer(200), |builder| builder).await {
        let event = body("evt_1");
        let trailers = HeaderMap::from_iter([(HeaderName::from_static("x-after"), HeaderValue::from_static("1"))]);
        let end = tokio_stream::once(Ok(Frame::trailers(trailers)));
        let mut sent = framed(signed(&event), &event).map(|body| StreamBody::new(BodyStream::new(body).chain(end)));
        sent.headers_mut().insert("trailer", HeaderValue::from_static("x-after"));
        assert_eq!(place.client.send(sent).await.status(), 200, "{}", place.at);
        assert_eq!(place.handler.bodies(), [event], "{}", place.at);
    }
}

/// As large as the receiver takes them, and many times what HTTP/2 lets through at a time.
#[tokio::test]
async fn a_large_body_arrives_whole() {
    for place in everywhere(Act::Answer(200), |builder| builder).await {
        let mut event = body("evt_1").to_vec();
        event.resize(DEFAULT_BODY_LIMIT, b' ');
        assert_eq!(place.client.send(request(event.clone().into())).await.status(), 200, "{}", place.at);
        assert_eq!(place.handler.bodies(), [event], "{}", place.at);
    }
}

/// What is refused stays unread, and must not use up the connection that others share.
#[tokio::test]
async fn refused_bodies_leave_an_http_2_connection_as_it_was() {
    let everywhere = everywhere(Act::Answer(200), |builder| builder).await;
    for place in everywhere.into_iter().filter(|place| place.version == Version::HTTP_2) {
        let large = Bytes::from(vec![b' '; 100_000]);
        for _ in 0..30 {
            let unsigned = Request::post("/webhooks/handl").body(Full::new(large.clone())).unwrap();
            assert_unread(&place, &place.client.send(unsigned).await, 401, "signature_missing", 0);
        }
        let event = [&body("evt_1")[..], &large].concat();
        assert_eq!(place.client.send(request(event.into())).await.status(), 200, "{}", place.at);
    }
}

#[tokio::test]
async fn t42_a_sender_that_hangs_up_does_not_cancel_the_handler() {
    for place in everywhere(Act::Sleep(Duration::from_millis(200)), |builder| builder).await {
        let event = body("evt_1");
        let (client, sent) = (place.client.clone(), request(event.clone()));
        let sending = tokio::spawn(async move { client.send(sent).await });
        until(|| place.handler.runs() == 1).await;
        // HTTP/1.1 closes the connection for it, HTTP/2 resets the stream.
        sending.abort();
        assert!(sending.await.unwrap_err().is_cancelled(), "{}", place.at);
        until(|| place.handler.finished() == 1).await;

        let retry = place.client.send(request(event)).await;
        assert_eq!((retry.status().as_u16(), place.handler.runs()), (200, 1), "{}", place.at);
        assert_eq!(retry.headers()["x-webhook-duplicate"], "1", "{}", place.at);
    }
}

#[tokio::test]
async fn copies_at_once_run_the_handler_once_and_all_get_200() {
    for place in everywhere(Act::Sleep(Duration::from_millis(100)), |builder| builder).await {
        let event = body("evt_1");
        let copies = (0..16).map(|_| {
            let (client, event) = (place.client.clone(), event.clone());
            tokio::spawn(async move { client.send(request(event)).await })
        });
        let mut duplicates = 0;
        for copy in copies.collect::<Vec<_>>() {
            let answer = copy.await.unwrap();
            assert_eq!(answer.status(), 200, "{}", place.at);
            duplicates += usize::from(answer.headers().contains_key("x-webhook-duplicate"));
        }
        assert_eq!((duplicates, place.handler.runs()), (15, 1), "{}", place.at);
    }
}

#[tokio::test]
async fn t40_a_copy_that_cannot_wait_is_503() {
    let configure = |builder: ReceiverBuilder| builder.in_flight_wait(Duration::ZERO);
    for place in everywhere(Act::Sleep(Duration::from_millis(200)), configure).await {
        let event = body("evt_1");
        let (client, sent) = (place.client.clone(), request(event.clone()));
        let first = tokio::spawn(async move { client.send(sent).await });
        until(|| place.handler.runs() == 1).await;
        let copy = place.client.send(request(event.clone())).await;
        assert_eq!((copy.status().as_u16(), code(&copy).as_deref()), (503, Some("in_flight")), "{}", place.at);
        assert!(copy.headers().contains_key("retry-after"), "{}", place.at);
        assert_eq!(first.await.unwrap().status(), 200, "{}", place.at);
        assert_eq!(place.client.send(request(event)).await.headers()["x-webhook-duplicate"], "1", "{}", place.at);
    }
}

#[tokio::test]
async fn shutting_down_finishes_what_runs_and_refuses_the_rest() {
    for place in everywhere(Act::Sleep(Duration::from_millis(200)), |builder| builder).await {
        let client = place.client.clone();
        let first = tokio::spawn(async move { client.send(request(body("evt_1"))).await });
        until(|| place.handler.runs() == 1).await;
        let receiver = place.receiver.clone();
        let closing = tokio::spawn(async move { receiver.shutdown(std::future::pending()).await });
        while place.receiver.health().await.is_ready() {
            tokio::task::yield_now().await;
        }
        assert_unread(&place, &place.client.send(request(body("evt_2"))).await, 503, "shutting_down", 1);
        assert_eq!(first.await.unwrap().status(), 200, "{}", place.at);
        closing.await.unwrap();
        assert_eq!(place.handler.finished(), 1, "{}", place.at);
    }
}

#[tokio::test]
async fn t13_forwarding_headers_change_nothing() {
    for place in everywhere(Act::Answer(200), |builder| builder).await {
        let mut request = Request::post("/webhooks/handl").body(Full::new(body("evt_1"))).unwrap();
        for (name, value) in
            [("x-forwarded-for", "127.0.0.1"), ("x-real-ip", "127.0.0.1"), ("forwarded", "for=127.0.0.1")]
        {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        assert_eq!(place.client.send(request).await.status(), 401, "{}", place.at);
    }
}
