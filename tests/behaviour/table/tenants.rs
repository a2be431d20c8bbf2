//! Agiled for many customers, told apart by a path parameter.

use counterfoil::idempotency::BoxFuture;
use counterfoil::receiver::Head;
use counterfoil::tenants::{Tenant, Tenants, TenantsError};
use counterfoil::{Receiver, Secret, senders};

use super::case::{Case, case, duplicate, handled, refused, unread};
use super::sent::Sent;
use crate::handler::memory;
use crate::servers::Stack;

/// Customers, as they stand in a path and as they are called.
const CUSTOMERS: [(&str, &str); 3] = [("acme", "acme"), ("umbrella", "umbrella"), ("a%2Fc%20m%25e", "a/c m%e")];

pub(super) fn cases(stack: Stack) -> Vec<Case> {
    let receiver = Receiver::builder(senders::AGILED).tenants(Customers { stack }).store(memory()).build().unwrap();
    let event = r#"{"id":"evt_1","event":"invoice.paid","data":{}}"#;
    let from = |path: &str, tenant: &str| {
        Sent::new(&format!("{path}/agiled"), event).signed(&senders::AGILED, &secret_of(tenant))
    };
    let (acme, umbrella, odd) = (from("acme", "acme"), from("umbrella", "umbrella"), from("a%2Fc%20m%25e", "a/c m%e"));
    let steps = [
        handled(&acme, 200, 1),
        duplicate(&acme, "1", 1),
        handled(&umbrella, 200, 2),
        handled(&odd, 200, 3),
        duplicate(&odd, "1", 3),
        refused(&from("acme", "umbrella"), 401, "signature_mismatch", 3),
        refused(&from("nobody", "nobody"), 401, "signature_mismatch", 3),
        refused(&from("acme%20", "acme"), 401, "signature_mismatch", 3),
        unread(&acme.without("x-agiled-webhook-signature"), 401, "signature_missing", 3),
        unread(&from("broken", "acme"), 503, "could_not_verify", 3),
        duplicate(&umbrella, "1", 3),
    ];
    vec![case("each tenant has its secret and its events", receiver, [], steps)]
}

fn secret_of(tenant: &str) -> String {
    format!("agiled secret of {tenant}")
}

#[derive(Debug)]
struct Customers {
    stack: Stack,
}

impl Tenants for Customers {
    fn name(&self, head: &Head<'_>) -> Option<String> {
        let parameter = head.parameters.get("tenant").map(str::to_owned);
        if self.stack.has_routes() {
            assert_eq!(head.parameters.get("sender"), Some("agiled"));
            return parameter;
        }
        // Without a router the path is the application's to read.
        assert_eq!(parameter, None);
        let segment = head.uri.path().split('/').nth(2)?;
        let customer = CUSTOMERS.iter().find(|(path, _)| *path == segment);
        Some(customer.map_or(segment, |(_, name)| name).to_owned())
    }

    fn find<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Tenant>, TenantsError>> {
        Box::pin(async move {
            if name == "broken" {
                return Err("the database is down".into());
            }
            let known = CUSTOMERS.iter().any(|(_, customer)| *customer == name);
            let secret = known.then(|| Secret::new(secret_of(name))).transpose()?;
            Ok(secret.map(|secret| Tenant::new().secret(secret)))
        })
    }
}
