//! The table through axum on a real socket, and the extractors.

use std::time::Duration;

use ::axum::extract::State;
use ::axum::routing::post;
use ::axum::{Extension, Json, Router};
use bytes::Bytes;
use counterfoil::idempotency::Fence;
use counterfoil::payloads::handl::Order;
use counterfoil::receiver::Context;
use counterfoil_tower::{Delivery, Event, WebhookLayer};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::handler::{Act, Handler, Sending, body, memory, receiver, signed, until};

/// Serves `app` on a free port of loopback.
async fn serve(app: Router) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { ::axum::serve(listener, app).await });
    address
}

fn app(receiver: counterfoil::Receiver, handler: Handler) -> Router {
    let run = async |State(handler): State<Handler>, request: ::axum::extract::Request| {
        handler.run(request).await.map(::axum::body::Body::new)
    };
    Router::new()
        .route("/webhooks/handl", post(run).put(run).get(run).layer(WebhookLayer::new(receiver)))
        .with_state(handler)
}

#[tokio::test]
async fn on_a_socket() {
    crate::table::run(async |receiver, handler| {
        let address = serve(app(receiver, handler)).await;
        let client = reqwest::Client::new();
        move |request: Request<Full<Bytes>>| -> Sending {
            let client = client.clone();
            Box::pin(async move {
                let (parts, body) = request.into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                let url = format!("http://{address}{}", parts.uri);
                let request = client.request(parts.method, url).headers(parts.headers).body(body);
                let response = request.send().await.unwrap();
                let mut answer = Response::new(Bytes::new());
                *answer.status_mut() = response.status();
                *answer.headers_mut() = response.headers().clone();
                *answer.body_mut() = response.bytes().await.unwrap();
                answer
            })
        }
    })
    .await;
}

#[tokio::test]
async fn extractors_read_the_verified_bytes() {
    async fn order(
        delivery: Delivery,
        Event(order): Event<Order>,
        Extension(fence): Extension<Fence>,
        Extension(context): Extension<Context>,
        raw: Bytes,
    ) -> Json<serde_json::Value> {
        assert_eq!(raw, delivery.body(), "the handler's own extractor sees the same bytes");
        assert_eq!(context.fence, Some(fence));
        let left = context.deadline.unwrap() - std::time::Instant::now();
        assert!(left <= Duration::from_secs(10) && left > Duration::from_secs(5), "{left:?}");
        Json(serde_json::json!({
            "order": order.id.as_str(), "total": order.total.unwrap().as_str(), "type": delivery.event_type(),
            "id": delivery.event_id().unwrap().as_str(), "key": delivery.key().to_string(), "attempt": fence.attempt,
        }))
    }
    let receiver = receiver(memory()).body_limit(8 * 1024 * 1024).build().unwrap();
    let app = Router::new().route("/", post(order).layer(WebhookLayer::new(receiver)));
    let address = serve(app).await;
    // Larger than axum's own default limit of 2 MiB.
    let event = body("evt_1");
    let large = [&event[..], &vec![b' '; 3 * 1024 * 1024]].concat();
    let request = reqwest::Client::new().post(format!("http://{address}/")).headers(signed(&large)).body(large);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    let seen: serde_json::Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
    assert_eq!(seen["order"], "ord_evt_1");
    assert_eq!(seen["total"], "850000");
    assert_eq!(seen["type"], "order.created");
    assert_eq!(seen["id"], "evt_1");
    assert_eq!(seen["attempt"], 1);
}

#[tokio::test]
async fn data_of_another_shape_is_422_and_a_missing_layer_is_500() {
    #[derive(serde::Deserialize)]
    struct Other {
        #[expect(dead_code, reason = "only its absence matters")]
        absent: String,
    }
    let handler = post(async |_: Event<Other>| "handled");
    let layered = handler.clone().layer(WebhookLayer::new(receiver(memory()).build().unwrap()));
    let app = Router::new().route("/layered", layered).route("/bare", handler);
    let address = serve(app).await;
    for (path, status) in [("layered", 422), ("bare", 500)] {
        let event = body("evt_1");
        let request =
            reqwest::Client::new().post(format!("http://{address}/{path}")).headers(signed(&event)).body(event);
        assert_eq!(request.send().await.unwrap().status(), status, "{path}");
    }
}

#[tokio::test]
async fn t42_a_sender_that_hangs_up_does_not_cancel_the_handler() {
    let handler = Handler::new([Act::Sleep(Duration::from_millis(300))]);
    let address = serve(app(receiver(memory()).build().unwrap(), handler.clone())).await;
    let event = body("evt_1");
    let mut socket = TcpStream::connect(address).await.unwrap();
    let signature = signed(&event)["x-handl-signature"].to_str().unwrap().to_owned();
    let head = format!(
        "POST /webhooks/handl HTTP/1.1\r\nhost: x\r\nx-handl-signature: {signature}\r\ncontent-length: {}\r\n\r\n",
        event.len()
    );
    socket.write_all(&[head.as_bytes(), &event].concat()).await.unwrap();
    until(|| handler.runs() == 1).await;
    drop(socket);
    until(|| handler.finished() == 1).await;

    let request =
        reqwest::Client::new().post(format!("http://{address}/webhooks/handl")).headers(signed(&event)).body(event);
    let response = request.send().await.unwrap();
    assert_eq!((response.status().as_u16(), handler.runs()), (200, 1), "the retry is a duplicate");
    assert!(response.headers().contains_key("x-webhook-duplicate"));
}

#[tokio::test]
async fn t11_an_endless_body_without_a_signature_is_refused_at_the_head() {
    let address = serve(app(receiver(memory()).build().unwrap(), Handler::default())).await;
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(b"POST /webhooks/handl HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n").await.unwrap();
    // No body byte is ever sent, and the answer comes all the same.
    let mut answer = vec![0; 1024];
    let read = tokio::time::timeout(Duration::from_secs(5), socket.read(&mut answer)).await.unwrap().unwrap();
    let answer = String::from_utf8_lossy(&answer[..read]).to_ascii_lowercase();
    assert!(answer.starts_with("http/1.1 401"), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
}

#[tokio::test]
async fn t13_forwarding_headers_change_nothing() {
    let address = serve(app(receiver(memory()).build().unwrap(), Handler::default())).await;
    let event = body("evt_1");
    let request = reqwest::Client::new().post(format!("http://{address}/webhooks/handl")).body(event);
    let request = request
        .header("x-forwarded-for", "127.0.0.1")
        .header("x-real-ip", "127.0.0.1")
        .header("forwarded", "for=127.0.0.1");
    assert_eq!(request.send().await.unwrap().status(), 401);
}
