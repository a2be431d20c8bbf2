//! Which servers are used, and what is said about them.

use std::error::Error;
use std::time::Instant;

use counterfoil::idempotency::Survives;
use counterfoil_testkit::PrivateRedis;

use super::*;

#[tokio::test]
async fn servers_that_lose_events_are_refused() {
    let evicting = PrivateRedis::start(&[("maxmemory", "50mb"), ("maxmemory-policy", "volatile-lru")]);
    let refused = RedisStore::open(&evicting.url()).await.unwrap_err();
    assert!(matches!(&refused, OpenError::Evicts { policy } if policy == "volatile-lru"), "{refused:?}");
    assert!(refused.to_string().contains("`noeviction`"), "{refused}");
    run::<()>(&mut raw(&evicting.url()), "CONFIG SET maxmemory 0");
    assert!(RedisStore::open(&evicting.url()).await.is_ok(), "without a limit nothing is removed");

    let replica = PrivateRedis::start(&[("replicaof", "127.0.0.1 1")]);
    assert!(matches!(RedisStore::open(&replica.url()).await, Err(OpenError::Replica)));
    let node = PrivateRedis::start(&[("cluster-enabled", "yes")]);
    assert!(matches!(RedisStore::open(&node.url()).await, Err(OpenError::Cluster)));
}

#[tokio::test]
async fn a_server_that_changed_is_looked_at_again() {
    let server = PrivateRedis::start(&[]);
    let (store, mut raw) = (open(&server.url(), "t:").await, raw(&server.url()));
    run::<()>(&mut raw, "REPLICAOF 127.0.0.1 1");
    for reason in ["read only", "use the address of its master"] {
        let refused = store.claim(&request(1, WEEK)).await.unwrap_err();
        assert!(matches!(refused, StoreError::Unavailable { .. }), "{refused:?}");
        assert!(refused.source().unwrap().to_string().contains(reason), "{refused:?}");
    }
    tokio::time::sleep(Duration::from_millis(150)).await;
    run::<()>(&mut raw, "REPLICAOF NO ONE");
    let _lease = win(&store, &request(1, WEEK)).await;

    let mut reconnect = async |settings: &str| {
        run::<()>(&mut raw, settings);
        run::<()>(&mut raw, "CLIENT KILL TYPE normal SKIPME yes");
        tokio::time::sleep(Duration::from_millis(150)).await;
    };
    assert_eq!(store.durability(), Survives::Nothing);
    reconnect("CONFIG SET appendonly yes").await;
    let _lease = win(&store, &request(2, WEEK)).await;
    assert_eq!(store.durability(), Survives::ProcessCrash);
    reconnect("CONFIG SET maxmemory-policy allkeys-lru").await;
    let _lease = win(&store, &request(3, WEEK)).await;
    reconnect("CONFIG SET maxmemory 1gb").await;
    let refused = store.claim(&request(4, WEEK)).await;
    assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{refused:?}");
}

#[tokio::test]
async fn durability_is_what_the_server_says() {
    let always: &[_] = &[("appendonly", "yes"), ("appendfsync", "always")];
    let (stock, every_second): (&[_], &[_]) = (&[], &always[..1]);
    let expected = [(stock, Survives::Nothing), (every_second, Survives::ProcessCrash), (always, Survives::PowerLoss)];
    for (settings, survives) in expected {
        let server = PrivateRedis::start(settings);
        assert_eq!(open(&server.url(), "t:").await.durability(), survives);
    }
    let server = PrivateRedis::start(always);
    let mut raw = raw(&server.url());
    run::<()>(&mut raw, "ACL SETUSER quiet on >pw ~* &* +@all -config");
    run::<()>(&mut raw, "ACL SETUSER silent on >pw ~* &* +@all -info");
    let quiet = open(&format!("{}?user=quiet&pass=pw", server.url()), "t:").await;
    assert_eq!(quiet.durability(), Survives::Nothing, "what is not told is not promised");
    assert_eq!(win(&quiet, &request(1, WEEK)).await.complete(&quiet).await.unwrap(), Fenced::Applied);
    let silent = RedisStore::open(&format!("{}?user=silent&pass=pw", server.url())).await;
    assert!(matches!(silent, Err(OpenError::Redis { .. })), "{silent:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_rights_are_enough() {
    let server = PrivateRedis::start(&[]);
    let rights = "+info +evalsha +eval +scan +ping +time +hmget +hset +hdel +exists +pexpireat +del";
    run::<()>(&mut raw(&server.url()), &format!("ACL SETUSER shop on >pw ~t:* {rights}"));
    contract::check(&open(&format!("{}?user=shop&pass=pw", server.url()), "t:").await).await;
}

#[tokio::test]
async fn bad_addresses_and_prefixes_are_refused() {
    for url in ["", "localhost", "http://localhost", "redis://", "redis://localhost/x", "redis+unix:"] {
        let refused = RedisStore::open(url).await;
        assert!(matches!(refused, Err(OpenError::BadUrl { .. })), "{url}: {refused:?}");
    }
    for prefix in ["", "a b", "a*", "{a}"] {
        let refused = RedisStore::builder(&redis_url()).prefix(prefix).open().await;
        assert!(matches!(refused, Err(OpenError::BadPrefix)), "{prefix}: {refused:?}");
    }
    let began = Instant::now();
    let refused = RedisStore::open("redis://127.0.0.1:1").await;
    assert!(matches!(refused, Err(OpenError::Redis { .. })), "{refused:?}");
    assert!(began.elapsed() < Duration::from_secs(1), "answered after {:?}", began.elapsed());
}

#[tokio::test]
async fn an_encrypted_address_needs_something_to_encrypt_with() {
    let refused = RedisStore::open("rediss://127.0.0.1:1").await;
    #[cfg(not(feature = "tls-rustls"))]
    assert!(matches!(refused, Err(OpenError::BadUrl { .. })), "{refused:?}");
    #[cfg(feature = "tls-rustls")]
    assert!(matches!(refused, Err(OpenError::NoTlsProvider)), "{refused:?}");
}

#[tokio::test]
async fn t14_t20_no_password_is_shown() {
    let shown = |error: &dyn Error| {
        let cause = error.source().map(|source| format!("{source} {source:?}"));
        format!("{error} {error:?} {cause:?}")
    };
    let mut server = PrivateRedis::start(&[]);
    run::<()>(&mut raw(&server.url()), "ACL SETUSER shop on >hunter2 ~* &* +@all");
    let builder = RedisStore::builder(&format!("{}?user=shop&pass=hunter2", server.url()));
    let store = builder.clone().open().await.unwrap();
    let mut texts = vec![format!("{builder:?}"), format!("{store:?}")];
    for url in [
        "redis://shop:hunter2@127.0.0.1:1",
        "redis://shop:hunter2@",
        "redis://shop:hunter2@host/x",
        "redis://shop:hunter2@host:port",
        "http://shop:hunter2@host",
        &format!("{}?user=shop&pass=hunter2-wrong", server.url()),
        &format!("{}?user=shop&pass=hunter2&db=x", server.url()),
        &format!("{}?user=shop&pass=hunter2&db=9999", server.url()),
    ] {
        texts.push(shown(&RedisStore::open(url).await.unwrap_err()));
    }
    server.crash();
    texts.push(shown(&store.claim(&request(1, WEEK)).await.unwrap_err()));
    for text in texts {
        assert!(!text.contains("hunter2"), "{text}");
    }
}
