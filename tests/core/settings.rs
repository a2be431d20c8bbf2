//! What a verifier takes, up to which bound, and what it says of itself.

use std::time::{Duration, UNIX_EPOCH};

use counterfoil::idempotency::BoxFuture;
use counterfoil::receiver::Head;
use counterfoil::scheme::{Check, Part, Sender};
use counterfoil::tenants::{Tenant, Tenants, TenantsError};
use counterfoil::verifier::MAX_SECRETS;
use counterfoil::{ConfigError, Delivery, Origin, Receiver, Rejection, Verifier, senders};
use counterfoil_tests::{Example, at_once, hex, secret};
use counterfoil_tower::Tokio;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

const SECRET: &str = "a secret of some length";

/// The sender of that name in the catalogue.
pub(crate) fn of_catalogue(name: &str) -> Sender {
    senders::catalogue().iter().find(|sender| sender.name == name).expect("a sender of the catalogue").clone()
}

#[test]
fn the_endpoint_is_the_sender_unless_it_is_named() {
    let example = Example::of("handl");
    let build = |endpoint: Option<&str>| {
        let builder = example.builder().secret(secret(SECRET));
        endpoint.into_iter().fold(builder, |builder, name| builder.endpoint(name)).build().unwrap()
    };
    assert_eq!(build(None).endpoint(), "handl");
    assert_eq!(build(Some("shop")).endpoint(), "shop");
    assert_eq!(build(Some("shop")).sender().name, "handl");
}

#[test]
fn debug_names_the_sender_the_endpoint_and_the_window() {
    let example = Example::of("handl");
    let verifier = example.builder().secret(secret(&example.secret)).endpoint("shop").build().unwrap();
    let shown = format!("{verifier:?}");
    for part in ["Verifier", "handl", "shop", "300s", "60s"] {
        assert!(shown.contains(part), "{shown}");
    }
    let presented = verifier.present(&example.headers(), example.now).unwrap();
    let shown = format!("{presented:?}");
    assert!(shown.contains("Presented") && shown.contains("handl"), "{shown}");
}

#[test]
fn names_are_1_to_255_bytes_without_control_characters() {
    let build = |name: &str| Verifier::builder(senders::HANDL).secret(secret(SECRET)).endpoint(name).build();
    assert_eq!(build(&"a".repeat(255)).unwrap().endpoint().len(), 255);
    for wrong in ["", "a\nb", "\u{85}", &"a".repeat(256)] {
        assert!(matches!(build(wrong), Err(ConfigError::Name { .. })), "{wrong:?}");
    }
}

#[test]
fn as_many_secrets_as_are_allowed_and_no_more() {
    let example = Example::of("handl");
    let build = |count: usize| {
        let others = (1..count).map(|number| secret(&format!("secret number {number} of some")));
        let last = std::iter::once(secret(&example.secret));
        others.chain(last).fold(example.builder(), |builder, secret| builder.secret(secret)).build()
    };
    let delivery = build(MAX_SECRETS).unwrap().verify_at(&example.headers(), example.body.clone(), example.now);
    assert_eq!(delivery.unwrap().secret_index(), Some(MAX_SECRETS - 1));
    let refused = build(MAX_SECRETS + 1).unwrap_err();
    assert!(matches!(refused, ConfigError::SecretsTooMany { given: 5, most: MAX_SECRETS }), "{refused}");
}

#[test]
fn a_secret_counts_up_to_its_end_and_not_at_it() {
    let example = Example::of("handl");
    let nanosecond = Duration::from_nanos(1);
    for (end, counts) in [(example.now + nanosecond, true), (example.now, false), (example.now - nanosecond, false)] {
        let verifier = example.builder().secret_until(secret(&example.secret), end).build().unwrap();
        let verdict = verifier.verify_at(&example.headers(), example.body.clone(), example.now);
        assert_eq!(verdict.is_ok(), counts, "{verdict:?}");
    }
}

#[test]
fn a_mismatch_says_how_many_secrets_were_tried() {
    let example = Example::of("handl");
    let headers = example.signed("another secret altogether", &example.stamp, &example.body);
    let verifier = example.builder().secret(secret(SECRET)).secret(secret(&example.secret));
    let verifier = verifier.secret_until(secret("a secret that has ended"), example.now).build().unwrap();
    let refused = verifier.verify_at(&headers, example.body.clone(), example.now).unwrap_err();
    assert!(matches!(refused, Rejection::SignatureMismatch { secrets: 2 }), "{refused:?}");
}

