//! Bodies, and headers outside the signature that talk about them.

use counterfoil::Verifier;
use counterfoil::scheme::TagEncoding;
use counterfoil_tests::{Example, hex, secret};
use http::{HeaderMap, HeaderValue};

use super::{TILL_SECRET, code, till};

/// What the example's verifier says to this body, correctly signed.
fn verdict(example: &Example, body: &[u8]) -> &'static str {
    let headers = example.signed(&example.secret, &example.stamp, body);
    code(example.verifier().verify_at(&headers, body.to_vec(), example.now))
}

#[test]
fn t28_bodies_are_hashed_as_raw_bytes() {
    let verifier = Verifier::builder(till(TagEncoding::Hex, None)).secret(secret(TILL_SECRET)).build().unwrap();
    let bodies: [&[u8]; 16] = [
        b"",
        b" ",
        b"\n",
        b"\r\n",
        b"\0",
        b"\xef\xbb\xbf{}",
        b"\xff\xfe\xfd",
        b"{\"a\":\"\xe9\"}",
        b"$$",
        b"$& $1 \\1 \\0",
        b"{body}",
        b"{timestamp}.{body}",
        b"%s %n %00",
        b"{}\r\n",
        b"{}\n",
        b"caf\xc3\xa9 cafe\xcc\x81",
    ];
    let headers = bodies.map(|body| {
        let mut headers = HeaderMap::new();
        let text = format!("v1={}", hex(&hmac_sha256::HMAC::mac(body, TILL_SECRET)));
        headers.insert("x-till-signature", text.parse().unwrap());
        headers
    });
    for (signed, headers) in bodies.iter().zip(&headers) {
        for sent in bodies {
            let outcome = verifier.verify_at(headers, sent, std::time::UNIX_EPOCH);
            if *signed == sent {
                assert_eq!(outcome.unwrap().body(), sent);
            } else {
                assert_eq!(code(outcome), "signature_mismatch", "{signed:?} as {sent:?}");
            }
        }
    }
}

#[test]
fn t28_t48_a_signed_body_that_is_not_one_object_is_400_and_never_401() {
    for example in Example::all() {
        let form = format!("event={}&id=evt_1&data%5Bid%5D=1", example.event_type);
        let bodies = [
            b"".to_vec(),
            b"\0".to_vec(),
            b"$$".to_vec(),
            b"{body}".to_vec(),
            b"\xff".to_vec(),
            b"null".to_vec(),
            form.into_bytes(),
            [b"\xef\xbb\xbf", &*example.body].concat(),
            [&*example.body, b"\0"].concat(),
            [&*example.body, &*example.body].concat(),
            [b"payload=", &*example.body].concat(),
            [b"[", &*example.body, b"]"].concat(),
            example.body[..example.body.len() - 1].to_vec(),
        ];
        for body in bodies {
            let shown = String::from_utf8_lossy(&body);
            assert_eq!(verdict(example, &body), "body_not_an_object", "{} {shown:?}", example.wire.sender);
        }
        for fine in [[&*example.body, b"\r\n"].concat(), [b"\t \n", &*example.body].concat()] {
            assert_eq!(verdict(example, &fine), "valid", "{} {fine:?}", example.wire.sender);
        }
    }
}

#[test]
fn t48_a_declared_content_type_changes_nothing() {
    for example in Example::all() {
        for content_type in ["application/x-www-form-urlencoded", "text/plain", "application/json", "", "\u{e9}"] {
            let mut headers = example.headers();
            headers.insert("content-type", HeaderValue::from_bytes(content_type.as_bytes()).unwrap());
            let outcome = example.verifier().verify_at(&headers, example.body.clone(), example.now);
            assert_eq!(code(outcome), "valid", "{} {content_type}", example.wire.sender);
        }
    }
}

#[test]
fn t29_bytes_do_not_move_between_timestamp_and_body() {
    for example in Example::all() {
        let Some((header, separator)) = example.wire.timestamp else { continue };
        let seconds = &*example.stamp;
        let stamps =
            [seconds.to_owned(), format!("{seconds}000"), format!("{seconds}123"), "2026-05-18T12:00:00Z".into()];
        for stamp in stamps {
            let signed = example.signed(&example.secret, &stamp, &example.body);
            let message = [stamp.as_bytes(), separator.as_bytes(), &*example.body].concat();
            let mut moved = 0;
            for cut in 0..=message.len() {
                // Only where the separator stands at the cut is the message under the MAC still the same.
                let Some(body) = message[cut..].strip_prefix(separator.as_bytes()) else { continue };
                if cut == stamp.len() {
                    continue;
                }
                let mut headers = signed.clone();
                headers.insert(header, HeaderValue::from_bytes(&message[..cut]).unwrap());
                let refused = example.verifier().verify_at(&headers, body.to_vec(), example.now).unwrap_err();
                let split = String::from_utf8_lossy(&message[..cut]);
                let codes = ["timestamp_malformed", "body_not_an_object"];
                assert!(codes.contains(&refused.kind().code()), "{} {split}: {refused}", example.wire.sender);
                moved += 1;
            }
            assert!(moved > 0, "{}: nothing was moved", example.wire.sender);
        }
    }
}

