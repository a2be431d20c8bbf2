//! Rows: when they go, in which order they are listed, and what is none.

use counterfoil::idempotency::{Fence, State};

use super::*;

fn name(prefix: &str, request: &ClaimRequest) -> String {
    format!("{prefix}{{{}:{}}}", request.scope, request.key)
}

#[tokio::test]
async fn lists_many_rows_in_order() {
    let store = shared().await;
    let requests: Vec<_> = (0..1500).map(|key| request(key, WEEK)).collect();
    for (index, request) in requests.iter().enumerate() {
        let lease = win(&store, request).await;
        if index % 3 == 0 {
            assert_eq!(lease.complete(&store).await.unwrap(), Fenced::Applied);
        }
    }
    let mut keys: Vec<_> = requests.iter().map(|request| request.key).collect();
    keys.sort_unstable();
    let mut page = Page { most: NonZeroU32::new(400).unwrap(), ..ALL };
    let mut listed = Vec::new();
    loop {
        let records = store.list(&page).await.unwrap();
        let Some(last) = records.last() else { break };
        assert!(records.len() <= 400);
        page.after = Some((last.scope, last.key));
        listed.extend(records.iter().map(|record| record.key));
    }
    assert_eq!(listed, keys);
    let claimed = Page { state: Some(State::Claimed), ..ALL };
    assert_eq!(store.list(&claimed).await.unwrap().len(), 1000);
}

/// What the answers do not show: when the server lets a row go.
#[tokio::test]
async fn rows_go_by_themselves_and_not_before() {
    let (url, prefix) = (redis_url(), unique_name());
    let (store, mut raw) = (open(&url, &prefix).await, raw(&url));
    let mut left = |request: &ClaimRequest| run::<i64>(&mut raw, &format!("PTTL {}", name(&prefix, request)));
    let near = |millis: i64, seconds: i64| (seconds * 1000 - 5000..=seconds * 1000).contains(&millis);

    let kept = request(1, Duration::from_secs(300));
    let lease = win(&store, &kept).await;
    assert!(near(left(&kept), 300));
    let long = NonZeroDuration::new(Duration::from_secs(600)).unwrap();
    assert_eq!(store.extend(&lease.fence(), long).await.unwrap(), Fenced::Applied);
    assert!(near(left(&kept), 600), "a lease that outlives its retention holds the row");
    assert_eq!(lease.complete(&store).await.unwrap(), Fenced::Applied);
    assert!(left(&kept) > 0, "a completed row goes by itself");

    let brief = request(2, Duration::from_millis(50));
    let lease = win(&store, &brief).await;
    assert!(near(left(&brief), 60), "the lease's end, not the retention's");
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert!(store.get(brief.scope, brief.key).await.unwrap().is_some(), "it is being handled");
    assert_eq!(lease.bury(&store, &Note::new("poison")).await.unwrap(), Fenced::Applied);
    assert!(store.get(brief.scope, brief.key).await.unwrap().is_none(), "its retention has passed");
    assert!(!store.list(&ALL).await.unwrap().iter().any(|record| record.key == brief.key));
    let again = win(&store, &ClaimRequest { retention: kept.retention, ..brief.clone() }).await.fence();
    assert_eq!(again.attempt, 1, "attempts begin anew after the retention");
    assert!(again.token > lease.fence().token);
    assert!(near(left(&brief), 300));
    let record = store.get(brief.scope, brief.key).await.unwrap().unwrap();
    assert_eq!((record.state, record.reason), (State::Claimed, None));

    // A shorter retention does not take back what an earlier claim has promised.
    let lease = win(&store, &request(3, WEEK)).await;
    assert_eq!(lease.release(&store).await.unwrap(), Fenced::Applied);
    let _lease = win(&store, &request(3, Duration::from_secs(300))).await;
    assert!(near(left(&request(3, WEEK)), 7 * 86_400));

    let forever = NonZeroDuration::new(Duration::MAX).unwrap();
    let longest = ClaimRequest { lease_time: forever, retention: forever, ..request(4, WEEK) };
    let lease = win(&store, &longest).await;
    assert!(left(&longest) > 0, "the longest times stay in range");
    assert_eq!(store.extend(&lease.fence(), forever).await.unwrap(), Fenced::Applied);
    assert!(store.get(longest.scope, longest.key).await.unwrap().is_some());
    assert_eq!(lease.complete(&store).await.unwrap(), Fenced::Applied);
}