#[test]
fn two_offsets_are_a_site_with_summer_time_and_three_are_none() {
    let build = |offsets: &[&str]| {
        let builder = Verifier::builder(senders::AGENCY_OS_AI_PLUGIN).secret(secret(SECRET));
        offsets.iter().fold(builder, |builder, offset| builder.utc_offset(offset.parse().unwrap())).build()
    };
    assert!(build(&["+01:00"]).is_ok());
    assert!(build(&["+01:00", "+02:00"]).is_ok());
    assert!(matches!(build(&["+01:00", "+02:00", "+03:00"]), Err(ConfigError::UtcOffsetsTooMany)));
    assert!(matches!(build(&[]), Err(ConfigError::UtcOffsetMissing { .. })));
}

#[test]
fn an_address_is_wanted_where_the_sender_uses_it_and_nowhere_else() {
    let builder = |sender: Sender| Verifier::builder(sender).secret(secret(SECRET));
    let square = || builder(of_catalogue("square"));
    assert!(square().public_url("https://shop.example/hook").build().is_ok());
    assert!(matches!(square().build(), Err(ConfigError::PublicUrlMissing { .. })));
    let wrong = square().public_url("shop.example/hook").build();
    assert!(matches!(wrong, Err(ConfigError::PublicUrlInvalid)));
    let agencyhandy = || builder(senders::AGENCYHANDY);
    assert!(agencyhandy().webhook_id("hook_1").build().is_ok());
    assert!(matches!(agencyhandy().build(), Err(ConfigError::WebhookIdMissing { .. })));
    assert!(matches!(agencyhandy().webhook_id("").build(), Err(ConfigError::Name { .. })));
    for (unused, setting) in [
        (builder(senders::HANDL).public_url("https://shop.example/hook"), "public_url"),
        (agencyhandy().webhook_id("hook_1").public_url("https://shop.example/hook"), "public_url"),
        (builder(senders::HANDL).webhook_id("hook_1"), "webhook_id"),
        (square().public_url("https://shop.example/hook").webhook_id("hook_1"), "webhook_id"),
    ] {
        let refused = unused.build().unwrap_err();
        assert!(matches!(refused, ConfigError::SettingUnused { setting: named, .. } if named == setting), "{refused}");
    }
}

#[test]
fn a_tenant_is_told_by_the_origin_of_an_assertion_alone() {
    let verifier = Verifier::builder(senders::HANDL).secret(secret(SECRET)).build().unwrap();
    let origin = Origin { tenant: Some("acme"), ..Origin::default() };
    let refused = Delivery::assertion_from(&verifier, r#"{"id":"evt_1"}"#, origin, UNIX_EPOCH).unwrap_err();
    assert!(matches!(refused, Rejection::CouldNotVerify { .. }), "{refused:?}");
}

/// Tenants under the path parameter `tenant`, of which `acme` alone was given an address of its own.
#[derive(Debug)]
struct Addresses;

impl Tenants for Addresses {
    fn name(&self, head: &Head<'_>) -> Option<String> {
        head.parameters.get("tenant").map(str::to_owned)
    }

    fn find<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Tenant>, TenantsError>> {
        let tenant = Tenant::new().secret(secret(SECRET));
        let tenant = if name == "acme" { tenant.public_url("https://acme.example/hook") } else { tenant };
        Box::pin(async move { Ok(Some(tenant)) })
    }
}

#[test]
fn a_tenant_is_known_by_its_own_address_or_by_that_of_its_receiver() {
    let mut sender = senders::HANDL;
    if let Check::Hmac(hmac) = &mut sender.scheme.check {
        hmac.signed = vec![Part::Url, Part::Body].into();
        hmac.timestamp = None;
    }
    let receiver =
        Receiver::builder(sender).tenants(Addresses).public_url("https://shop.example/hook").build().unwrap();
    let accepts = |tenant: &str, url: &str| {
        let body = r#"{"id":"evt_1"}"#;
        let tag = hmac_sha256::HMAC::mac(format!("{url}{body}"), SECRET);
        let header = HeaderValue::try_from(hex(&tag)).unwrap();
        let headers = HeaderMap::from_iter([(HeaderName::from_static("x-handl-signature"), header)]);
        let parameters = [("tenant".to_owned(), tenant.to_owned())].into_iter().collect();
        let (method, uri) = (Method::POST, Uri::default());
        let head = Head::new(&method, &uri, &headers).with_parameters(parameters);
        let mut intake = at_once(receiver.head(&Tokio, &head)).unwrap();
        intake.push(body.into()).unwrap();
        intake.finish(&headers).is_ok()
    };
    assert!(accepts("acme", "https://acme.example/hook"));
    assert!(!accepts("acme", "https://shop.example/hook"));
    assert!(accepts("globex", "https://shop.example/hook"));
    assert!(!accepts("globex", "https://acme.example/hook"));
}
