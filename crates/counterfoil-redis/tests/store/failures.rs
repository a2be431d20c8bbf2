//! Servers that crash, hang, forget or are full.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Instant;

use counterfoil::idempotency::{Outcome, State, Survives};
use counterfoil_testkit::PrivateRedis;

use super::*;

const SYNCED: &[(&str, &str)] = &[("appendonly", "yes"), ("appendfsync", "always")];

/// Longer than a connection may be silent before it is looked at.
const IDLE: Duration = Duration::from_millis(150);

#[tokio::test]
async fn t8_events_survive_a_crash_of_the_server() {
    let mut server = PrivateRedis::start(SYNCED);
    let store = open(&server.url(), "t:").await;
    assert_eq!(store.durability(), Survives::PowerLoss);
    let done = win(&store, &request(1, WEEK)).await;
    let left = win(&store, &request(2, WEEK)).await;
    assert_eq!(done.complete(&store).await.unwrap(), Fenced::Applied);

    server.crash();
    let began = Instant::now();
    let error = store.claim(&request(3, WEEK)).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. } | StoreError::CommitUnknown { .. }), "{error:?}");
    tokio::time::sleep(IDLE).await;
    let error = store.claim(&request(3, WEEK)).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "nothing can have been written: {error:?}");
    assert!(began.elapsed() < Duration::from_secs(2), "answered after {:?}", began.elapsed());

    server.restart();
    let began = Instant::now();
    let again = loop {
        match store.claim(&request(1, WEEK)).await {
            Ok(claim) => break claim,
            Err(error) => assert!(error.is_transient() && began.elapsed() < Duration::from_secs(2), "{error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert!(matches!(again, Claim::Duplicate(Outcome::Completed)));
    assert!(matches!(store.claim(&request(2, WEEK)).await.unwrap(), Claim::InFlight { .. }));
    assert_eq!(left.complete(&store).await.unwrap(), Fenced::Applied, "the token outlives the server");
}

/// Callers who claim and complete one event after the other, until they are told to stop.
async fn deliver(store: RedisStore, next: Arc<AtomicU32>, stop: Arc<AtomicBool>) -> Vec<(ClaimRequest, bool)> {
    let mut won = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let request = request(next.fetch_add(1, Ordering::Relaxed), WEEK);
        match store.claim(&request).await {
            Ok(Claim::Won(lease)) => {
                let completed = lease.complete(&store).await;
                won.push((request, completed.is_ok_and(|fenced| fenced == Fenced::Applied)));
            }
            Ok(other) => panic!("a new key is won, not {other:?}"),
            Err(error) => {
                assert!(
                    matches!(error, StoreError::Unavailable { .. } | StoreError::CommitUnknown { .. }),
                    "{error:?}"
                );
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    }
    won
}

#[tokio::test(flavor = "multi_thread")]
async fn crashes_under_load_lose_nothing_that_was_acknowledged() {
    let mut server = PrivateRedis::start(SYNCED);
    let store = open(&server.url(), "t:").await;
    let (next, stop) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..16 {
        callers.spawn(deliver(store.clone(), next.clone(), stop.clone()));
    }
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.crash();
        server.restart();
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    stop.store(true, Ordering::Relaxed);
    let won: Vec<_> = callers.join_all().await.into_iter().flatten().collect();
    assert!(won.iter().filter(|(_, completed)| *completed).count() > 100, "{} were won", won.len());
    for (request, completed) in won {
        match store.claim(&request).await.unwrap() {
            Claim::Duplicate(Outcome::Completed) => {}
            Claim::InFlight { .. } => assert!(!completed, "its completion is lost"),
            other => panic!("it was handed out once, and now is {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_server_that_stops_answering_is_given_up_and_found_again() {
    let server = PrivateRedis::start(&[]);
    let (store, mut raw) = (open(&server.url(), "t:").await, raw(&server.url()));
    let _lease = win(&store, &request(0, WEEK)).await;
    run::<()>(&mut raw, "CLIENT PAUSE 2400");
    let began = Instant::now();
    let requests: Vec<_> = (0..2000).map(|key| request(key, WEEK)).collect();
    let read = store.get(requests[0].scope, requests[0].key);
    let claims: Vec<_> = requests.iter().map(|request| store.claim(request)).collect();
    let read = read.await;
    assert!(matches!(read, Err(StoreError::Unavailable { .. })), "{read:?}");
    let mut sent = 0;
    for claim in claims {
        match claim.await {
            Err(StoreError::CommitUnknown { .. }) => sent += 1,
            Err(StoreError::Unavailable { .. }) => {}
            other => panic!("nobody waits that long: {other:?}"),
        }
    }
    assert!(began.elapsed() < Duration::from_secs(5), "answered after {:?}", began.elapsed());
    assert!((1..=1024).contains(&sent), "{sent} were sent");
    assert!(matches!(store.claim(&requests[0]).await.unwrap(), Claim::InFlight { .. }));
}

/// Servers close what is idle, and are restarted while nothing happens.
#[tokio::test]
async fn a_connection_closed_while_idle_costs_no_delivery() {
    let mut server = PrivateRedis::start(SYNCED);
    let store = open(&server.url(), "t:").await;
    for key in 0..5 {
        let _lease = win(&store, &request(key, WEEK)).await;
        run::<()>(&mut raw(&server.url()), "CLIENT KILL TYPE normal SKIPME yes");
        tokio::time::sleep(IDLE).await;
    }
    server.restart();
    tokio::time::sleep(IDLE).await;
    assert!(matches!(store.claim(&request(0, WEEK)).await.unwrap(), Claim::InFlight { .. }));
}

#[tokio::test]
async fn a_busy_server_is_unavailable() {
    let server = PrivateRedis::start(&[("lua-time-limit", "50")]);
    let store = open(&server.url(), "t:").await;
    let mut endless = raw(&server.url());
    let endless = std::thread::spawn(move || redis::cmd("EVAL").arg("while true do end").arg(0).exec(&mut endless));
    tokio::time::sleep(Duration::from_millis(500)).await;
    let refused = store.claim(&request(1, WEEK)).await;
    assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{refused:?}");
    run::<()>(&mut raw(&server.url()), "SCRIPT KILL");
    assert!(endless.join().unwrap().is_err());
    let _lease = win(&store, &request(1, WEEK)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_callers_than_may_wait_are_told_at_once() {
    let server = PrivateRedis::start(&[]);
    let (store, mut raw) = (open(&server.url(), "t:").await, raw(&server.url()));
    run::<()>(&mut raw, "CLIENT PAUSE 1000");
    let requests: Vec<_> = (0..10_000).map(|key| request(key, WEEK)).collect();
    let mut claims: Vec<_> = requests.iter().map(|request| store.claim(request)).collect();
    let last = at_once(claims.pop().unwrap());
    assert!(matches!(last, Some(Err(StoreError::Unavailable { .. }))), "{last:?}");
    let mut won = 0;
    for claim in claims {
        match claim.await {
            Ok(Claim::Won(_)) => won += 1,
            Err(StoreError::Unavailable { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!((1000..6000).contains(&won), "{won} were let in");
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_that_the_server_lost_are_sent_again() {
    let server = PrivateRedis::start(&[]);
    let (store, mut raw) = (open(&server.url(), "t:").await, raw(&server.url()));
    let mut flush = || run::<()>(&mut raw, "SCRIPT FLUSH");
    let event = request(1, WEEK);

    flush();
    let lease = win(&store, &event).await;
    flush();
    assert_eq!(store.extend(&lease.fence(), event.lease_time).await.unwrap(), Fenced::Applied);
    flush();
    assert_eq!(store.get(event.scope, event.key).await.unwrap().unwrap().state, State::Claimed);
    flush();
    assert_eq!(lease.complete(&store).await.unwrap(), Fenced::Applied);
    flush();
    assert!(store.forget(event.scope, event.key).await.unwrap());

    for round in 0..20 {
        flush();
        let mut callers = tokio::task::JoinSet::new();
        for index in 0..64 {
            let (store, event) = (store.clone(), request(1000 + round * 16 + index / 4, WEEK));
            callers.spawn(async move { matches!(store.claim(&event).await.unwrap(), Claim::Won(_)) });
        }
        flush();
        assert_eq!(callers.join_all().await.into_iter().filter(|won| *won).count(), 16);
    }
}

#[tokio::test]
async fn a_full_server_refuses_new_events_and_keeps_the_old() {
    let server = PrivateRedis::start(&[("maxmemory", "2mb"), ("maxmemory-policy", "noeviction")]);
    let store = open(&server.url(), "t:").await;
    let mut won = Vec::new();
    fill(&store, &mut won).await;
    assert!(won.len() > 10, "{} events fitted", won.len());
    for (index, (request, lease)) in won.iter().enumerate() {
        assert_eq!(store.extend(&lease.fence(), request.lease_time).await.unwrap(), Fenced::Applied);
        let settled = match index % 3 {
            0 => lease.bury(&store, &Note::new("poison")).await,
            _ => lease.complete(&store).await,
        };
        assert_eq!(settled.unwrap(), Fenced::Applied, "what is in hand can be settled on a full server");
    }
    // Settling may have left a little room.
    let settled = won.len();
    fill(&store, &mut won).await;
    for (index, (request, _)) in won[..settled].iter().enumerate() {
        let outcome = if index % 3 == 0 { Outcome::Dead } else { Outcome::Completed };
        let again = store.claim(request).await.unwrap();
        assert!(matches!(again, Claim::Duplicate(same) if same == outcome), "{again:?}");
    }
}

/// Claims new events until the server has no room.
async fn fill(store: &RedisStore, won: &mut Vec<(ClaimRequest, Lease)>) {
    loop {
        let note = Note::new("x".repeat(255));
        let request = ClaimRequest { note, ..request(u32::try_from(won.len()).unwrap(), WEEK) };
        match store.claim(&request).await {
            Ok(Claim::Won(lease)) => won.push((request, lease)),
            Err(StoreError::Full { source: Some(_) }) => return,
            other => panic!("a new key is won or refused, not {other:?}"),
        }
    }
}
