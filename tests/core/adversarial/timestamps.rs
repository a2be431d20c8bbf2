//! Signed times, each correctly signed unless the test is about a change.

use std::time::{Duration, UNIX_EPOCH};

use counterfoil::{Tolerance, UtcOffset, Verifier, senders};
use counterfoil_tests::{Example, instant, secret};
use http::{HeaderMap, HeaderValue};

use super::code;

/// No time in any form: for a header, or as a JSON string in a body.
const NO_TIMES: &[&str] = &[
    "",
    " ",
    "0",
    "1",
    "+1",
    " 1",
    "1 ",
    "-1",
    "1_000",
    "1e9",
    "1E9",
    "NaN",
    "nan",
    "inf",
    "Infinity",
    "null",
    "true",
    "1779105600.0",
    "1779105600.5",
    "1779105600.",
    ".1779105600",
    "1_779_105_600",
    "1,779,105,600",
    "0x6a0b0000",
    "01779105600",
    "+1779105600",
    "+177910560",
    "-177910560",
    " 177910560",
    "177910560 ",
    "17791056000",
    "177910560000",
    "1779105600000000",
    "1779105600000000000",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "340282366920938463463374607431768211456",
    "１７７９１０５６００",
    "٢٠٢٦-٠٥-١٨T١٢:٠٠:٠٠Z",
    "2026-05-18",
    "2026-05-18T12:00:00",
    "2026-05-18 12:00:00Z",
    "2026-02-30T12:00:00Z",
    "2026-05-18T24:00:00Z",
    "2026-05-18T12:00:00+24:00",
    "+12026-05-18T12:00:00Z",
    "-2026-05-18T12:00:00Z",
    "Mon, 18 May 2026 12:00:00 GMT",
];

/// A time in form, and so far away that arithmetic on it may wrap.
const FAR: [(&str, &str); 9] = [
    ("0000000000", "timestamp_stale"),
    ("1000000000", "timestamp_stale"),
    ("0000000000000", "timestamp_stale"),
    ("9999999999", "timestamp_future"),
    ("9999999999999", "timestamp_future"),
    ("0000-01-01T00:00:00Z", "timestamp_stale"),
    ("0000-01-01T00:00:00+23:59", "timestamp_stale"),
    ("9999-12-31T23:59:59.999999999Z", "timestamp_future"),
    ("9999-12-31T23:59:59-23:59", "timestamp_future"),
];

const ENDLESS: Tolerance = Tolerance::Custom { past: Duration::MAX, future: Duration::MAX };

/// What the example's verifier says to this signed time: the header's text, or the member's raw JSON.
fn verdict(example: &Example, tolerance: Tolerance, time: &str) -> &'static str {
    let (stamp, body) = match example.wire.time_member {
        Some(member) => ("", example.with_member(member, time)),
        None => (time, example.body.clone()),
    };
    let verifier = example.builder().secret(secret(&example.secret)).tolerance(tolerance).build().expect("a verifier");
    code(verifier.verify_at(&example.signed(&example.secret, stamp, &body), body, example.now))
}

fn in_header() -> impl Iterator<Item = &'static Example> {
    Example::all().iter().filter(|example| example.wire.timestamp.is_some())
}

fn in_body() -> impl Iterator<Item = &'static Example> {
    Example::all().iter().filter(|example| example.wire.time_member.is_some())
}

#[test]
fn t24_hostile_timestamps_are_refused_however_well_they_are_signed() {
    for tolerance in [Tolerance::Strict, Tolerance::RetrySafe, ENDLESS] {
        for text in NO_TIMES {
            for example in in_header() {
                assert_eq!(
                    verdict(example, tolerance, text),
                    "timestamp_malformed",
                    "{} {text:?}",
                    example.wire.sender
                );
            }
            for example in in_body() {
                let quoted = serde_json::to_string(text).unwrap();
                assert_eq!(
                    verdict(example, tolerance, &quoted),
                    "timestamp_malformed",
                    "{} {text:?}",
                    example.wire.sender
                );
            }
        }
    }
}