/// The scripts judge for themselves: a key may be there longer than its row.
#[tokio::test]
async fn a_row_whose_time_has_passed_is_none() {
    let (url, prefix) = (redis_url(), unique_name());
    let (store, mut raw) = (open(&url, &prefix).await, raw(&url));
    let moment = NonZeroDuration::new(Duration::from_millis(50)).unwrap();
    let event = ClaimRequest { lease_time: moment, on_expired: OnExpired::Park, ..request(1, moment.get()) };
    let mut outlive = async || {
        run::<()>(&mut raw, &format!("PERSIST {}", name(&prefix, &event)));
        tokio::time::sleep(Duration::from_millis(60)).await;
    };
    let first = win(&store, &event).await.fence();
    outlive().await;
    assert!(store.get(event.scope, event.key).await.unwrap().is_none());
    assert!(store.list(&ALL).await.unwrap().is_empty());
    let second = win(&store, &event).await.fence();
    assert_eq!(second.attempt, 1, "it is new, and nothing to park");
    assert!(second.token > first.token);
    outlive().await;
    assert!(!store.forget(event.scope, event.key).await.unwrap());
}

#[tokio::test]
async fn tokens_grow_past_a_clock_that_went_back() {
    let (url, prefix) = (redis_url(), unique_name());
    let (store, mut raw) = (open(&url, &prefix).await, raw(&url));
    let event = request(1, WEEK);
    let lease = win(&store, &event).await;
    assert_eq!(lease.release(&store).await.unwrap(), Fenced::Applied);
    let ahead = 9_007_199_254_740_990_i64;
    run::<()>(&mut raw, &format!("HSET {} t {ahead}", name(&prefix, &event)));
    let lease = win(&store, &event).await;
    assert_eq!(lease.fence().token, ahead + 1);
    let before = Fence { token: ahead, ..lease.fence() };
    assert_eq!(store.complete(&before).await.unwrap(), Fenced::Lost);
    assert_eq!(lease.complete(&store).await.unwrap(), Fenced::Applied);
}

#[tokio::test]
async fn what_no_version_writes_is_broken_and_left_alone() {
    let (url, prefix) = (redis_url(), unique_name());
    let (store, mut raw) = (open(&url, &prefix).await, raw(&url));
    let event = request(1, WEEK);
    let row = name(&prefix, &event);
    for (what, change) in [
        ("a newer version", format!("HSET {row} v 2")),
        ("an unknown state", format!("HSET {row} s 4")),
        ("no state", format!("HDEL {row} s")),
        ("a token that is no number", format!("HSET {row} t nan")),
        ("a token that cannot grow", format!("HSET {row} t 9007199254740992")),
        ("a lease that is no number", format!("HSET {row} l 0x10")),
        ("no retention", format!("HDEL {row} e")),
        ("attempts that are no number", format!("HSET {row} n -1")),
        ("somebody else's hash", format!("HDEL {row} v s t l e f n b m")),
        ("somebody else's text", format!("SET {row} hello")),
    ] {
        let lease = win(&store, &event).await;
        run::<()>(&mut raw, &format!("HSET {row} other 1"));
        run::<()>(&mut raw, &change);
        let before: Vec<u8> = run(&mut raw, &format!("DUMP {row}"));
        let errors = [
            store.claim(&event).await.map(drop).unwrap_err(),
            lease.complete(&store).await.map(drop).unwrap_err(),
            lease.release(&store).await.map(drop).unwrap_err(),
            lease.bury(&store, &Note::new("poison")).await.map(drop).unwrap_err(),
            store.extend(&lease.fence(), event.lease_time).await.map(drop).unwrap_err(),
            store.forget(event.scope, event.key).await.map(drop).unwrap_err(),
            store.get(event.scope, event.key).await.map(drop).unwrap_err(),
            store.list(&ALL).await.map(drop).unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(error, StoreError::Broken { .. }), "{what}: {error:?}");
        }
        let after: Vec<u8> = run(&mut raw, &format!("DUMP {row}"));
        assert_eq!(before, after, "{what}");
        run::<()>(&mut raw, &format!("DEL {row}"));
    }
}

#[tokio::test]
async fn a_row_that_is_broken_costs_nobody_else_anything() {
    let (url, prefix) = (redis_url(), unique_name());
    let (store, mut raw) = (open(&url, &prefix).await, raw(&url));
    let requests: Vec<_> = (0..64).map(|key| request(key, WEEK)).collect();
    run::<()>(&mut raw, &format!("SET {} hello", name(&prefix, &requests[7])));
    let claims: Vec<_> = requests.iter().map(|request| store.claim(request)).collect();
    for (index, claim) in claims.into_iter().enumerate() {
        match claim.await {
            Ok(Claim::Won(_)) => assert_ne!(index, 7),
            Err(StoreError::Broken { .. }) => assert_eq!(index, 7),
            other => panic!("{other:?}"),
        }
    }
}
