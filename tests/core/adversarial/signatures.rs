//! The signature header.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use counterfoil::scheme::{Sender, TagEncoding};
use counterfoil::{Verifier, senders};
use counterfoil_tests::{Example, hex, secret};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{TILL_SECRET, code, till};

const BODY: &[u8] = b"till 7: 12.50";

fn till_tag() -> [u8; 32] {
    hmac_sha256::HMAC::mac(BODY, TILL_SECRET)
}

fn till_verdict(sender: &Sender, signature: &str) -> &'static str {
    let verifier = Verifier::builder(sender.clone()).secret(secret(TILL_SECRET)).build().expect("a verifier");
    let mut headers = HeaderMap::new();
    headers.insert("x-till-signature", HeaderValue::from_str(signature).expect("a header value"));
    code(verifier.verify_at(&headers, BODY, std::time::UNIX_EPOCH))
}

/// What the example's verifier says to these signature headers.
fn verdict(example: &Example, signatures: &[&[u8]]) -> &'static str {
    let mut headers = example.headers();
    headers.remove(example.wire.signature);
    for signature in signatures {
        headers.append(example.wire.signature, HeaderValue::from_bytes(signature).expect("a header value"));
    }
    code(example.verifier().verify_at(&headers, example.body.clone(), example.now))
}

/// The example's right signature.
fn right(example: &Example) -> String {
    format!("{}{}", example.wire.prefix, digits(example))
}

fn digits(example: &Example) -> String {
    hex(&example.tag(&example.secret, &example.stamp, &example.body))
}

#[test]
fn t1_signatures_of_a_wrong_length_are_refused_in_every_encoding_and_list_position() {
    for (encoding, text) in [(TagEncoding::Hex, hex(&till_tag())), (TagEncoding::Base64, STANDARD.encode(till_tag()))] {
        let one = till(encoding, None);
        let list = till(encoding, Some(','));
        assert_eq!(till_verdict(&one, &format!("v1={text}")), "valid");
        let other = format!("v1={}", text.replace(|digit: char| digit.is_ascii_hexdigit(), "0"));
        for length in (0..text.len()).chain([text.len() + 1, text.len() + 2, 10_000]) {
            let wrong = format!("v1={}", text.chars().cycle().take(length).collect::<String>());
            assert_eq!(till_verdict(&one, &wrong), "signature_malformed", "{wrong:?}");
            assert_eq!(till_verdict(&list, &format!("{wrong},{wrong},{wrong}")), "signature_malformed", "{wrong:?}");
            if encoding == TagEncoding::Hex {
                for entries in [[&wrong, &other, &other], [&other, &wrong, &other], [&other, &other, &wrong]] {
                    let entries = entries.map(String::as_str).join(",");
                    assert_eq!(till_verdict(&list, &entries), "signature_mismatch", "{entries:?}");
                }
            }
        }
        for empty in ["", ",", ",,,", "v1=", "v1=,v1="] {
            assert_eq!(till_verdict(&list, empty), "signature_malformed", "{empty:?}");
        }
    }
}

#[test]
fn t6_blank_equals_nothing_and_no_weaker_scheme_takes_over() {
    for example in Example::all() {
        let sender = example.wire.sender;
        for blank in ["", " ", "\t", example.wire.prefix, "sha256=", "null", "undefined"] {
            assert_eq!(verdict(example, &[blank.as_bytes()]), "signature_malformed", "{sender} {blank:?}");
        }
        // Signed as whoever has no secret would: under the empty key, or under a blank one.
        for key in ["", " ", "null", "undefined"] {
            let headers = example.signed(key, &example.stamp, &example.body);
            let outcome = example.verifier().verify_at(&headers, example.body.clone(), example.now);
            assert_eq!(code(outcome), "signature_mismatch", "{sender} {key:?}");
        }
        let mut headers = example.headers();
        let signature = headers.remove(example.wire.signature).unwrap();
        for weaker in ["x-signature", "x-hub-signature", "x-hub-signature-256", "x-token", "x-api-key"] {
            headers.insert(weaker, signature.clone());
        }
        headers.insert("authorization", format!("Bearer {}", example.secret).parse().unwrap());
        let outcome = example.verifier().verify_at(&headers, example.body.clone(), example.now);
        assert_eq!(code(outcome), "signature_missing", "{sender}");
    }
}