#[test]
fn t29_digits_that_slide_across_the_missing_separator_are_400() {
    let example = Example::of("agency-os-ai");
    let headers = example.signed(&example.secret, format!("{}123", example.stamp), &example.body);
    let mut moved = headers;
    moved.insert("x-aosai-timestamp", example.stamp.parse().unwrap());
    let body = [b"123", &*example.body].concat();
    assert_eq!(code(example.verifier().verify_at(&moved, body, example.now)), "body_not_an_object");
}

#[test]
fn t30_unsigned_headers_never_change_the_key() {
    for example in Example::all() {
        let verifier = example.verifier();
        let plain = verifier.verify_at(&example.headers(), example.body.clone(), example.now).unwrap();
        for id in ["", "1", "evt_9999", "a\u{e9}b", &"x".repeat(10_000)] {
            let mut headers = example.headers();
            let ids = ["x-agiled-webhook-id", "x-aosai-webhook-id", "x-webhook-id", "webhook-id", "idempotency-key"];
            for name in ids {
                headers.insert(name, HeaderValue::from_bytes(id.as_bytes()).unwrap());
            }
            if let Some(event) = example.wire.event {
                headers.insert(event, example.event_type.parse().unwrap());
            }
            let delivery = verifier.verify_at(&headers, example.body.clone(), example.now).unwrap();
            assert_eq!(delivery.key(), plain.key(), "{} {id:?}", example.wire.sender);
            assert_eq!(delivery.event_id(), plain.event_id(), "{} {id:?}", example.wire.sender);
            assert!(delivery.unsigned_id().is_none_or(|shown| shown.len() <= 255), "{}", example.wire.sender);
        }
    }
}

#[test]
fn t30_an_event_header_that_contradicts_the_body_is_400() {
    for example in Example::all() {
        let Some(event) = example.wire.event else { continue };
        let (right, other) = (example.event_type.as_str(), "something.else");
        let verdict = |claims: &[&str]| {
            let mut headers = example.headers();
            for claim in claims {
                headers.append(event, claim.parse().unwrap());
            }
            code(example.verifier().verify_at(&headers, example.body.clone(), example.now))
        };
        for agreeing in [&[right][..], &[right, right]] {
            assert_eq!(verdict(agreeing), "valid", "{} {agreeing:?}", example.wire.sender);
        }
        let shouted = right.to_uppercase();
        let joined = format!("{right},{right}");
        for contradiction in
            [&[other][..], &[right, other], &[other, right], &[""], &[&*shouted], &[&*joined], &[&right[1..]]]
        {
            assert_eq!(verdict(contradiction), "event_contradicted", "{} {contradiction:?}", example.wire.sender);
        }
    }
}

#[test]
fn t30_a_contradiction_counts_however_long_the_type_in_the_body_is() {
    for example in Example::all() {
        let Some(event) = example.wire.event else { continue };
        for length in [255, 256, 1000] {
            let body = example.with_member("event", format!("\"{}\"", "e".repeat(length)));
            let mut headers = example.signed(&example.secret, &example.stamp, &body);
            headers.insert(event, "something.else".parse().unwrap());
            let outcome = example.verifier().verify_at(&headers, body, example.now);
            assert_eq!(code(outcome), "event_contradicted", "{} {length}", example.wire.sender);
        }
    }
}

#[test]
fn t14_an_event_type_that_would_forge_a_log_line_is_not_shown() {
    for example in Example::all() {
        let member = if example.wire.sender == "handl" { "type" } else { "event" };
        for raw in [r#""a\nb""#, r#""\u001b[31m""#, r#""\u0000""#, r#""\u0085""#, r#""""#] {
            let body = example.with_member(member, raw);
            let headers = example.signed(&example.secret, &example.stamp, &body);
            let delivery = example.verifier().verify_at(&headers, body, example.now).unwrap();
            assert_eq!(delivery.event_type(), None, "{} {raw}", example.wire.sender);
        }
    }
}
