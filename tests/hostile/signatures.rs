//! What stands in the signature's header, and where else one could put it.

use counterfoil_tests::hex;

use crate::differences;
use crate::event::{Event, SECRET};
use crate::request::Request;
use crate::service::Service;

/// Signed in every form: digits, digits behind a prefix, with and without a timestamp.
const SENDERS: [&str; 4] = ["handl", "agiled", "angage", "agency-os-ai"];

fn events() -> [Event; 4] {
    SENDERS.map(Event::of)
}

pub(crate) fn t1_signatures_of_a_wrong_length_are_refused(service: &Service) {
    for event in events() {
        let (prefix, digits) = (event.wire.prefix, event.digits());
        for length in [0, 1, 2, 31, 32, 62, 63, 65, 66, 128, 4096] {
            let text = digits.chars().cycle().take(length).collect::<String>();
            service.refuses(401, "signature_malformed", &event.under(format!("{prefix}{text}")));
        }
        service.refuses(401, "signature_malformed", &event.under(&event.signature()[1..]));
        service.knows_nothing_of(&event);
        service.handles(&event);
    }
    service.is_well();
}

pub(crate) fn t6_blank_equals_nothing_and_no_weaker_proof_takes_over(service: &Service) {
    for event in events() {
        for blank in ["", " ", event.wire.prefix, "null", "undefined"] {
            service.refuses(401, "signature_malformed", &event.under(blank));
        }
        // Signed as whoever has no secret would.
        for key in ["", " ", "null", "undefined"] {
            service.refuses(401, "signature_mismatch", &event.signed_under(key));
        }
        let weaker = ["X-Signature", "X-Hub-Signature", "X-Hub-Signature-256", "X-Token", "X-Api-Key"];
        let request = weaker.iter().fold(event.unsigned(), |request, name| request.with(name, event.signature()));
        service.refuses(401, "signature_missing", &request.with("Authorization", format!("Bearer {SECRET}")));
        service.knows_nothing_of(&event);
    }
    service.is_well();
}

pub(crate) fn t13_where_a_request_says_it_comes_from_proves_nothing(service: &Service) {
    let event = Event::of("handl");
    let names =
        ["X-Forwarded-For", "X-Real-IP", "X-Client-IP", "True-Client-IP", "X-Forwarded-Host", "X-Original-Host"];
    let forged = |request| names.iter().fold(request, |request: Request, name| request.with(name, "127.0.0.1"));
    let forged =
        |request| forged(request).with("Forwarded", "for=127.0.0.1;proto=https").with("X-Forwarded-Proto", "https");
    service.refuses(401, "signature_missing", &forged(event.unsigned()));
    service.refuses(401, "signature_mismatch", &forged(event.signed_under("a guess at the secret")));
    service.knows_nothing_of(&event);
    // Nor do they harm who has signed.
    service.passes(&event, &forged(event.request()));
    service.is_well();
}

pub(crate) fn t23_unknown_versions_senders_and_methods_are_refused(service: &Service) {
    let event = Event::of("angage");
    let digits = event.digits();
    for version in ["v0=", "v1=", "v2=", "sha256:", "SHA256=", "sha256==", "sha256=sha256=", "sha-256=", "none="] {
        service.refuses(401, "signature_malformed", &event.under(format!("{version}{digits}")));
    }
    for target in ["/webhooks/nobody", "/webhooks/HANDL", "/webhooks/", "/webhooks/handl/x", "/handl", "/"] {
        let status = service.send(&event.request().to(target)).status;
        assert!([404, 405].contains(&status), "{target}: {status}");
    }
    for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "PURGE"] {
        service.refuses(405, "method_not_allowed", &event.request().method(method));
    }
    service.knows_nothing_of(&event);
    service.is_well();
}

pub(crate) fn t27_a_list_where_one_signature_is_due_is_refused_whole(service: &Service) {
    for event in events() {
        let (right, wrong) = (event.signature(), format!("{}{}", event.wire.prefix, "0".repeat(64)));
        // The service may have a limit of its own for what it reads of a head.
        for entries in [2, 3, 16, 17, 100] {
            for place in [0, entries / 2, entries - 1] {
                let mut list = vec![&*wrong; entries];
                list[place] = &right;
                for separator in [",", ", ", " "] {
                    service.refuses(401, "signature_malformed", &event.under(list.join(separator)));
                }
            }
        }
        differences::refuses_long_header(service, &event.under(vec![&*right; 1000].join(",")));
        service.knows_nothing_of(&event);
    }
    service.is_well();
}

