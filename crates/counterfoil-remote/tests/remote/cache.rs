//! Nothing is asked twice that need not be.

use agencyhandy_endpoint::Fault;
use counterfoil::remote::RemoteVerifier as _;

use crate::shop::{BODY, OTHER_SECRET, SECRET, Sent, Shop, builder, endpoint, ms};

#[tokio::test]
async fn a_redelivery_asks_nobody() {
    let endpoint = endpoint().await;
    let shop = Shop::new(builder(&endpoint).build().unwrap());
    assert!(shop.receive(&Sent::new(BODY)).await.is_handled());
    endpoint.set_fault(Fault::ServerError);
    for _ in 0..10 {
        assert!(shop.receive(&Sent::new(BODY)).await.duplicate);
    }
    assert_eq!(endpoint.calls(), 1);
}

#[tokio::test]
async fn a_flood_of_one_disowned_delivery_asks_once() {
    let endpoint = endpoint().await;
    let shop = Shop::new(builder(&endpoint).build().unwrap());
    let foreign = Sent { signature: "made up".into(), body: BODY.into() };
    for _ in 0..10 {
        assert!(shop.receive(&foreign).await.is_mismatch());
    }
    assert_eq!(endpoint.calls(), 1);
}

#[tokio::test]
async fn a_verdict_holds_for_its_own_question_only() {
    let endpoint = endpoint().await;
    let client = builder(&endpoint).build().unwrap();
    let sent = Sent::new(BODY);
    let shop = |secrets: &[&str]| Shop::with_secrets(client.clone(), secrets);
    assert!(shop(&[SECRET]).receive(&sent).await.is_handled());
    // The same signature and the same body, confirmed a moment ago: under another secret.
    assert!(shop(&[OTHER_SECRET]).receive(&sent).await.is_mismatch());
    // The same secret and the same signature: for another body.
    let other_body = Sent { body: BODY.replace("1500", "1"), ..sent.clone() };
    assert!(shop(&[SECRET]).receive(&other_body).await.is_mismatch());
    // The same secret and the same body: with another signature.
    let other_signature = Sent { signature: "made up".into(), ..sent.clone() };
    assert!(shop(&[SECRET]).receive(&other_signature).await.is_mismatch());
    assert_eq!(endpoint.calls(), 4);
    assert!(shop(&[SECRET]).receive(&sent).await.is_handled(), "by another store");
    assert_eq!(endpoint.calls(), 4);
}

#[tokio::test]
async fn verdicts_are_forgotten_in_time() {
    let endpoint = endpoint().await;
    let client = builder(&endpoint).cache(10.try_into().unwrap(), ms(300)).build().unwrap();
    let question = Sent::new(BODY).question();
    assert!(client.ask(&question).await.is_conclusive());
    endpoint.set_fault(Fault::ServerError);
    tokio::time::sleep(ms(350)).await;
    assert!(!client.ask(&question).await.is_conclusive());
    assert_eq!(endpoint.calls(), 2);
}

#[tokio::test]
async fn without_a_cache_every_delivery_is_asked_about() {
    let endpoint = endpoint().await;
    let shop = Shop::new(builder(&endpoint).without_cache().build().unwrap());
    assert!(shop.receive(&Sent::new(BODY)).await.is_handled());
    assert!(shop.receive(&Sent::new(BODY)).await.duplicate);
    assert_eq!(endpoint.calls(), 2);
}

#[tokio::test]
async fn equal_questions_that_come_together_are_asked_once() {
    for (fault, decided) in [(Fault::Slow(ms(300)), true), (Fault::Hang, false)] {
        let endpoint = endpoint().await;
        let client = builder(&endpoint).timeout(ms(900)).without_cache().build().unwrap();
        endpoint.set_fault(fault);
        let asks: Vec<_> = (0..50)
            .map(|_| {
                let client = client.clone();
                tokio::spawn(async move { client.ask(&Sent::new(BODY).question()).await.is_conclusive() })
            })
            .collect();
        for ask in asks {
            assert_eq!(ask.await.unwrap(), decided, "{fault:?}");
        }
        assert_eq!(endpoint.calls(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn copies_that_come_together_are_handled_once() {
    let endpoint = endpoint().await;
    let shop = Shop::new(builder(&endpoint).build().unwrap());
    endpoint.set_fault(Fault::Slow(ms(100)));
    let copies: Vec<_> = (0..20)
        .map(|_| {
            let shop = shop.clone();
            tokio::spawn(async move { shop.receive(&Sent::new(BODY)).await })
        })
        .collect();
    for copy in copies {
        let answered = copy.await.unwrap();
        assert_eq!(answered.status, 200, "{answered:?}");
    }
    assert_eq!((endpoint.calls(), shop.handled()), (1, 1));
}

#[tokio::test]
async fn whoever_stops_waiting_cuts_nothing_short() {
    let endpoint = endpoint().await;
    let client = builder(&endpoint).build().unwrap();
    let question = Sent::new(BODY).question();
    endpoint.set_fault(Fault::Slow(ms(400)));
    assert!(tokio::time::timeout(ms(100), client.ask(&question)).await.is_err());
    assert!(client.ask(&question).await.is_conclusive());
    assert_eq!(endpoint.calls(), 1);
}
