//! How much is sent, and when nothing is.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use agencyhandy_endpoint::Fault;
use counterfoil::remote::RemoteVerifier as _;
use counterfoil_remote::Client;

use crate::shop::{BODY, Sent, Shop, builder, endpoint, many, ms};

/// Why nothing was decided about the `number`th delivery; `None` where it was.
async fn reason(client: &Client, number: usize) -> Option<String> {
    client.ask(&Sent::number(number).question()).await.reason().map(str::to_owned)
}

#[tokio::test]
async fn an_endpoint_that_fails_is_left_alone_and_tried_again() {
    let endpoint = endpoint().await;
    let shop = Shop::new(builder(&endpoint).breaker(many(3), ms(600)).build().unwrap());
    endpoint.set_fault(Fault::ServerError);
    for number in 0..3 {
        assert!(shop.receive(&Sent::number(number)).await.is_unverified());
    }
    for number in 3..20 {
        assert!(shop.receive(&Sent::number(number)).await.is_unverified());
    }
    assert_eq!(endpoint.calls(), 3, "quiet");

    tokio::time::sleep(ms(650)).await;
    for number in 0..5 {
        assert!(shop.receive(&Sent::number(number)).await.is_unverified());
    }
    assert_eq!(endpoint.calls(), 4, "one probe, which failed");

    endpoint.set_fault(Fault::None);
    assert!(shop.receive(&Sent::number(0)).await.is_unverified(), "the pause is not over");
    tokio::time::sleep(ms(650)).await;
    for number in 0..20 {
        assert!(shop.receive(&Sent::number(number)).await.is_handled());
    }
    assert_eq!((endpoint.calls(), shop.handled()), (24, 20));
}

#[tokio::test]
async fn one_question_at_a_time_tries_an_endpoint() {
    let endpoint = endpoint().await;
    let client = builder(&endpoint).breaker(many(1), ms(50)).build().unwrap();
    endpoint.set_fault(Fault::ServerError);
    assert!(reason(&client, 0).await.is_some());
    endpoint.set_fault(Fault::Slow(ms(500)));
    tokio::time::sleep(ms(100)).await;
    let probe = tokio::spawn({
        let client = client.clone();
        async move { reason(&client, 1).await }
    });
    tokio::time::sleep(ms(100)).await;
    for number in 2..10 {
        let reason = reason(&client, number).await.unwrap();
        assert_eq!(reason, "its endpoint failed, and one question is trying it");
    }
    assert_eq!(probe.await.unwrap(), None);
    assert_eq!(endpoint.calls(), 2);
    let together = tokio::join!(reason(&client, 2), reason(&client, 3), reason(&client, 4));
    assert_eq!(together, (None, None, None), "it answers again");
}

#[tokio::test]
async fn failures_between_verdicts_are_not_in_a_row() {
    let endpoint = endpoint().await;
    let client = builder(&endpoint).breaker(many(2), ms(10_000)).build().unwrap();
    for number in 0..5 {
        endpoint.set_fault(Fault::ServerError);
        assert!(reason(&client, number).await.unwrap().contains("answered 500"));
        endpoint.set_fault(Fault::None);
        assert_eq!(reason(&client, number).await, None);
    }
}

#[tokio::test]
async fn every_kind_of_failure_counts() {
    for fault in [
        Fault::Hang,
        Fault::Close,
        Fault::ServerError,
        Fault::TooManyRequests,
        Fault::BrokenJson,
        Fault::Redirect,
        Fault::FailedWith200,
        Fault::Endless,
    ] {
        let endpoint = endpoint().await;
        let client = builder(&endpoint).timeout(ms(400)).breaker(many(2), ms(10_000)).build().unwrap();
        endpoint.set_fault(fault);
        for number in 0..4 {
            assert!(reason(&client, number).await.is_some());
        }
        assert_eq!(endpoint.calls(), 2, "{fault:?}");
    }
}

#[tokio::test]
async fn what_a_stranger_can_cause_does_not_hold_others_back() {
    let endpoint = endpoint().await;
    let client = builder(&endpoint).breaker(many(1), ms(10_000)).build().unwrap();
    for fault in [Fault::OtherForbidden, Fault::SuccessWith403] {
        endpoint.set_fault(fault);
        for number in 0..10 {
            assert!(reason(&client, number).await.unwrap().contains("answered 403"));
        }
    }
    endpoint.set_fault(Fault::None);
    let made_up = Sent { signature: "made up".into(), body: BODY.into() };
    assert!(Shop::new(client.clone()).receive(&made_up).await.is_mismatch());
    assert_eq!(reason(&client, 0).await, None);
}

#[tokio::test]
async fn retry_after_is_obeyed() {
    let endpoint = endpoint().await;
    let client = builder(&endpoint).breaker(many(1), ms(1)).build().unwrap();
    endpoint.set_fault(Fault::TooManyRequests);
    assert!(reason(&client, 0).await.unwrap().contains("answered 429"));
    endpoint.set_fault(Fault::None);
    tokio::time::sleep(ms(50)).await;
    let reason = reason(&client, 0).await.unwrap();
    assert_eq!(reason, "its endpoint failed, and is left alone for another 30 s");
    assert_eq!(endpoint.calls(), 1);
}