#[test]
fn t24_hostile_numbers_in_a_body_are_refused() {
    let no_json = ["+1", "1_000", "01", "NaN", "Infinity", "-", "1.", ".5", "0x10", "1779105600 1", "١"];
    let no_times = [
        "0",
        "-1",
        "1e9",
        "1774958400.0",
        "1.7749584e9",
        "-0",
        "177495840",
        "17749584000",
        "1774958400000",
        "9223372036854775807",
        "-9223372036854775808",
        "18446744073709551615",
        "1e400",
        "null",
        "true",
        "[1774958400]",
        "{}",
    ];
    for example in in_body() {
        for raw in no_json {
            assert_eq!(verdict(example, ENDLESS, raw), "body_not_an_object", "{} {raw}", example.wire.sender);
        }
        for raw in no_times {
            assert_eq!(verdict(example, ENDLESS, raw), "timestamp_malformed", "{} {raw}", example.wire.sender);
        }
    }
    // Each sender has one form: seconds where RFC 3339 is due are no time, and the other way round.
    let plugin = Example::of("agency-os-ai-plugin");
    assert_eq!(verdict(&plugin, Tolerance::Strict, "\"2026-03-31T12:00:00Z\""), "timestamp_malformed");
    assert_eq!(verdict(&plugin, Tolerance::Strict, "\"1774958400\""), "timestamp_malformed");
    assert_eq!(verdict(&Example::of("handl"), ENDLESS, "1774958400"), "timestamp_malformed");
}

#[test]
fn t24_far_times_neither_wrap_nor_panic() {
    for (text, expected) in FAR {
        for example in in_header() {
            for tolerance in [Tolerance::Strict, Tolerance::RetrySafe] {
                assert_eq!(verdict(example, tolerance, text), expected, "{} {text}", example.wire.sender);
            }
            assert_eq!(verdict(example, ENDLESS, text), "valid", "{} {text}", example.wire.sender);
        }
        for example in in_body() {
            let of_site = example.wire.sender == "agency-os-ai-plugin";
            // A JSON number has no leading zero, and each of these senders has one form.
            if of_site != (text.len() == 10) || text.len() == 13 || text == "0000000000" {
                continue;
            }
            let raw = if of_site { text.to_owned() } else { format!("\"{text}\"") };
            assert_eq!(verdict(example, Tolerance::Strict, &raw), expected, "{} {text}", example.wire.sender);
            assert_eq!(verdict(example, ENDLESS, &raw), "valid", "{} {text}", example.wire.sender);
        }
    }
}

#[test]
fn t24_a_clock_that_is_far_off_neither_wraps_nor_panics() {
    let last = UNIX_EPOCH + Duration::from_secs(i64::MAX.unsigned_abs());
    let first = UNIX_EPOCH - Duration::from_secs(i64::MAX.unsigned_abs());
    for example in Example::all() {
        for (now, expected) in
            [(last, "timestamp_stale"), (first, "timestamp_future"), (UNIX_EPOCH, "timestamp_future")]
        {
            let outcome = example.verifier().verify_at(&example.headers(), example.body.clone(), now);
            assert_eq!(code(outcome), expected, "{}", example.wire.sender);
        }
    }
}

#[test]
fn t24_a_site_at_either_end_of_the_world_neither_wraps_nor_panics() {
    let example = Example::of("agency-os-ai-plugin");
    for offset in ["-12:00", "+14:00"] {
        let offset: UtcOffset = offset.parse().unwrap();
        let builder = Verifier::builder(senders::AGENCY_OS_AI_PLUGIN).utc_offset(offset);
        let verifier = builder.secret(secret(&example.secret)).build().unwrap();
        for (time, expected) in [("1000000000", "timestamp_stale"), ("9999999999", "timestamp_future")] {
            let body = example.with_member("timestamp", time);
            let headers = example.signed(&example.secret, "", &body);
            assert_eq!(code(verifier.verify_at(&headers, body, example.now)), expected, "{offset:?} {time}");
        }
    }
}

#[test]
fn t25_a_changed_timestamp_header_breaks_the_signature() {
    for example in in_header() {
        let (header, _) = example.wire.timestamp.unwrap();
        let seconds: u64 = example.stamp.parse().unwrap();
        let texts = [-300, -1, 1, 2, 60].map(|by| seconds.saturating_add_signed(by).to_string());
        let same_instant =
            [format!("{seconds}000"), humantime::format_rfc3339_seconds(instant_of(seconds)).to_string()];
        for text in texts.iter().chain(&same_instant) {
            let mut headers = example.headers();
            headers.insert(header, text.parse().unwrap());
            let outcome = example.verifier().verify_at(&headers, example.body.clone(), example.now);
            assert_eq!(code(outcome), "signature_mismatch", "{} {text}", example.wire.sender);
        }
    }
}

