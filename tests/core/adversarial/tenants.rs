//! Many tenants behind one address, some of them made up.

use std::collections::HashMap;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use counterfoil::idempotency::{BoxFuture, MemoryStore};
use counterfoil::receiver::{Answer, Handled, Head, Parameters, Processed, ReceiverBuilder};
use counterfoil::tenants::{Tenant, Tenants, TenantsError};
use counterfoil::testing::FixedClock;
use counterfoil::{Receiver, senders};
use counterfoil_tests::{Example, at_once, secret};
use counterfoil_tower::Tokio;
use http::{HeaderMap, Method, StatusCode, Uri};

const ACME: &str = "acme_secret_0123456789";
const GLOBEX: &str = "globex_secret_0123456789";

/// Tenants that are told by the path parameter `tenant`, and can be changed while a receiver has them.
#[derive(Debug, Default, Clone)]
struct Book {
    secrets: Arc<Mutex<HashMap<String, String>>>,
    asked: Arc<AtomicUsize>,
    down: Arc<std::sync::atomic::AtomicBool>,
}

impl Book {
    fn of(tenants: &[(&str, &str)]) -> Self {
        let book = Self::default();
        tenants.iter().for_each(|(name, secret)| book.set(name, Some(secret)));
        book
    }

    fn set(&self, name: &str, secret: Option<&str>) {
        let mut secrets = self.secrets.lock().unwrap();
        match secret {
            Some(secret) => secrets.insert(name.to_owned(), secret.to_owned()),
            None => secrets.remove(name),
        };
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Tenants for Book {
    fn name(&self, head: &Head<'_>) -> Option<String> {
        head.parameters.get("tenant").map(str::to_owned)
    }

    fn find<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Tenant>, TenantsError>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            if self.down.load(Ordering::SeqCst) {
                return Err("the database is down".into());
            }
            let found = self.secrets.lock().unwrap().get(name).cloned();
            Ok(found.map(|text| Tenant::new().secret(secret(&text))))
        })
    }
}

fn builder(book: &Book) -> ReceiverBuilder {
    let example = Example::of("agiled");
    Receiver::builder(senders::AGILED).tenants(book.clone()).clock(FixedClock::new(example.now))
}

/// The answer to the example, signed under `secret` for the tenant of that name, before anything is claimed.
fn outcome(receiver: &Receiver, tenant: Option<&str>, secret: &str) -> Result<Option<String>, &'static str> {
    let example = Example::of("agiled");
    let headers = example.signed(secret, &example.stamp, &example.body);
    let received = at_once(take(receiver, tenant, &headers, &example.body)).map_err(|answer| code(&answer))?;
    Ok(received.delivery().unwrap().tenant().map(str::to_owned))
}

async fn take(
    receiver: &Receiver,
    tenant: Option<&str>,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<counterfoil::receiver::Received, Answer> {
    let uri = Uri::default();
    let parameters: Parameters = tenant.map(|name| ("tenant".to_owned(), name.to_owned())).into_iter().collect();
    let head = Head::new(&Method::POST, &uri, headers).with_parameters(parameters);
    let mut intake = receiver.head(&head).await?;
    intake.push(body.clone())?;
    intake.finish(headers)
}

fn code(answer: &Answer) -> &'static str {
    answer.code().map_or("none", |kind| kind.code())
}

#[test]
fn each_tenant_has_its_own_secret() {
    let receiver = builder(&Book::of(&[("acme", ACME), ("globex", GLOBEX)])).build().unwrap();
    assert_eq!(outcome(&receiver, Some("acme"), ACME), Ok(Some("acme".into())));
    assert_eq!(outcome(&receiver, Some("globex"), GLOBEX), Ok(Some("globex".into())));
    assert_eq!(outcome(&receiver, Some("acme"), GLOBEX), Err("signature_mismatch"));
}

#[test]
fn a_tenant_that_does_not_exist_answers_like_a_wrong_signature() {
    let book = Book::of(&[("acme", ACME)]);
    let receiver = builder(&book).build().unwrap();
    let long = "a".repeat(256);
    for stranger in [None, Some(""), Some("nobody"), Some("ac\nme"), Some(&*long)] {
        for secret in [ACME, GLOBEX] {
            assert_eq!(outcome(&receiver, stranger, secret), Err("signature_mismatch"), "{stranger:?}");
        }
    }
    assert_eq!(book.asked(), 1, "what cannot be a name is not looked up, and nobody is looked up once");
}

