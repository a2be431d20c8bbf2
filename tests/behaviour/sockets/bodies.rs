//! What becomes of bodies.

use std::collections::HashSet;
use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use counterfoil::receiver::DEFAULT_BODY_LIMIT;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Version};
use http_body::{Body, Frame};
use http_body_util::{BodyStream, Full, StreamBody};
use hyper_util::client::legacy::connect::HttpInfo;
use tokio_stream::StreamExt as _;

use super::Place;
use crate::differences;
use crate::handler::{Act, body, request, signed};
use crate::servers::Host;
use crate::setup::Setup;

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

/// All but the last byte, and that one later.
fn late(
    headers: HeaderMap,
    mut bytes: Bytes,
    by: Duration,
) -> Request<impl Body<Data = Bytes, Error = Infallible> + use<>> {
    let last = bytes.split_off(bytes.len() - 1);
    let end = tokio_stream::once(last).then(move |last| async move {
        tokio::time::sleep(by).await;
        Ok(Frame::data(last))
    });
    framed(headers, &bytes).map(|begin| StreamBody::new(BodyStream::new(begin).chain(end)))
}

async fn plain(host: &Host, version: Version) -> Place {
    Place::new(host, version, Setup::handl(), Act::Answer(200)).await
}

pub(super) async fn t11_an_endless_body_without_a_signature_is_refused_at_the_head(host: &Host, version: Version) {
    if !differences::sees_bodies_arrive(host.stack) {
        return;
    }
    let place = plain(host, version).await;
    // No body byte is ever sent, and the answer comes all the same.
    let response = place.client.send(endless(HeaderMap::new(), b"")).await;
    place.assert_unread(&response, 401, "signature_missing", 0).await;
}

pub(super) async fn t47_a_body_of_unknown_length_is_counted(host: &Host, version: Version) {
    const LIMIT: usize = 4096;
    if !differences::sees_bodies_arrive(host.stack) {
        return;
    }
    let setup = Setup { body_limit: Some(LIMIT), ..Setup::handl() };
    let place = Place::new(host, version, setup, Act::Answer(200)).await;
    let over = vec![b' '; differences::bytes_at_once(host.stack).unwrap_or(LIMIT + 1)];
    let response = place.client.send(endless(signed(&over), &over)).await;
    place.assert_unread(&response, 413, "body_too_large", 0).await;
}

pub(super) async fn a_body_that_stalls_is_408(host: &Host, version: Version) {
    const LIMIT: Duration = Duration::from_millis(100);
    if !differences::sees_bodies_arrive(host.stack) {
        return;
    }
    let setup = Setup { body_timeout: Some(LIMIT), ..Setup::handl() };
    let place = Place::new(host, version, setup, Act::Answer(200)).await;
    let event = body("evt_1");
    let headers = signed(&event);
    let response = match differences::bytes_at_once(host.stack) {
        None => place.client.send(endless(headers, &event)).await,
        Some(_) => place.client.send(late(headers, event, 3 * LIMIT)).await,
    };
    place.assert_unread(&response, 408, "body_timeout", 0).await;
}

pub(super) async fn frames_make_one_body(host: &Host, version: Version) {
    let place = plain(host, version).await;
    let event = body("evt_1");
    assert_eq!(place.client.send(framed(signed(&event), &event)).await.status(), 200, "{}", place.at);
    assert_eq!(place.served.bodies().await, [event], "{}", place.at);
}

pub(super) async fn trailers_are_no_part_of_a_body(host: &Host, version: Version) {
    let place = plain(host, version).await;
    let event = body("evt_1");
    let trailers = HeaderMap::from_iter([(HeaderName::from_static("x-after"), HeaderValue::from_static("1"))]);
    let end = tokio_stream::once(Ok(Frame::trailers(trailers)));
    let mut sent = framed(signed(&event), &event).map(|body| StreamBody::new(BodyStream::new(body).chain(end)));
    sent.headers_mut().insert("trailer", HeaderValue::from_static("x-after"));
    assert_eq!(place.client.send(sent).await.status(), 200, "{}", place.at);
    assert_eq!(place.served.bodies().await, [event], "{}", place.at);
}

/// As large as the receiver takes them, and many times what HTTP/2 lets through at a time.
pub(super) async fn a_large_body_arrives_whole(host: &Host, version: Version) {
    let place = plain(host, version).await;
    let mut event = body("evt_1").to_vec();
    event.resize(DEFAULT_BODY_LIMIT, b' ');
    assert_eq!(place.client.send(request(event.clone().into())).await.status(), 200, "{}", place.at);
    assert_eq!(place.served.bodies().await, [event], "{}", place.at);
}

/// What is refused stays unread, and must not use up the connection that others share.
pub(super) async fn refused_bodies_leave_an_http_2_connection_as_it_was(host: &Host, version: Version) {
    if version != Version::HTTP_2 || !differences::can_leave_bodies_unread(host.stack, version) {
        return;
    }
    let place = plain(host, version).await;
    let large = Bytes::from(vec![b' '; 100_000]);
    for _ in 0..30 {
        let unsigned = Request::post("/webhooks/handl").body(Full::new(large.clone())).unwrap();
        place.assert_unread(&place.client.send(unsigned).await, 401, "signature_missing", 0).await;
    }
    let event = [&body("evt_1")[..], &large].concat();
    assert_eq!(place.client.send(request(event.into())).await.status(), 200, "{}", place.at);
}

pub(super) async fn a_connection_carries_one_delivery_after_the_other(host: &Host, version: Version) {
    let place = plain(host, version).await;
    let mut ports = HashSet::new();
    for (id, runs) in [("evt_1", 1), ("evt_2", 2), ("evt_1", 2)] {
        let response = place.client.send(request(body(id))).await;
        assert_eq!((response.status().as_u16(), place.served.runs().await), (200, runs), "{}", place.at);
        ports.insert(response.extensions().get::<HttpInfo>().unwrap().local_addr());
    }
    assert_eq!(ports.len(), 1, "{}", place.at);
}

pub(super) async fn t13_forwarding_headers_change_nothing(host: &Host, version: Version) {
    if !differences::can_leave_bodies_unread(host.stack, version) {
        return;
    }
    let place = plain(host, version).await;
    let mut request = Request::post("/webhooks/handl").body(Full::new(body("evt_1"))).unwrap();
    for (name, value) in [("x-forwarded-for", "127.0.0.1"), ("x-real-ip", "127.0.0.1"), ("forwarded", "for=127.0.0.1")]
    {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    assert_eq!(place.client.send(request).await.status(), 401, "{}", place.at);
}