fn instant_of(seconds: u64) -> std::time::SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

#[test]
fn t25_a_stale_delivery_cannot_be_made_fresh() {
    for example in Example::all() {
        let late = example.now + Duration::from_secs(365 * 86_400);
        let mut headers = example.headers();
        let fresh = late.duration_since(UNIX_EPOCH).unwrap().as_secs().to_string();
        for name in ["date", "x-timestamp", "x-webhook-timestamp", "x-aosai-timestamp", "x-agiled-webhook-timestamp"] {
            if example.wire.timestamp.is_none_or(|(header, _)| header != name) {
                headers.insert(name, fresh.parse().unwrap());
            }
        }
        let outcome = example.verifier().verify_at(&headers, example.body.clone(), late);
        assert_eq!(code(outcome), "timestamp_stale", "{}", example.wire.sender);
    }
}

#[test]
fn t26_a_missing_timestamp_is_refused_under_whatever_other_name_it_comes() {
    for example in in_header() {
        let (header, _) = example.wire.timestamp.unwrap();
        let mut headers = example.headers();
        let stamp = headers.remove(header).unwrap();
        let verdict =
            |headers: &HeaderMap| code(example.verifier().verify_at(headers, example.body.clone(), example.now));
        assert_eq!(verdict(&headers), "timestamp_missing", "{}", example.wire.sender);
        for other in ["date", "x-timestamp", "x-aosai-timestamp", "x-agiled-webhook-timestamp", "x-agiled-timestamp"] {
            if other != header {
                headers.insert(other, stamp.clone());
            }
        }
        assert_eq!(verdict(&headers), "timestamp_missing", "{}", example.wire.sender);
        headers.append(header, stamp.clone());
        headers.append(header, stamp);
        assert_eq!(verdict(&headers), "timestamp_repeated", "{}", example.wire.sender);
    }
    for example in in_body() {
        let member = example.wire.time_member.unwrap();
        let text = std::str::from_utf8(&example.body).unwrap();
        for other in ["Timestamp", "timestamp ", "ts", "createdAt", "updated_at"] {
            let body = text.replacen(&format!("\"{member}\":"), &format!("\"{other}\":"), 1);
            let mut headers = example.signed(&example.secret, "", body.as_bytes());
            headers.insert("x-aosai-timestamp", HeaderValue::from_static("1774958400"));
            let outcome = example.verifier().verify_at(&headers, body, example.now);
            assert_eq!(code(outcome), "timestamp_missing", "{} {other}", example.wire.sender);
        }
        let body = text.replacen('{', &format!("{{\"{member}\":\"2026-01-01T00:00:00Z\","), 1);
        let headers = example.signed(&example.secret, "", body.as_bytes());
        let outcome = example.verifier().verify_at(&headers, body, example.now);
        assert_eq!(code(outcome), "timestamp_repeated", "{}", example.wire.sender);
    }
}

#[test]
fn t38_an_ended_secret_is_refused_whatever_time_the_sender_claims() {
    let old = "the_old_secret_of_the_rotation";
    let end = instant("2026-06-01T00:00:00Z");
    for example in Example::all() {
        let builder = example.builder().secret_until(secret(old), end).secret(secret("the_new_secret"));
        let verifier = builder.tolerance(ENDLESS).build().unwrap();
        // Signed long before the end: the sender's clock says that the secret was good then.
        let headers = example.signed(old, &example.stamp, &example.body);
        for (now, expected) in [
            (end - Duration::from_nanos(1), "valid"),
            (end, "signature_mismatch"),
            (end + Duration::from_secs(1), "signature_mismatch"),
        ] {
            let outcome = verifier.verify_at(&headers, example.body.clone(), now);
            assert_eq!(code(outcome), expected, "{} {now:?}", example.wire.sender);
        }
        let mut presented = verifier.present(&headers, end - Duration::from_secs(1)).unwrap();
        presented.push(example.body.clone());
        let refused = presented.finish(&headers, end).unwrap_err();
        assert_eq!(refused.kind().code(), "signature_mismatch", "{}: ended as the body arrived", example.wire.sender);
    }
}
