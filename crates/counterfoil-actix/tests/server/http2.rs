//! The same over HTTP/2.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use http::{HeaderMap, Request};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::event::{body, long_body, receiver, signature};
use crate::handler::{Handler, served};

const LIMIT: usize = 100_000;

async fn connect(address: SocketAddr) -> SendRequest<Bytes> {
    let (sender, connection) = h2::client::handshake(TcpStream::connect(address).await.unwrap()).await.unwrap();
    actix_web::rt::spawn(connection);
    sender
}

/// Sends a request with this much of a body, and says whether there is more to come.
async fn send(client: &SendRequest<Bytes>, lines: &str, body: &[u8], more: bool) -> (u16, HeaderMap, Bytes) {
    let mut request = Request::post("http://x/hook");
    for (name, value) in lines.lines().filter_map(|line| line.split_once(": ")) {
        request = request.header(name, value);
    }
    let mut client = client.clone().ready().await.unwrap();
    let (response, mut stream) = client.send_request(request.body(()).unwrap(), false).unwrap();
    stream.send_data(Bytes::copy_from_slice(body), !more).unwrap();
    let response = timeout(Duration::from_secs(10), response).await.unwrap().unwrap();
    let (parts, mut body) = response.into_parts();
    let mut read = Vec::new();
    while let Some(frame) = body.data().await {
        read.extend_from_slice(&frame.unwrap());
    }
    (parts.status.as_u16(), parts.headers, read.into())
}

#[actix_web::test]
async fn an_event_is_handled_once_over_http_2() {
    let handler = Handler::new([]);
    let address = served(receiver().body_limit(LIMIT).build().unwrap(), &handler);
    let client = connect(address).await;
    // More than one window of flow control: the frames are given back as they are read.
    let event = long_body("evt_1", LIMIT);
    let (status, _, reply) = send(&client, &signature(&event), &event, false).await;
    assert_eq!((status, &reply[..]), (200, &b"handler"[..]));
    let (status, headers, _) = send(&client, &signature(&event), &event, false).await;
    assert_eq!((status, &headers["x-webhook-duplicate"]), (200, &http::HeaderValue::from_static("1")));
    assert_eq!(handler.bodies(), [event]);
}

#[actix_web::test]
async fn what_is_refused_is_not_read_over_http_2() {
    let address = served(receiver().body_limit(LIMIT).build().unwrap(), &Handler::new([]));
    let client = connect(address).await;
    let large = vec![b' '; LIMIT + 1];
    for (lines, body, status) in [("", &b"{"[..], 401), (&signature(b"anything"), &large, 413)] {
        let (answered, headers, _) = send(&client, lines, body, true).await;
        assert_eq!((answered, headers.get("connection")), (status, None), "other streams go on");
    }
    let event = body("evt_1");
    assert_eq!(send(&client, &signature(&event), &event, false).await.0, 200, "on the same connection");
}
