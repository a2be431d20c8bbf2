//! What becomes of copies that meet, and of handlers that nobody waits for any more.

use std::time::Duration;

use http::Version;

use super::Place;
use crate::differences;
use crate::handler::{Act, body, code, request};
use crate::servers::Host;
use crate::setup::Setup;

/// A place where the handler holds, and its first delivery.
async fn held(host: &Host, version: Version, setup: Setup) -> Place {
    Place::new(host, version, setup, Act::Hold).await
}

/// Polls until it is so, for a while.
async fn until(condition: impl AsyncFn() -> bool) {
    for _ in 0..500 {
        if condition().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the condition did not come true within 5 s");
}

pub(super) async fn t42_a_sender_that_hangs_up_does_not_cancel_the_handler(host: &Host, version: Version) {
    let place = held(host, version, Setup::handl()).await;
    let event = body("evt_1");
    let (client, sent) = (place.client.clone(), request(event.clone()));
    let sending = tokio::spawn(async move { client.send(sent).await });
    until(async || place.served.runs().await == 1).await;
    // HTTP/1.1 closes the connection for it, HTTP/2 resets the stream.
    sending.abort();
    assert!(sending.await.unwrap_err().is_cancelled(), "{}", place.at);
    // Time for the server to see it.
    tokio::time::sleep(Duration::from_millis(100)).await;
    place.served.release().await;
    until(async || place.served.finished().await == 1).await;

    let retry = place.client.send(request(event)).await;
    assert_eq!((retry.status().as_u16(), place.served.runs().await), (200, 1), "{}", place.at);
    assert_eq!(retry.headers()["x-webhook-duplicate"], "1", "{}", place.at);
}

pub(super) async fn copies_at_once_run_the_handler_once_and_all_get_200(host: &Host, version: Version) {
    const COPIES: usize = 16;
    let setup = Setup { in_flight_wait: Some(Duration::from_secs(15)), ..Setup::handl() };
    let place = held(host, version, setup).await;
    let event = body("evt_1");
    let copies = (0..COPIES).map(|_| {
        let (client, event) = (place.client.clone(), event.clone());
        tokio::spawn(async move { client.send(request(event)).await })
    });
    let copies: Vec<_> = copies.collect();
    until(async || place.served.waiting().await == COPIES - 1).await;
    place.served.release().await;
    let mut duplicates = 0;
    for copy in copies {
        let answer = copy.await.unwrap();
        assert_eq!(answer.status(), 200, "{}", place.at);
        duplicates += usize::from(answer.headers().contains_key("x-webhook-duplicate"));
    }
    assert_eq!((duplicates, place.served.runs().await), (COPIES - 1, 1), "{}", place.at);
}

pub(super) async fn t40_a_copy_that_cannot_wait_is_503(host: &Host, version: Version) {
    let place = held(host, version, Setup { in_flight_wait: Some(Duration::ZERO), ..Setup::handl() }).await;
    let event = body("evt_1");
    let (client, sent) = (place.client.clone(), request(event.clone()));
    let first = tokio::spawn(async move { client.send(sent).await });
    until(async || place.served.runs().await == 1).await;
    let copy = place.client.send(request(event.clone())).await;
    assert_eq!((copy.status().as_u16(), code(&copy).as_deref()), (503, Some("in_flight")), "{}", place.at);
    assert!(copy.headers().contains_key("retry-after"), "{}", place.at);
    place.served.release().await;
    assert_eq!(first.await.unwrap().status(), 200, "{}", place.at);
    assert_eq!(place.client.send(request(event)).await.headers()["x-webhook-duplicate"], "1", "{}", place.at);
}

pub(super) async fn shutting_down_finishes_what_runs_and_refuses_the_rest(host: &Host, version: Version) {
    let place = held(host, version, Setup::handl()).await;
    let client = place.client.clone();
    let first = tokio::spawn(async move { client.send(request(body("evt_1"))).await });
    until(async || place.served.runs().await == 1).await;
    let rest = async {
        until(async || !place.served.is_ready().await).await;
        if differences::can_leave_bodies_unread(host.stack, version) {
            place.assert_unread(&place.client.send(request(body("evt_2"))).await, 503, "shutting_down", 1).await;
        }
        place.served.release().await;
    };
    tokio::join!(place.served.shut_down(), rest);
    assert_eq!(first.await.unwrap().status(), 200, "{}", place.at);
    assert_eq!(place.served.finished().await, 1, "{}", place.at);
}
