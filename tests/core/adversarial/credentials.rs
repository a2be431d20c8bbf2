//! Credentials instead of signatures, and nothing at all.

use bytes::Bytes;
use counterfoil::scheme::{Check, Sender};
use counterfoil::{Clock as _, ConfigError};
use counterfoil::{Rejection, Signer, SystemClock, Verifier, senders};
use counterfoil_tests::secret;
use http::{HeaderMap, HeaderName, HeaderValue};

const BODY: &str = r#"{"event":"order.created","timestamp":"2001-01-22T15:30:00Z","data":{"order_id":"ord_1"}}"#;
const TOKEN: &str = "a token of some length";
const BASIC: &str = "shop:pass:word of some length";

fn verdict(sender: &Sender, secrets: &[&str], header: &str, values: &[&[u8]]) -> String {
    let builder = Verifier::builder(sender.clone());
    let verifier = secrets.iter().fold(builder, |builder, text| builder.secret(secret(text))).build().unwrap();
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(header.parse::<HeaderName>().unwrap(), HeaderValue::from_bytes(value).unwrap());
    }
    code(verifier.verify_at(&headers, BODY, SystemClock.now()).map(drop))
}

fn code(verdict: Result<(), Rejection>) -> String {
    verdict.map_or_else(|rejection| rejection.kind().code().to_owned(), |()| "valid".to_owned())
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

#[test]
fn t19_bearer_tokens() {
    let sender = senders::ANGAGE.with_check(Check::bearer());
    let judge = |value: &str| verdict(&sender, &[TOKEN], "authorization", &[value.as_bytes()]);
    assert_eq!(judge(&format!("Bearer {TOKEN}")), "valid");
    assert_eq!(judge(&format!("bearer {TOKEN}")), "valid", "the scheme's name has no case");
    for wrong in [format!("Bearer {TOKEN}x"), format!("Bearer {}", &TOKEN[1..]), format!("Bearer  {TOKEN}")] {
        assert_eq!(judge(&wrong), "credentials_invalid", "{wrong}");
    }
    assert_eq!(judge(&format!("Bearer {}", TOKEN.to_uppercase())), "credentials_invalid");
    for malformed in ["", "Bearer", "Bearer ", TOKEN, &format!("Basic {}", base64(BASIC)), &format!("Token {TOKEN}")] {
        assert_eq!(judge(malformed), "signature_malformed", "{malformed}");
    }
    assert_eq!(verdict(&sender, &[TOKEN], "authorization", &[]), "signature_missing");
    let right = format!("Bearer {TOKEN}");
    assert_eq!(verdict(&sender, &[TOKEN], "authorization", &[right.as_bytes(); 2]), "signature_repeated");
    assert_eq!(verdict(&sender, &["another token, longer", TOKEN], "authorization", &[right.as_bytes()]), "valid");
}

#[test]
fn t19_basic_authentication() {
    let sender = senders::ANGAGE.with_check(Check::basic());
    let judge = |text: &str| verdict(&sender, &[BASIC], "authorization", &[format!("Basic {text}").as_bytes()]);
    assert_eq!(judge(&base64(BASIC)), "valid");
    for wrong in ["shop:", "shop:pass", ":pass:word of some length", "nobody:pass:word of some length", "shop"] {
        assert_eq!(judge(&base64(wrong)), "credentials_invalid", "{wrong}");
    }
    for malformed in [BASIC, "", "c2hvcA", &format!("{} ", base64(BASIC)), &format!("{}=", base64(BASIC))] {
        assert_eq!(judge(malformed), "signature_malformed", "{malformed}");
    }
    let colon = Verifier::builder(sender).secret(secret(TOKEN)).build().unwrap_err();
    assert!(matches!(colon, ConfigError::SecretUnfit { .. }), "{colon}");
}

#[test]
fn t6_t19_keys_in_a_header() {
    let sender = senders::ANGAGE.with_check(Check::api_key("X-Api-Key"));
    let judge = |value: &[u8]| verdict(&sender, &[TOKEN], "x-api-key", &[value]);
    assert_eq!(judge(TOKEN.as_bytes()), "valid");
    assert_eq!(judge(b""), "signature_malformed", "blank never equals anything");
    for wrong in [&b"x"[..], b"\xff\xfe", &[b'a'; 8000]] {
        assert_eq!(judge(wrong), "credentials_invalid");
    }
    // The stronger scheme's header is not consulted, and does not replace the key.
    assert_eq!(verdict(&sender, &[TOKEN], "x-angage-signature", &[b"sha256=00"]), "signature_missing");
}

#[test]
fn t11_a_wrong_credential_costs_no_body() {
    let sender = senders::ANGAGE.with_check(Check::bearer());
    let verifier = Verifier::builder(sender).secret(secret(TOKEN)).build().unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("authorization", HeaderValue::from_static("Bearer somebody else's"));
    let refused = verifier.present(&headers, SystemClock.now()).unwrap_err();
    assert_eq!(refused.kind().code(), "credentials_invalid");
}

#[test]
fn t10_a_credential_that_is_replaced_while_the_body_arrives_is_refused() {
    let now = SystemClock.now();
    let sender = senders::ANGAGE.with_check(Check::bearer());
    let verifier = Verifier::builder(sender.clone()).secret(secret(TOKEN)).build().unwrap();
    let headers = Signer::new(&sender, &secret(TOKEN)).unwrap().sign(BODY.as_bytes(), now).unwrap();
    let mut presented = verifier.present(&headers, now).unwrap();
    presented.push(Bytes::from_static(BODY.as_bytes()));
    verifier.set_secrets([(secret("the next token, as long"), None)], now).unwrap();
    assert_eq!(presented.finish(&headers, now).unwrap_err().kind().code(), "credentials_invalid");
}

#[test]
fn nothing_in_the_body_is_taken_for_signed() {
    let now = SystemClock.now();
    for check in [Check::bearer(), Check::basic(), Check::api_key("X-Api-Key")] {
        let sender = senders::ANGAGE.with_check(check);
        let verifier = Verifier::builder(sender.clone()).secret(secret(BASIC)).build().unwrap();
        let headers = Signer::new(&sender, &secret(BASIC)).unwrap().sign(BODY.as_bytes(), now).unwrap();
        let delivery = verifier.verify_at(&headers, BODY, now).unwrap();
        assert_eq!(delivery.signed_at(), None, "a time that nobody signed is no signed time");
        assert!(delivery.occurred_at().is_some());
    }
}

#[test]
fn t5_unsigned_is_a_name_and_not_a_default() {
    let sender = senders::ANGAGE.insecure_unsigned();
    let verifier = Verifier::builder(sender.clone()).build().unwrap();
    let delivery = verifier.verify(&HeaderMap::new(), BODY).unwrap();
    assert_eq!((delivery.event_type(), delivery.secret_index()), (Some("order.created"), None));
    let error = Verifier::builder(sender.clone()).secret(secret(TOKEN)).build().unwrap_err();
    assert!(matches!(error, ConfigError::SecretUnused { .. }), "{error}");
    for check in [Check::bearer(), Check::basic(), Check::api_key("X-Api-Key")] {
        let error = Verifier::builder(senders::ANGAGE.with_check(check)).build().unwrap_err();
        assert!(matches!(error, ConfigError::SecretMissing { .. }), "{error}");
    }
    assert!(matches!(Signer::new(&sender, &secret(TOKEN)), Err(ConfigError::Unsignable { .. })));
}
