//! A store that is down: nothing is handled unprotected, and nothing is lost.

use std::thread;
use std::time::{Duration, Instant};

use counterfoil_testkit::PrivatePostgres;

use crate::event::{Event, SECRET};
use crate::place::{Kind, Place};
use crate::service::Service;

/// Longer than a pool needs to mend itself.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn t44_without_its_store_nothing_is_handled_and_nothing_lost(kind: Kind) {
    let mut postgres = PrivatePostgres::start();
    let service = Place::new(kind).store(&postgres.url()).start();
    let (before, during) = (Event::of("handl"), Event::of("agiled"));
    assert_eq!(service.answer(&before.request()), (200, String::new()), "{kind:?}");
    postgres.crash();
    for event in [&before, &during] {
        let reply = service.send(&event.request());
        assert_eq!((reply.status, &*reply.code()), (503, "store_unavailable"), "{kind:?}");
        assert!(reply.header("retry-after").is_some(), "{kind:?}");
    }
    // Who cannot sign learns nothing of it.
    service.refuses(401, "signature_mismatch", &before.signed_under("a guess at the secret"));
    postgres.restart();
    assert_eq!(until_it_is_back(&service, &during), (200, String::new()), "{kind:?}");
    for event in [&before, &during] {
        service.refuses(200, "duplicate", &event.request());
        assert_eq!(effects(&postgres.url(), &event.key()), 1, "{kind:?}");
    }
    assert!(!service.log().contains(SECRET), "{kind:?}");
}

fn until_it_is_back(service: &Service, event: &Event) -> (u16, String) {
    let started = Instant::now();
    loop {
        let answer = service.answer(&event.request());
        // A pool may hand its dead connections to handlers, whose events are then given back.
        if answer.0 < 500 {
            return answer;
        }
        assert!(started.elapsed() < PATIENCE, "{:?}: {answer:?} for ever", service.kind());
        thread::sleep(Duration::from_millis(100));
    }
}

/// Rows of an event among the effects, which no constraint keeps apart.
fn effects(url: &str, key: &str) -> i64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let pool = sqlx::PgPool::connect(url).await.unwrap();
        let query = "SELECT count(*) FROM axum_orders.effects WHERE key = $1";
        sqlx::query_scalar(query).bind(key).fetch_one(&pool).await.unwrap()
    })
}