#[test]
fn t6_a_signature_over_the_body_alone_is_no_substitute_for_one_with_a_timestamp() {
    let documented = Example::of("agency-os-ai");
    let body_alone = Example::of("agency-os-ai-plugin").signed(&documented.secret, "", &documented.body);
    let verdict =
        |headers: &HeaderMap| code(documented.verifier().verify_at(headers, documented.body.clone(), documented.now));
    assert_eq!(verdict(&body_alone), "timestamp_missing");
    // A blank timestamp would put exactly the body under the MAC.
    for blank in ["", " "] {
        let mut headers = body_alone.clone();
        headers.insert("x-aosai-timestamp", HeaderValue::from_static(blank));
        assert_eq!(verdict(&headers), "timestamp_malformed", "{blank:?}");
    }
    let mut headers = body_alone;
    headers.insert("x-aosai-timestamp", documented.stamp.parse().unwrap());
    assert_eq!(verdict(&headers), "signature_mismatch");
}

#[test]
fn t23_what_is_unknown_is_refused() {
    let list = till(TagEncoding::Hex, Some(','));
    let tag = hex(&till_tag());
    for version in ["v0=", "v2=", "V1=", "v1 =", "v1:", "v10=", "", "v1=v1="] {
        assert_eq!(till_verdict(&list, &format!("{version}{tag}")), "signature_malformed", "{version:?}");
    }
    for name in ["", "HandL", "handl ", "agency-handy", "angage-crm", "till"] {
        assert!(senders::by_name(name).is_none(), "{name:?}");
    }
}

#[test]
fn t27_the_right_signature_is_found_anywhere_among_the_entries_that_are_tried() {
    let list = till(TagEncoding::Hex, Some(','));
    let right = format!("v1={}", hex(&till_tag()));
    let others = [
        format!("v1={}", "0".repeat(64)),
        format!("v2={}", hex(&till_tag())),
        "v1=".to_owned(),
        String::new(),
        "é is no tag".to_owned(),
        format!("v1={}", hex(&till_tag()).repeat(2)),
    ];
    for length in [1, 2, 3, 15, 16, 17, 1000] {
        for place in [0, length / 2, length - 1] {
            let mut entries: Vec<&str> = others.iter().map(String::as_str).cycle().take(length).collect();
            entries[place] = &right;
            let expected = if place < 16 { "valid" } else { "signature_mismatch" };
            assert_eq!(till_verdict(&list, &entries.join(",")), expected, "place {place} of {length}");
        }
    }
    let wrong = vec![&*others[0]; 1000].join(",");
    assert_eq!(till_verdict(&list, &wrong), "signature_mismatch");
}

#[test]
fn t32_repeated_joined_empty_and_foreign_headers_have_one_answer_each() {
    for example in Example::all() {
        let sender = example.wire.sender;
        let right = right(example);
        let other = format!("{}{}", example.wire.prefix, "0".repeat(64));
        let joined = format!("{right},{right}");
        let (right, other) = (right.as_bytes(), other.as_bytes());
        for doubled in [[right, right], [right, other], [other, right], [right, b""], [b"", right]] {
            assert_eq!(verdict(example, &doubled), "signature_repeated", "{sender}");
        }
        let non_ascii = [right, b"\xe9"].concat();
        let folded = [&right[..20], b"  ", &right[20..]].concat();
        for malformed in [joined.as_bytes(), b"", &non_ascii, &folded] {
            assert_eq!(verdict(example, &[malformed]), "signature_malformed", "{sender} {malformed:?}");
        }
        let mut headers = HeaderMap::new();
        for (name, value) in &example.headers() {
            let shouted = HeaderName::from_bytes(name.as_str().to_uppercase().as_bytes()).unwrap();
            headers.insert(shouted, value.clone());
        }
        let outcome = example.verifier().verify_at(&headers, example.body.clone(), example.now);
        assert_eq!(code(outcome), "valid", "{sender}");
        for foreign in Example::all().iter().filter(|other| other.wire.signature != example.wire.signature) {
            let mut headers = example.headers();
            let signature = headers.remove(example.wire.signature).unwrap();
            headers.insert(foreign.wire.signature, signature);
            let outcome = example.verifier().verify_at(&headers, example.body.clone(), example.now);
            assert_eq!(code(outcome), "signature_missing", "{sender} with {}", foreign.wire.signature);
        }
    }
}

