//! Deliveries that only their sender can prove, up to the question and from the answer on.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use counterfoil::remote::{Concluded, RemoteCheck, Verdict};
use counterfoil::scheme::Sender;
use counterfoil::verifier::{Verified, VerifierBuilder};
use counterfoil::{Rejection, Verifier, senders};
use counterfoil_tests::secret;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

const BODY: &str = r#"{"_id":"order_1","event":"ORDER.UPDATED"}"#;
const FIRST: &str = "the first secret of some length";
const SECOND: &str = "the second secret of some length";

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(2_000_000_000)
}

fn builder(sender: Sender) -> VerifierBuilder {
    Verifier::builder(sender).webhook_id("hook_1")
}

fn headers(signature: &[u8]) -> HeaderMap {
    let value = HeaderValue::from_bytes(signature).unwrap();
    HeaderMap::from_iter([(HeaderName::from_static("x-ah-sig"), value)])
}

fn ask_with(verifier: &Verifier, headers: &HeaderMap) -> Result<RemoteCheck, Rejection> {
    let mut presented = verifier.present(headers, now())?;
    presented.push(Bytes::from_static(BODY.as_bytes()));
    match presented.finish(headers, now())? {
        Verified::Ask(check) => Ok(*check),
        other => panic!("{other:?}"),
    }
}

fn ask(verifier: &Verifier) -> RemoteCheck {
    ask_with(verifier, &headers(b"signature")).unwrap()
}

fn asks_under(check: &RemoteCheck, secret: &str) -> bool {
    String::from_utf8(check.question().body().to_vec()).unwrap().contains(secret)
}

fn valid(check: &RemoteCheck) -> Verdict {
    check.question().judge(StatusCode::OK, br#"{"verification_status":"SUCCESS"}"#)
}

fn invalid(check: &RemoteCheck) -> Verdict {
    check.question().judge(StatusCode::FORBIDDEN, br#"{"verification_status":"FAILED"}"#)
}

#[test]
fn the_secrets_that_count_are_asked_about_one_after_the_other() {
    let verifier = builder(senders::AGENCYHANDY)
        .secret_until(secret("a secret that has ended"), now())
        .secret(secret(FIRST))
        .secret_until(secret("another that has ended"), now())
        .secret(secret(SECOND))
        .build()
        .unwrap();
    let check = ask(&verifier);
    assert!(asks_under(&check, FIRST) && asks_under(&check, "hook_1"));
    let verdict = invalid(&check);
    let Concluded::Ask(check) = check.conclude(&verdict, now()) else { panic!("there is another secret") };
    assert!(asks_under(&check, SECOND));
    let verdict = valid(&check);
    let Concluded::Proven(delivery) = check.conclude(&verdict, now()) else { panic!("the sender says so") };
    assert_eq!((delivery.secret_index(), delivery.body()), (Some(3), &Bytes::from_static(BODY.as_bytes())));
    assert_eq!(delivery.received_at(), now());
}

#[test]
fn what_no_secret_proves_is_a_mismatch_of_all_that_were_asked_about() {
    let verifier = builder(senders::AGENCYHANDY).secret(secret(FIRST)).secret(secret(SECOND)).build().unwrap();
    let check = ask(&verifier);
    let verdict = invalid(&check);
    let Concluded::Ask(check) = check.conclude(&verdict, now()) else { panic!("there is another secret") };
    let verdict = invalid(&check);
    let concluded = check.conclude(&verdict, now());
    assert!(matches!(concluded, Concluded::Refused(Rejection::SignatureMismatch { secrets: 2 })), "{concluded:?}");
}

#[test]
fn a_verdict_on_another_question_and_none_at_all_decide_nothing() {
    let verifier = builder(senders::AGENCYHANDY).secret(secret(FIRST)).build().unwrap();
    let other = ask_with(&verifier, &headers(b"another signature")).unwrap();
    let concluded = ask(&verifier).conclude(&valid(&other), now());
    assert!(matches!(concluded, Concluded::Refused(Rejection::CouldNotVerify { .. })), "{concluded:?}");
    let check = ask(&verifier);
    let verdict = check.question().undecided("down");
    let concluded = check.conclude(&verdict, now());
    assert!(matches!(concluded, Concluded::Refused(Rejection::CouldNotVerify { .. })), "{concluded:?}");
}

#[test]
fn t10_a_secret_that_ended_while_its_sender_was_asked_proves_nothing() {
    let end = now() + Duration::from_secs(1);
    let verifier = builder(senders::AGENCYHANDY).secret_until(secret(FIRST), end).build().unwrap();
    for (at, proven) in [(now(), true), (end, false)] {
        let check = ask(&verifier);
        let verdict = valid(&check);
        let concluded = check.conclude(&verdict, at);
        assert_eq!(matches!(concluded, Concluded::Proven(_)), proven, "{concluded:?}");
    }
}

#[test]
fn t10_secrets_that_were_replaced_while_their_sender_was_asked_prove_nothing() {
    let verifier = builder(senders::AGENCYHANDY).secret(secret(FIRST)).build().unwrap();
    let check = ask(&verifier);
    let verdict = valid(&check);
    verifier.set_secrets([(secret(SECOND), None)], now()).unwrap();
    let Concluded::Ask(check) = check.conclude(&verdict, now()) else { panic!("the secret is gone") };
    assert!(asks_under(&check, SECOND));
    let verdict = valid(&check);
    assert!(matches!(check.conclude(&verdict, now()), Concluded::Proven(_)));
}

#[test]
fn headers_outside_the_signature_are_kept_until_the_answer() {
    let mut sender = senders::AGENCYHANDY;
    sender.scheme.unsigned.id = Some("X-Request-Id".into());
    let verifier = builder(sender).secret(secret(FIRST)).build().unwrap();
    let mut headers = headers(b"signature");
    headers.insert("x-request-id", HeaderValue::from_static("request 1"));
    let check = ask_with(&verifier, &headers).unwrap();
    let verdict = valid(&check);
    let Concluded::Proven(delivery) = check.conclude(&verdict, now()) else { panic!("the sender says so") };
    assert_eq!(delivery.unsigned_id(), Some("request 1"));
}

#[test]
fn a_signature_that_is_sent_on_is_visible_text_of_1_to_1024_bytes() {
    let verifier = builder(senders::AGENCYHANDY).secret(secret(FIRST)).build().unwrap();
    assert!(ask_with(&verifier, &headers(&[b'a'; 1024])).is_ok());
    for wrong in [&b""[..], &[b'a'; 1025], b"a\xff"] {
        let refused = ask_with(&verifier, &headers(wrong)).unwrap_err();
        assert_eq!(refused.kind().code(), "signature_malformed", "{wrong:?}");
    }
}
