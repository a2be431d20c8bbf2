//! axum's extractors behind the layer.

use std::time::Duration;

use ::axum::routing::post;
use ::axum::{Extension, Json, Router};
use bytes::Bytes;
use counterfoil::idempotency::Fence;
use counterfoil::payloads::handl::Order;
use counterfoil::receiver::Context;
use counterfoil_tower::{Delivery, Event, WebhookLayer};
use http::{Request, Response, Version};
use http_body_util::Full;

use crate::client::Client;
use crate::handler::{body, memory, receiver, signed};
use crate::servers::Server;
use crate::servers::axum::start;

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
    let server = start(app).await;
    // Larger than axum's own default limit of 2 MiB.
    let event = body("evt_1");
    let large = [&event[..], &vec![b' '; 3 * 1024 * 1024]].concat();
    let response = post_to(&server, "/", large.into()).await;
    assert_eq!(response.status(), 200);
    let seen: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
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
    let server = start(app).await;
    for (path, status) in [("/layered", 422), ("/bare", 500)] {
        assert_eq!(post_to(&server, path, body("evt_1")).await.status(), status, "{path}");
    }
}

async fn post_to(server: &Server, path: &str, body: Bytes) -> Response<Bytes> {
    let mut request = Request::post(path).body(Full::new(body.clone())).unwrap();
    *request.headers_mut() = signed(&body);
    Client::new(server.address, Version::HTTP_11).send(request).await
}
