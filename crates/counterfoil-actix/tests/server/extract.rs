//! What the handler finds.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use actix_web::web::{self, Bytes, Data, FormConfig, JsonConfig, PayloadConfig, ReqData};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use counterfoil::idempotency::Fence;
use counterfoil::payloads::handl::Order;
use counterfoil::receiver::Context;
use counterfoil_actix::{Delivery, Event, WebhookMiddleware};
use serde_json::Value;

use crate::client::send;
use crate::event::{body, long_body, receiver, request, request_to, signature};
use crate::serve::serve;

#[actix_web::test]
async fn extractors_read_the_verified_bytes() {
    async fn order(
        request: HttpRequest,
        delivery: Delivery,
        Event(order): Event<Order>,
        fence: ReqData<Fence>,
        context: ReqData<Context>,
        raw: Bytes,
    ) -> HttpResponse {
        assert_eq!(raw, delivery.body(), "the handler's own extractor sees the same bytes");
        assert_eq!(context.fence, Some(*fence));
        let left = context.deadline.unwrap() - Instant::now();
        assert!(left <= Duration::from_secs(10) && left > Duration::from_secs(5), "{left:?}");
        assert!(request.extensions().get::<counterfoil::Delivery>().is_some());
        HttpResponse::Ok().json(serde_json::json!({
            "order": order.id.as_str(), "total": order.total.unwrap().as_str(), "type": delivery.event_type(),
            "id": delivery.event_id().unwrap().as_str(), "attempt": fence.attempt,
        }))
    }
    let webhook = WebhookMiddleware::new(receiver().build().unwrap());
    let address = serve(move |app| {
        app.service(web::resource("/hook").wrap(webhook.clone()).route(web::post().to(order)));
    });
    let reply = send(address, &request(&body("evt_1"))).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let seen: Value = serde_json::from_str(&reply.body).unwrap();
    let expected = serde_json::json!({
        "order": "ord_evt_1", "total": "850000", "type": "order.created", "id": "evt_1", "attempt": 1
    });
    assert_eq!(seen, expected);
}

/// Larger than any limit that actix-web's extractors have by themselves.
const LARGE: usize = 3 * 1024 * 1024;

#[actix_web::test]
async fn what_was_accepted_can_be_read_whatever_its_length() {
    async fn bytes(body: Bytes) -> String {
        body.len().to_string()
    }
    async fn text(body: String) -> String {
        body.len().to_string()
    }
    async fn json(web::Json(event): web::Json<Value>, Event(order): Event<Order>) -> String {
        assert_eq!(event["data"]["id"], order.id.as_str());
        LARGE.to_string()
    }
    async fn form(form: web::Form<HashMap<String, String>>) -> String {
        form.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>().to_string()
    }
    async fn payload(body: web::Payload) -> String {
        body.to_bytes().await.unwrap().len().to_string()
    }
    let webhook = WebhookMiddleware::new(receiver().body_limit(LARGE).build().unwrap());
    let address = serve(move |app| {
        // Routing inside needs the request to itself.
        let inside =
            web::scope("/inside").service(web::resource("/bytes").app_data(Data::new(())).route(web::post().to(bytes)));
        app.service(
            web::scope("/hooks")
                .wrap(webhook.clone())
                .service(inside)
                .route("/bytes", web::post().to(bytes))
                .route("/text", web::post().to(text))
                .route("/json", web::post().to(json))
                .route("/form", web::post().to(form))
                .route("/payload", web::post().to(payload)),
        );
    });
    for path in ["bytes", "text", "json", "form", "payload", "inside/bytes"] {
        let event = long_body(path, LARGE);
        let kind = if path == "form" { "application/x-www-form-urlencoded" } else { "application/json" };
        let lines = format!("content-type: {kind}\r\n{}", signature(&event));
        let reply = send(address, &request_to(&format!("/hooks/{path}"), &lines, &event)).await;
        assert_eq!((reply.status, reply.body), (200, LARGE.to_string()), "{path}");
    }
}

#[actix_web::test]
async fn what_else_the_application_says_of_its_extractors_stays() {
    async fn handler(_: web::Json<Value>) -> HttpResponse {
        HttpResponse::Ok().finish()
    }
    let webhook = WebhookMiddleware::new(receiver().build().unwrap());
    let address = serve(move |app| {
        let json = JsonConfig::default().limit(1).content_type(|kind| kind.subtype() == "order");
        app.app_data(PayloadConfig::new(1)).app_data(FormConfig::default().limit(1));
        let hook = web::resource("/hook").app_data(json.clone()).wrap(webhook.clone());
        let shared = web::resource("/shared").app_data(Data::new(json)).wrap(webhook.clone());
        app.service(hook.route(web::post().to(handler))).service(shared.route(web::post().to(handler)));
    });
    for (path, kind, status) in [
        ("/hook", "text/order", 200),
        ("/hook", "text/plain", 400),
        ("/shared", "text/order", 200),
        ("/shared", "text/plain", 400),
    ] {
        for length in [1000, 100_000] {
            let event = long_body(&format!("{path}{kind}{length}"), length);
            let lines = format!("content-type: {kind}\r\n{}", signature(&event));
            assert_eq!(send(address, &request_to(path, &lines, &event)).await.status, status, "{path} {kind}");
        }
    }
}

#[actix_web::test]
async fn data_of_another_shape_is_422_and_missing_middleware_is_500() {
    #[derive(serde::Deserialize)]
    struct Other {
        #[expect(dead_code, reason = "only its absence matters")]
        absent: String,
    }
    async fn other(_: Event<Other>) -> HttpResponse {
        HttpResponse::Ok().finish()
    }
    async fn delivery(_: Delivery) -> HttpResponse {
        HttpResponse::Ok().finish()
    }
    let webhook = WebhookMiddleware::new(receiver().build().unwrap());
    let address = serve(move |app| {
        app.service(web::resource("/hook").wrap(webhook.clone()).route(web::post().to(other)));
        app.route("/bare", web::post().to(other)).route("/bare-delivery", web::post().to(delivery));
    });
    // Given back each time.
    for _ in 0..2 {
        assert_eq!(send(address, &request(&body("evt_1"))).await.status, 422);
    }
    for path in ["/bare", "/bare-delivery"] {
        let event = body("evt_2");
        let reply = send(address, &request_to(path, &signature(&event), &event)).await;
        assert_eq!(reply.status, 500, "{path}");
        assert_eq!(reply.body, "no WebhookMiddleware is in front of this route: nothing was verified", "{path}");
    }
}