pub(crate) fn t32_repeated_signatures_and_times_are_refused(service: &Service) {
    for event in events() {
        let (header, right) = (event.wire.signature, event.signature());
        let wrong = format!("{}{}", event.wire.prefix, "0".repeat(64));
        for [first, second] in [[&*right, &right], [&right, &wrong], [&wrong, &right], [&right, ""], ["", &right]] {
            service.refuses(401, "signature_repeated", &event.under(first).and(header, second));
            service.refuses(401, "signature_repeated", &event.under(first).and(&header.to_uppercase(), second));
        }
        if let Some((header, _)) = event.wire.timestamp {
            service.refuses(401, "timestamp_repeated", &event.request().and(header, &event.stamp));
        }
        service.knows_nothing_of(&event);
    }
    service.is_well();
}

pub(crate) fn t32_names_are_of_any_case_and_of_one_sender(service: &Service) {
    for event in events() {
        let header = event.wire.signature;
        for other in events().iter().map(|event| event.wire.signature).filter(|other| *other != header) {
            let foreign = event.request().without(header).with(other, event.signature());
            service.refuses(401, "signature_missing", &foreign);
        }
        service.knows_nothing_of(&event);
        service.passes(&event, &event.request().shouted());
    }
    service.is_well();
}

pub(crate) fn t32_t34_folded_and_foreign_characters_are_refused(service: &Service) {
    for event in events() {
        let right = event.signature();
        let (begin, end) = right.split_at(20);
        for fold in ["\r\n ", "\r\n\t"] {
            differences::refuses_folded(service, &event.under(format!("{begin}{fold}{end}")));
        }
        for odd in ["\u{e9}", "\u{ff11}", "\u{1f511}"] {
            for place in [0, 1, right.len() / 2, right.len() - odd.len()] {
                let mut text = right.clone().into_bytes();
                text[place..place + odd.len()].copy_from_slice(odd.as_bytes());
                service.refuses(401, "signature_malformed", &event.under(text));
            }
        }
        for byte in [b'\x80', b'\xff'] {
            service.refuses(401, "signature_malformed", &event.under([right.as_bytes(), &[byte]].concat()));
        }
        for control in [b'\0', b'\x07', b'\x7f'] {
            differences::refuses_control(service, control, &event.under([right.as_bytes(), &[control]].concat()));
        }
        service.knows_nothing_of(&event);
    }
    service.is_well();
}

pub(crate) fn t33_nothing_looser_than_hex_is_a_signature_and_the_key_is_the_same(service: &Service) {
    for event in events() {
        let (prefix, digits) = (event.wire.prefix, event.digits());
        for loose in [
            format!("{prefix}+{}", &digits[1..]),
            format!("{prefix}0x{}", &digits[2..]),
            format!("{prefix}{} {}", &digits[..31], &digits[32..]),
            format!("{prefix}{}_{}", &digits[..31], &digits[32..]),
            format!("{prefix}\"{digits}\""),
            format!("\"{prefix}{digits}\""),
            format!("{prefix}{digits};"),
            format!("{prefix}{digits}="),
        ] {
            service.refuses(401, "signature_malformed", &event.under(loose));
        }
        service.handles(&event);
        // The text is another, the event the same.
        service.refuses(200, "duplicate", &event.under(format!("{prefix}{}", digits.to_uppercase())));
        service.holds_once(&event);
    }
    service.is_well();
}

pub(crate) fn t35_t36_the_sender_of_a_request_does_not_choose_its_algorithm(service: &Service) {
    for event in events() {
        let digits = event.digits();
        for name in ["sha1=", "sha512=", "md5=", "none=", "SHA256=", "hmac-sha256=", "v1="] {
            service.refuses(401, "signature_malformed", &event.under(format!("{name}{digits}")));
        }
        // As long as the digits of MD5, SHA-1, SHA-384 and SHA-512.
        for length in [32, 40, 96, 128] {
            let text = digits.repeat(2);
            service.refuses(
                401,
                "signature_malformed",
                &event.under(format!("{}{}", event.wire.prefix, &text[..length])),
            );
        }
        let other_form = if event.wire.prefix.is_empty() { format!("sha256={digits}") } else { digits };
        service.refuses(401, "signature_malformed", &event.under(other_form));
        // A digest that needs no secret.
        let unkeyed = hex(&hmac_sha256::Hash::hash(&event.body));
        service.refuses(401, "signature_mismatch", &event.under(format!("{}{unkeyed}", event.wire.prefix)));
        service.knows_nothing_of(&event);
    }
    service.is_well();
}
