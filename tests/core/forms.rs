//! What the headers must be that prove a delivery, to the byte, and what a refusal says of it.

use std::time::{Duration, UNIX_EPOCH};

use counterfoil::scheme::{Check, Part, Sender, TagEncoding};
use counterfoil::{Delivery, Rejection, Verifier, senders};
use counterfoil_tests::{hex, secret};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::settings::of_catalogue;

const SECRET: &str = "a secret of some length";

/// What the header should have been, in the words of the refusal.
fn form(sender: Sender, header: &'static str, text: &str) -> String {
    let builder = Verifier::builder(sender).secret(secret(text));
    let headers = HeaderMap::from_iter([(HeaderName::from_static(header), HeaderValue::from_static(""))]);
    match builder.build().unwrap().present(&headers, UNIX_EPOCH).unwrap_err() {
        Rejection::SignatureMalformed { header: named, form } => {
            assert_eq!(named, header);
            form.to_string()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_malformed_header_is_told_its_form() {
    let with_encoding = |encoding: TagEncoding| {
        let mut sender = senders::HANDL;
        if let Check::Hmac(hmac) = &mut sender.scheme.check {
            hmac.signature.encoding = encoding;
        }
        form(sender, "x-handl-signature", SECRET)
    };
    assert_eq!(with_encoding(TagEncoding::Hex), "`<64 hex digits>`, and nothing else");
    assert_eq!(with_encoding(TagEncoding::Base64), "`<44 characters of base64>`, and nothing else");
    assert_eq!(with_encoding(TagEncoding::Base64Url), "`<43 characters of URL-safe base64>`, and nothing else");
    let listed = "`v1=<64 hex digits>` among entries separated by `,`";
    assert_eq!(form(of_catalogue("stripe"), "stripe-signature", SECRET), listed);
    let with_check =
        |check: Check, header| form(senders::ANGAGE.with_check(check), header, "user:password of some length");
    assert_eq!(with_check(Check::bearer(), "authorization"), "`Bearer <credential>`");
    assert_eq!(with_check(Check::basic(), "authorization"), "`Basic <base64 of user:password>`");
    assert_eq!(with_check(Check::api_key("X-Api-Key"), "x-api-key"), "`<credential>`");
}

/// Signed as Standard Webhooks do, with this id.
fn standard(id: &HeaderValue) -> Result<Delivery, Rejection> {
    let sender = of_catalogue("standard-webhooks");
    let (key, at) = ("5f2d8c1b9e7a4036abcdef", 1_779_105_600);
    let encode = |bytes: &[u8]| {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(bytes)
    };
    let body = br#"{"type":"order.created","timestamp":"2026-05-18T12:00:00Z","data":{}}"#;
    let message = [id.as_bytes(), format!(".{at}.").as_bytes(), body].concat();
    let tag = encode(&hmac_sha256::HMAC::mac(message, key));
    let headers = HeaderMap::from_iter([
        (HeaderName::from_static("webhook-id"), id.clone()),
        (HeaderName::from_static("webhook-timestamp"), HeaderValue::from(at)),
        (HeaderName::from_static("webhook-signature"), HeaderValue::try_from(format!("v1,{tag}")).unwrap()),
    ]);
    let secret = counterfoil::Secret::decode(format!("whsec_{}", encode(key.as_bytes())), sender.scheme.secret);
    let verifier = Verifier::builder(sender).secret(secret.unwrap()).build().unwrap();
    verifier.verify_at(&headers, body.as_slice(), UNIX_EPOCH + Duration::from_secs(1_779_105_600))
}

#[test]
fn a_signed_header_is_visible_text_of_1_to_1024_bytes() {
    let id = "a".repeat(1024);
    let delivery = standard(&HeaderValue::try_from(&id).unwrap()).unwrap();
    assert_eq!(delivery.event_id().unwrap().as_str(), id);
    assert!(delivery.signed_at().is_some());
    for wrong in [&b""[..], &[b'a'; 1025], b"msg_\xff"] {
        let refused = standard(&HeaderValue::from_bytes(wrong).unwrap()).unwrap_err();
        assert_eq!(refused.kind().code(), "signature_malformed", "{wrong:?}");
    }
}

#[test]
fn what_is_signed_on_either_side_of_the_body_counts() {
    let part = |name: &'static str| Part::Header(name.into());
    let dot = || Part::Literal(".".into());
    let mut sender = senders::HANDL;
    if let Check::Hmac(hmac) = &mut sender.scheme.check {
        hmac.signed = vec![part("X-One"), dot(), Part::Body, dot(), part("X-Two"), dot(), part("X-Three")].into();
        hmac.timestamp = None;
    }
    let verifier = Verifier::builder(sender).secret(secret(SECRET)).build().unwrap();
    let body = r#"{"id":"evt_1"}"#;
    let tag = hex(&hmac_sha256::HMAC::mac(format!("1.{body}.2.3"), SECRET));
    let verdict = |one, two, three| {
        let headers = [("x-handl-signature", &*tag), ("x-one", one), ("x-two", two), ("x-three", three)];
        let headers =
            headers.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::try_from(value).unwrap()));
        verifier.verify_at(&HeaderMap::from_iter(headers), body, UNIX_EPOCH).map_err(|refused| refused.kind().code())
    };
    assert!(verdict("1", "2", "3").is_ok());
    for (one, two, three) in [("0", "2", "3"), ("1", "0", "3"), ("1", "2", "0"), ("2", "1", "3"), ("1", "3", "2")] {
        assert_eq!(verdict(one, two, three).unwrap_err(), "signature_mismatch", "{one} {two} {three}");
    }
}
