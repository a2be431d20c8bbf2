//! Tenants by path parameter.

use actix_web::{HttpResponse, web};
use counterfoil::idempotency::BoxFuture;
use counterfoil::receiver::Head;
use counterfoil::tenants::{Tenant, Tenants, TenantsError};
use counterfoil::{Receiver, Secret, senders};
use counterfoil_actix::{Delivery, WebhookMiddleware};

use crate::client::{Reply, send};
use crate::event::{body, memory, request_to, signature_under};
use crate::serve::serve;

#[derive(Debug)]
struct Customers;

impl Tenants for Customers {
    fn name(&self, head: &Head<'_>) -> Option<String> {
        assert_eq!(head.uri.query(), Some("v=1"), "the address as it arrived");
        assert_eq!(head.parameters.get("version"), Some("v2"));
        head.parameters.get("tenant").map(str::to_owned)
    }

    fn find<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Tenant>, TenantsError>> {
        Box::pin(async move {
            if name == "broken" {
                return Err("the database is down".into());
            }
            let known = ["acme", "umbrella", "a/c m%e"].contains(&name);
            let secret = known.then(|| Secret::new(format!("secret of {name}, long enough")));
            Ok(secret.transpose()?.map(|secret| Tenant::new().secret(secret)))
        })
    }
}

#[actix_web::test]
async fn each_tenant_has_its_secret_and_its_events() {
    async fn handler(delivery: Delivery) -> HttpResponse {
        HttpResponse::Ok().body(delivery.tenant().unwrap_or_default().to_owned())
    }
    let receiver = Receiver::builder(senders::HANDL).tenants(Customers).store(memory()).build().unwrap();
    let webhook = WebhookMiddleware::new(receiver);
    let address = serve(move |app| {
        let hook = web::resource("/{tenant}").wrap(webhook.clone()).route(web::post().to(handler));
        app.service(web::scope("/hooks/{version}").service(hook));
    });
    let event = body("evt_1");
    let deliver = async |path: &str, secret: &str| -> Reply {
        let lines = signature_under(&format!("secret of {secret}, long enough"), &event);
        send(address, &request_to(&format!("/hooks/v2/{path}?v=1"), &lines, &event)).await
    };
    for (path, tenant) in [("acme", "acme"), ("umbrella", "umbrella"), ("a%2fc%20m%25e", "a/c m%e")] {
        let reply = deliver(path, tenant).await;
        assert_eq!((reply.status, reply.body.as_str()), (200, tenant), "the same id is another event");
        assert_eq!(deliver(path, tenant).await.header("x-webhook-duplicate"), Some("1"));
    }
    for (path, secret) in [("acme", "umbrella"), ("nobody", "nobody"), ("a%252fc%20m%25e", "a/c m%e")] {
        let reply = deliver(path, secret).await;
        assert_eq!((reply.status, reply.code().as_deref()), (401, Some("signature_mismatch")), "{path}");
    }
    let reply = deliver("broken", "acme").await;
    assert_eq!((reply.status, reply.code().as_deref()), (503, Some("could_not_verify")));
}