#[tokio::test]
async fn t37_the_same_event_of_two_tenants_is_two_events() {
    let book = Book::of(&[("acme", ACME), ("globex", ACME)]);
    let store = MemoryStore::new(NonZeroU32::new(100).unwrap());
    let receiver = builder(&book).store(store).build().unwrap();
    let example = Example::of("agiled");
    let headers = example.signed(ACME, &example.stamp, &example.body);
    let mut ran = Vec::new();
    for tenant in ["acme", "globex", "acme", "globex"] {
        let received = take(&receiver, Some(tenant), &headers, &example.body).await.unwrap();
        let handler = |delivery: counterfoil::Delivery, _| {
            ran.push(delivery.tenant().unwrap().to_owned());
            async { Handled { status: StatusCode::OK, reject: None, response: () } }
        };
        match receiver.clone().process(Tokio, received, handler).await {
            Processed::Passed(()) | Processed::Answered(Answer::Duplicate) => {}
            Processed::Answered(other) => panic!("{tenant}: {other:?}"),
        }
    }
    assert_eq!(ran, ["acme", "globex"]);
}

#[test]
fn t10_a_revoked_secret_is_refused_within_the_bound() {
    let book = Book::of(&[("acme", ACME)]);
    let entries = NonZeroUsize::new(16).unwrap();
    let bound = Duration::from_millis(300);
    let receiver = builder(&book).tenant_cache(entries, bound).build().unwrap();
    assert!(outcome(&receiver, Some("acme"), ACME).is_ok());
    book.set("acme", Some(GLOBEX));
    assert!(outcome(&receiver, Some("acme"), ACME).is_ok(), "remembered");
    assert_eq!(book.asked(), 1);
    std::thread::sleep(bound + Duration::from_millis(50));
    assert_eq!(outcome(&receiver, Some("acme"), ACME), Err("signature_mismatch"));
    assert!(outcome(&receiver, Some("acme"), GLOBEX).is_ok());
    assert_eq!(book.asked(), 2);
    book.set("acme", None);
    std::thread::sleep(bound + Duration::from_millis(50));
    assert_eq!(outcome(&receiver, Some("acme"), GLOBEX), Err("signature_mismatch"), "the tenant is gone");
    let forgetful = builder(&book).tenant_cache(entries, Duration::ZERO).build().unwrap();
    book.set("acme", Some(ACME));
    assert!(outcome(&forgetful, Some("acme"), ACME).is_ok());
    book.set("acme", Some(GLOBEX));
    assert_eq!(outcome(&forgetful, Some("acme"), ACME), Err("signature_mismatch"), "nothing is remembered");
}

#[test]
fn secrets_that_cannot_be_had_are_503_and_not_remembered() {
    let book = Book::of(&[("acme", ACME)]);
    let receiver = builder(&book).build().unwrap();
    book.down.store(true, Ordering::SeqCst);
    assert_eq!(outcome(&receiver, Some("acme"), ACME), Err("could_not_verify"));
    book.down.store(false, Ordering::SeqCst);
    assert!(outcome(&receiver, Some("acme"), ACME).is_ok());
}

#[test]
fn a_stranger_is_not_looked_up_before_the_head_is_in_order() {
    let book = Book::of(&[("acme", ACME)]);
    let receiver = builder(&book).build().unwrap();
    let empty = HeaderMap::new();
    let refused = at_once(take(&receiver, Some("acme"), &empty, &Bytes::new())).unwrap_err();
    assert_eq!((code(&refused), book.asked()), ("signature_missing", 0));
}

#[tokio::test]
async fn requests_that_come_together_ask_once() {
    #[derive(Debug, Clone, Default)]
    struct Slow(Book);
    impl Tenants for Slow {
        fn name(&self, head: &Head<'_>) -> Option<String> {
            self.0.name(head)
        }
        fn find<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Tenant>, TenantsError>> {
            let found = self.0.find(name);
            Box::pin(async move {
                tokio::time::sleep(Duration::from_millis(50)).await;
                found.await
            })
        }
    }
    let slow = Slow(Book::of(&[("acme", ACME)]));
    let example = Example::of("agiled");
    let receiver = Receiver::builder(senders::AGILED).tenants(slow.clone()).clock(FixedClock::new(example.now));
    let receiver = receiver.build().unwrap();
    let headers = example.signed(ACME, &example.stamp, &example.body);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..32 {
        let (receiver, headers, body) = (receiver.clone(), headers.clone(), example.body.clone());
        tasks.spawn(async move { take(&receiver, Some("acme"), &headers, &body).await.is_ok() });
    }
    assert!(tasks.join_all().await.into_iter().all(|taken| taken));
    assert_eq!(slow.0.asked(), 1);
}

#[test]
fn tenants_and_secrets_do_not_go_together() {
    let book = Book::default();
    let error = builder(&book).secret(secret(ACME)).build().unwrap_err();
    assert!(error.to_string().contains("tenants"), "{error}");
    let example = Example::of("agiled");
    let alone = Receiver::builder(senders::AGILED).secret(secret(ACME)).clock(FixedClock::new(example.now));
    let error = alone.tenant_cache(NonZeroUsize::MIN, Duration::ZERO).build().unwrap_err();
    assert!(error.to_string().contains("tenant_cache"), "{error}");
    assert!(Receiver::builder(senders::ANGAGE.insecure_unsigned()).tenants(book).build().is_err());
}