#[tokio::test]
async fn beyond_the_rate_nothing_is_sent() {
    let endpoint = endpoint().await;
    let client = builder(&endpoint).rate(many(1), many(3)).build().unwrap();
    for number in 0..10 {
        let reason = reason(&client, number).await;
        assert_eq!(reason.is_none(), number < 3, "{number}: {reason:?}");
        assert!(reason.is_none_or(|reason| reason.contains("rate limit")));
    }
    assert_eq!(endpoint.calls(), 3);
    assert_eq!(reason(&client, 0).await, None, "what is known costs nothing");
    tokio::time::sleep(ms(1050)).await;
    assert_eq!(reason(&client, 3).await, None);
    assert_eq!(endpoint.calls(), 4);
}

#[tokio::test]
async fn what_the_breaker_holds_back_uses_up_no_rate() {
    let endpoint = endpoint().await;
    let client = builder(&endpoint).rate(many(1), many(2)).breaker(many(1), ms(300)).build().unwrap();
    endpoint.set_fault(Fault::ServerError);
    for number in 0..10 {
        assert!(!reason(&client, number).await.unwrap().contains("rate limit"));
    }
    endpoint.set_fault(Fault::None);
    tokio::time::sleep(ms(350)).await;
    assert_eq!(reason(&client, 0).await, None);
}

#[tokio::test]
async fn a_flood_is_refused_as_undecided_and_can_come_again() {
    let endpoint = endpoint().await;
    let shop = Shop::new(builder(&endpoint).rate(many(10), many(5)).build().unwrap());
    let mut refused = Vec::new();
    for number in 0..20 {
        let answered = shop.receive(&Sent::number(number)).await;
        if !answered.is_handled() {
            assert!(answered.is_unverified(), "{answered:?}");
            refused.push(number);
        }
    }
    assert!(!refused.is_empty());
    for number in refused {
        tokio::time::sleep(ms(110)).await;
        assert!(shop.receive(&Sent::number(number)).await.is_handled());
    }
    assert_eq!(shop.handled(), 20);
}

#[tokio::test]
async fn no_more_are_under_way_than_there_are_places() {
    let endpoint = endpoint().await;
    let two = NonZeroUsize::new(2).unwrap();
    let client = builder(&endpoint).concurrency(two).timeout(ms(1600)).build().unwrap();
    endpoint.set_fault(Fault::Slow(ms(600)));
    let begun = Instant::now();
    let asks: Vec<_> = (0..6)
        .map(|number| {
            let client = client.clone();
            tokio::spawn(async move { (reason(&client, number).await, begun.elapsed()) })
        })
        .collect();
    tokio::time::sleep(ms(300)).await;
    assert_eq!(endpoint.calls(), 2);
    let mut ends = Vec::new();
    for ask in asks {
        ends.push(ask.await.unwrap());
    }
    // Two at once, two when these have finished, and two have waited for half of the time limit.
    let crowded: Vec<_> = ends.iter().filter_map(|(reason, took)| Some((reason.clone()?, *took))).collect();
    assert_eq!(crowded.len(), 2, "{ends:?}");
    for (reason, took) in crowded {
        assert_eq!(reason, "its endpoint was not asked: too many questions were under way for 800ms");
        assert!((ms(790)..ms(1500)).contains(&took), "{took:?}");
    }
    assert_eq!(endpoint.calls(), 4);
}

#[tokio::test]
async fn our_own_crowd_is_no_failure_of_the_endpoint() {
    let endpoint = endpoint().await;
    let builder = builder(&endpoint).concurrency(NonZeroUsize::MIN).timeout(ms(600));
    let client = builder.breaker(many(1), ms(10_000)).build().unwrap();
    endpoint.set_fault(Fault::Slow(ms(400)));
    let first = tokio::spawn({
        let client = client.clone();
        async move { reason(&client, 0).await }
    });
    tokio::time::sleep(ms(50)).await;
    assert!(reason(&client, 1).await.unwrap().contains("too many questions"));
    assert_eq!(first.await.unwrap(), None);
    endpoint.set_fault(Fault::None);
    assert_eq!(reason(&client, 2).await, None);
}

#[tokio::test]
async fn an_endpoint_that_failed_while_a_question_waited_is_left_alone() {
    let endpoint = endpoint().await;
    let builder = builder(&endpoint).concurrency(NonZeroUsize::MIN).timeout(ms(3000));
    let client = builder.breaker(many(1), ms(10_000)).build().unwrap();
    endpoint.set_fault(Fault::Hang);
    let asks = [0, 1].map(|number| {
        let client = client.clone();
        tokio::spawn(async move { reason(&client, number).await.unwrap() })
    });
    tokio::time::sleep(ms(200)).await;
    drop(endpoint);
    let [first, second] = asks;
    assert!(first.await.unwrap().contains("could not be asked"));
    assert!(second.await.unwrap().contains("left alone"));
}

#[test]
fn questions_of_other_runtimes_travel_on_the_clients_own() {
    let own = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (endpoint, client) = own.block_on(async {
        let endpoint = endpoint().await;
        let client = builder(&endpoint).build().unwrap();
        (endpoint, client)
    });
    // Each takes its connections with it when it ends, had it made any.
    for number in 0..5 {
        let other = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        assert_eq!(other.block_on(reason(&client, number)), None);
    }
    assert_eq!(endpoint.calls(), 5);
    drop(own);
    let other = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let reason = other.block_on(async {
        let asked = tokio::time::timeout(Duration::from_secs(5), reason(&client, 9)).await;
        asked.unwrap().unwrap()
    });
    assert!(reason.contains("shutting down"), "{reason}");
}
