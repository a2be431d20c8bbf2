//! What each answer of the endpoint comes to.

use std::time::Instant;

use agencyhandy_endpoint::{Fault, sign};
use counterfoil::remote::{Concluded, RemoteVerifier as _};
use counterfoil::{Clock as _, Rejection, SystemClock};

use crate::shop::{BODY, OTHER_SECRET, SECRET, Sent, Shop, WEBHOOK, builder, endpoint, ms};

#[tokio::test]
async fn the_endpoint_is_sent_the_delivery_as_it_came() {
    let endpoint = endpoint().await;
    let client = builder(&endpoint).build().unwrap();
    let body = " {\"total\" : 1.0,\r\n\"big\":12345678901234567890, \"e\":\"\\u00e9\"}\n";
    let sent = Sent::new(body);
    let check = sent.check(&[SECRET]);
    let verdict = client.ask(check.question()).await;
    let Concluded::Proven(delivery) = check.conclude(&verdict, SystemClock.now()) else { panic!("{verdict:?}") };
    assert_eq!(delivery.body(), body.as_bytes());
    let signature = sent.signature;
    assert_eq!(
        endpoint.last_request().unwrap(),
        format!(
            r#"{{"webhookId":"{WEBHOOK}","signature":"{signature}","secret":"{SECRET}","payload":{}}}"#,
            body.trim()
        )
    );
}

#[tokio::test]
async fn what_the_sender_disowns_is_a_mismatch() {
    let endpoint = endpoint().await;
    let shop = Shop::new(builder(&endpoint).build().unwrap());
    let foreign = sign(OTHER_SECRET, BODY.as_bytes()).unwrap();
    let answered = shop.receive(&Sent { signature: foreign, body: BODY.to_owned() }).await;
    assert!(answered.is_mismatch(), "{answered:?}");
    let other_body = Sent { body: BODY.replace("1500", "1501"), ..Sent::new(BODY) };
    assert!(shop.receive(&other_body).await.is_mismatch());
    assert_eq!((endpoint.calls(), shop.handled()), (2, 0));
}

#[tokio::test]
async fn t16_whatever_goes_wrong_is_a_503_and_the_same_delivery_succeeds_later() {
    let faults = [
        Fault::Slow(ms(5000)),
        Fault::ServerError,
        Fault::TooManyRequests,
        Fault::BrokenJson,
        Fault::Redirect,
        Fault::Hang,
        Fault::Close,
        Fault::FailedWith200,
        Fault::SuccessWith403,
        Fault::OtherForbidden,
        Fault::Endless,
    ];
    for fault in faults {
        let endpoint = endpoint().await;
        let shop = Shop::new(builder(&endpoint).timeout(ms(500)).build().unwrap());
        let sent = Sent::new(BODY);
        endpoint.set_fault(fault);
        let answered = shop.receive(&sent).await;
        assert!(answered.is_unverified(), "{fault:?}: {answered:?}");
        assert_eq!((endpoint.calls(), shop.handled()), (1, 0), "{fault:?}");

        endpoint.set_fault(Fault::None);
        assert!(shop.receive(&sent).await.is_handled(), "{fault:?}");
        assert!(shop.receive(&sent).await.duplicate, "{fault:?}");
        assert_eq!((endpoint.calls(), shop.handled()), (2, 1), "{fault:?}");
        assert_eq!(endpoint.redirected(), 0, "{fault:?}");
    }
}

#[tokio::test]
async fn an_endpoint_that_is_not_there_is_a_503() {
    let endpoint = endpoint().await;
    let client = builder(&endpoint).build().unwrap();
    drop(endpoint);
    tokio::task::yield_now().await;
    let sent = Sent::new(BODY);
    let verdict = client.ask(&sent.question()).await;
    let reason = verdict.reason().unwrap();
    assert!(reason.contains("could not be asked") && reason.contains("refused"), "{reason}");
    assert!(Shop::new(client).receive(&sent).await.is_unverified());
}

#[tokio::test]
async fn reasons_name_what_happened() {
    for (fault, reason) in [
        (Fault::ServerError, "its endpoint answered 500 without a verdict"),
        (Fault::Redirect, "its endpoint answered 307 without a verdict"),
        (Fault::OtherForbidden, "its endpoint answered 403 without a verdict"),
        (Fault::Endless, "its endpoint answered 200 with more than 65536 bytes"),
        (Fault::Hang, "its endpoint did not answer within 300ms"),
    ] {
        let endpoint = endpoint().await;
        let client = builder(&endpoint).timeout(ms(300)).build().unwrap();
        endpoint.set_fault(fault);
        assert_eq!(client.ask(&Sent::new(BODY).question()).await.reason(), Some(reason));
    }
}