#[test]
fn t33_hex_of_either_case_is_one_signature_and_nothing_looser_is() {
    for example in Example::all() {
        let (sender, prefix, digits) = (example.wire.sender, example.wire.prefix, digits(example));
        let key = |text: String| {
            let mut headers = example.headers();
            headers.insert(example.wire.signature, text.parse().unwrap());
            example.verifier().verify_at(&headers, example.body.clone(), example.now).map(|delivery| delivery.key())
        };
        let lower = key(format!("{prefix}{digits}")).unwrap();
        assert_eq!(key(format!("{prefix}{}", digits.to_uppercase())).unwrap(), lower, "{sender}");
        for loose in [
            format!("{prefix}+{}", &digits[1..]),
            format!("{prefix}-{}", &digits[1..]),
            format!("{prefix}0x{digits}"),
            format!("{prefix}0X{}", &digits[2..]),
            format!("{prefix} {digits}"),
            format!("{prefix}{digits} "),
            format!(" {prefix}{digits}"),
            format!("{prefix}{}\t{}", &digits[..31], &digits[32..]),
            format!("{prefix}{}_{}", &digits[..31], &digits[32..]),
            format!("{prefix}\"{digits}\""),
        ] {
            assert_eq!(verdict(example, &[loose.as_bytes()]), "signature_malformed", "{sender} {loose:?}");
        }
    }
}

#[test]
fn t33_base64_is_strict() {
    let sender = till(TagEncoding::Base64, None);
    let right = STANDARD.encode(till_tag());
    assert_eq!(till_verdict(&sender, &format!("v1={right}")), "valid");
    assert!(URL_SAFE.encode(till_tag()).contains(['-', '_']), "this tag shows the other alphabet");
    // The last digit before the padding carries four bits of the tag and two that must be zero.
    let last = right.as_bytes()[42];
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let place = alphabet.iter().position(|digit| *digit == last).unwrap();
    assert_eq!(place % 4, 0);
    let trailing = char::from(alphabet[place + 1]);
    for loose in [
        STANDARD_NO_PAD.encode(till_tag()),
        URL_SAFE.encode(till_tag()),
        format!("{}{trailing}=", &right[..42]),
        format!("{right}="),
        format!(" {right}"),
        format!("{right} "),
        format!("{} {}", &right[..20], &right[20..]),
        format!("{right}!"),
        format!("={right}"),
        right.replace('=', "%3D"),
        hex(&till_tag()),
    ] {
        assert_eq!(till_verdict(&sender, &format!("v1={loose}")), "signature_malformed", "{loose:?}");
    }
}

#[test]
fn t34_characters_of_several_bytes_are_refused_at_every_place() {
    for example in Example::all() {
        let right = right(example).into_bytes();
        for character in ["é", "１", "🔑"] {
            for place in 0..=right.len() - character.len() {
                let mut text = right.clone();
                text[place..place + character.len()].copy_from_slice(character.as_bytes());
                assert_eq!(verdict(example, &[&text]), "signature_malformed", "{} at {place}", example.wire.sender);
            }
        }
    }
}

#[test]
fn t35_t36_the_sender_never_chooses_the_algorithm_or_the_form() {
    for example in Example::all() {
        let (sender, digits) = (example.wire.sender, digits(example));
        for name in ["sha1=", "sha512=", "md5=", "none=", "SHA256=", "sha256:", "sha-256=", "hmac-sha256=", "v1="] {
            let text = format!("{name}{digits}");
            assert_eq!(verdict(example, &[text.as_bytes()]), "signature_malformed", "{sender} {name}");
        }
        // Forty digits are a SHA-1, ninety-six a SHA-384, one hundred and twenty-eight a SHA-512.
        for length in [32, 40, 56, 96, 128] {
            let text = format!("{}{}", example.wire.prefix, digits.repeat(2).split_at(length).0);
            assert_eq!(verdict(example, &[text.as_bytes()]), "signature_malformed", "{sender} {length}");
        }
        let bare_or_not = if example.wire.prefix.is_empty() { format!("sha256={digits}") } else { digits };
        assert_eq!(verdict(example, &[bare_or_not.as_bytes()]), "signature_malformed", "{sender}");
    }
}
