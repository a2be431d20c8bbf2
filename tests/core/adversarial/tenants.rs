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
use counterfoil::{Delivery, Origin, Receiver, senders};
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
    let mut intake = receiver.head(&Tokio, &head).await?;
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

#[test]
fn where_there_are_tenants_any_header_may_name_one() {
    let receiver = builder(&Book::default()).build().unwrap();
    for name in ["x-tenant", "host", "user-agent", "content-length", "x-agiled-webhook-signature"] {
        assert!(receiver.reads_header(name), "{name}");
    }
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
        let handler = |delivery: Delivery, _| {
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

/// A book that takes its time, and may fail then.
#[derive(Debug, Clone)]
struct Slow {
    book: Book,
    pause: Duration,
    fails: bool,
}

impl Default for Slow {
    fn default() -> Self {
        Self { book: Book::of(&[("acme", ACME)]), pause: Duration::from_millis(50), fails: false }
    }
}

impl Tenants for Slow {
    fn name(&self, head: &Head<'_>) -> Option<String> {
        self.book.name(head)
    }

    fn find<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Tenant>, TenantsError>> {
        let found = self.book.find(name);
        Box::pin(async move {
            tokio::time::sleep(self.pause).await;
            if self.fails { Err("the database is down".into()) } else { found.await }
        })
    }
}

/// What so many deliveries that come together get.
async fn together(slow: &Slow, count: usize) -> Vec<Result<(), &'static str>> {
    let example = Example::of("agiled");
    let receiver = Receiver::builder(senders::AGILED).tenants(slow.clone()).clock(FixedClock::new(example.now));
    let receiver = receiver.build().unwrap();
    let headers = example.signed(ACME, &example.stamp, &example.body);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..count {
        let (receiver, headers, body) = (receiver.clone(), headers.clone(), example.body.clone());
        tasks.spawn(async move {
            take(&receiver, Some("acme"), &headers, &body).await.map(drop).map_err(|answer| code(&answer))
        });
    }
    tasks.join_all().await
}

#[tokio::test]
async fn requests_that_come_together_ask_once() {
    let slow = Slow::default();
    assert!(together(&slow, 32).await.iter().all(Result::is_ok));
    assert_eq!(slow.book.asked(), 1);
}

#[tokio::test]
async fn a_lookup_that_fails_fails_for_all_who_waited_for_it_at_once() {
    let failing = Slow { fails: true, ..Slow::default() };
    let started = std::time::Instant::now();
    let answers = together(&failing, 16).await;
    assert!(answers.iter().all(|answer| *answer == Err("could_not_verify")), "{answers:?}");
    assert_eq!(failing.book.asked(), 1);
    assert!(started.elapsed() < Duration::from_secs(5), "one after the other");
    let recovered = Slow { book: failing.book.clone(), ..Slow::default() };
    assert!(together(&recovered, 1).await[0].is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_lookup_that_hangs_is_given_up() {
    let hanging = Slow { pause: Duration::from_secs(86_400), ..Slow::default() };
    assert_eq!(together(&hanging, 2).await, [Err("could_not_verify"); 2]);
}

#[tokio::test]
async fn an_endless_cache_time_is_no_panic() {
    let book = Book::of(&[("acme", ACME)]);
    let receiver = builder(&book).tenant_cache(NonZeroUsize::MIN, Duration::MAX).build().unwrap();
    assert!(outcome(&receiver, Some("acme"), ACME).is_ok());
    assert!(outcome(&receiver, Some("acme"), ACME).is_ok());
    assert_eq!(book.asked(), 1);
}

/// Takes several names for one tenant, and says which is its own.
#[derive(Debug)]
struct Lax(Book);

impl Tenants for Lax {
    fn name(&self, head: &Head<'_>) -> Option<String> {
        self.0.name(head)
    }

    fn find<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Tenant>, TenantsError>> {
        Box::pin(async move {
            let name = name.to_ascii_lowercase();
            Ok(self.0.find(&name).await?.map(|tenant| tenant.named(name)))
        })
    }
}

#[test]
fn a_tenant_of_several_names_has_one_place() {
    let example = Example::of("agiled");
    let lax = Lax(Book::of(&[("acme", ACME)]));
    let receiver = Receiver::builder(senders::AGILED).tenants(lax).clock(FixedClock::new(example.now)).build().unwrap();
    let headers = example.signed(ACME, &example.stamp, &example.body);
    let key = |tenant| {
        let received = at_once(take(&receiver, Some(tenant), &headers, &example.body)).unwrap();
        (received.delivery().unwrap().key(), received.delivery().unwrap().scope())
    };
    assert_eq!(key("acme"), key("ACME"));
}

#[test]
fn an_assertion_says_whose_delivery_it_is() {
    let example = Example::of("agiled");
    let receiver = builder(&Book::of(&[("acme", ACME)])).build().unwrap();
    let headers = example.signed(ACME, &example.stamp, &example.body);
    let received = at_once(take(&receiver, Some("acme"), &headers, &example.body)).unwrap();
    let assert = |tenant| {
        let origin = Origin { tenant, event_id: None };
        Delivery::assertion_from(receiver.verifier(), example.body.clone(), origin, example.now)
    };
    let asserted = assert(Some("acme")).unwrap();
    assert_eq!((asserted.key(), asserted.tenant()), (received.delivery().unwrap().key(), Some("acme")));
    assert!(assert(None).is_err(), "nobody's events are nobody's");
    let alone = example.builder().secret(secret(ACME)).tenant("acme").build().unwrap();
    let delivery = alone.verify_at(&headers, example.body.clone(), example.now).unwrap();
    assert_eq!((delivery.key(), delivery.scope()), (asserted.key(), asserted.scope()));
    let now = example.now;
    alone.set_secrets([(secret(ACME), None)], now).unwrap();
    assert_eq!(alone.verify_at(&headers, example.body.clone(), now).unwrap().key(), asserted.key());
    let alone = Origin { tenant: Some("acme"), event_id: None };
    assert!(Delivery::assertion_from(&example.verifier(), example.body.clone(), alone, example.now).is_err());
    assert!(receiver.verifier().set_secrets([(secret(ACME), None)], now).is_err());
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