#[tokio::test]
async fn t22_the_time_limit_holds_for_the_whole_exchange() {
    let endpoint = endpoint().await;
    let client = builder(&endpoint).timeout(ms(300)).build().unwrap();
    for fault in [Fault::Hang, Fault::Slow(ms(5000))] {
        endpoint.set_fault(fault);
        let begun = Instant::now();
        let verdict = client.ask(&Sent::new(BODY).question()).await;
        let took = begun.elapsed();
        assert!(!verdict.is_conclusive());
        assert!((ms(290)..ms(2500)).contains(&took), "{fault:?} took {took:?}");
    }
}

#[tokio::test]
async fn other_texts_of_one_event_are_handled_once() {
    let endpoint = endpoint().await;
    let shop = Shop::new(builder(&endpoint).build().unwrap());
    let texts = [
        r#"{"event":"ORDER.UPDATED","payload":{"total":1,"note":"é"}}"#,
        " { \"event\" : \"ORDER.UPDATED\",\r\n\t\"payload\" : { \"total\" : 1, \"note\" : \"é\" } } ",
        r#"{"payload":{"note":"é","total":1},"event":"ORDER.UPDATED"}"#,
        r#"{"event":"ORDER\u002eUPDATED","\u0070ayload":{"total":1,"note":"\u00e9"}}"#,
        r#"{"event":"ORDER.UPDATED","payload":{"total":1.0,"note":"é"}}"#,
        r#"{"event":"ORDER.UPDATED","payload":{"total":10e-1,"note":"é"}}"#,
    ];
    // Whoever has seen one delivery has its signature, which the endpoint accepts for all of them.
    let signature = Sent::new(texts[0]).signature;
    for (number, text) in texts.into_iter().enumerate() {
        let answered = shop.receive(&Sent { signature: signature.clone(), body: text.to_owned() }).await;
        assert_eq!((answered.status, answered.duplicate), (200, number > 0), "{text}");
        assert_eq!(endpoint.calls(), number + 1, "each text is asked about: {text}");
    }
    assert_eq!(shop.handled(), 1);
}

#[tokio::test]
async fn what_two_readers_may_read_differently_is_never_sent() {
    let endpoint = endpoint().await;
    let shop = Shop::new(builder(&endpoint).build().unwrap());
    let genuine = Sent::new(r#"{"event":"ORDER.UPDATED","total":2}"#).signature;
    for body in [
        r#"{"event":"ORDER.UPDATED","total":1,"total":2}"#,
        r#"{"event":"ORDER.UPDATED","\u0074otal":1,"total":2}"#,
        r#"{"event":"ORDER.UPDATED","payload":[{"a":1,"a":2}]}"#,
        r#"{"event":"ORDER.UPDATED","total":2}}"#,
        r#"{"event":"ORDER.UPDATED","total":2},"secret":"mine""#,
        "[]",
        "",
    ] {
        let answered = shop.receive(&Sent { signature: genuine.clone(), body: body.to_owned() }).await;
        assert_eq!((answered.status, &*answered.code), (400, "body_not_an_object"), "{body}");
    }
    assert_eq!((endpoint.calls(), shop.handled()), (0, 0));
}

#[tokio::test]
async fn a_secret_is_changed_without_losing_a_delivery() {
    let endpoint = endpoint().await;
    let both = Shop::with_secrets(builder(&endpoint).build().unwrap(), &[OTHER_SECRET, SECRET]);
    assert!(both.receive(&Sent::new(BODY)).await.is_handled());
    assert_eq!(endpoint.calls(), 2, "disowned under the old one, confirmed under the new one");
    assert!(both.receive(&Sent::new(BODY)).await.duplicate);
    assert_eq!(endpoint.calls(), 2, "both verdicts are known");

    let old = Shop::with_secrets(builder(&endpoint).build().unwrap(), &[OTHER_SECRET]);
    assert!(old.receive(&Sent::new(BODY)).await.is_mismatch());
}

#[tokio::test]
async fn no_verdict_under_the_first_secret_asks_no_further() {
    let endpoint = endpoint().await;
    let client = builder(&endpoint).build().unwrap();
    endpoint.set_fault(Fault::ServerError);
    let check = Sent::new(BODY).check(&[OTHER_SECRET, SECRET]);
    let verdict = client.ask(check.question()).await;
    let concluded = check.conclude(&verdict, SystemClock.now());
    assert!(matches!(concluded, Concluded::Refused(Rejection::CouldNotVerify { .. })), "{concluded:?}");
    assert_eq!(endpoint.calls(), 1);
}
