//! Signed times: hostile ones, changed ones, missing ones.

use crate::event::{Event, now};
use crate::service::Service;

/// With the time in a header.
const IN_HEADER: [&str; 2] = ["agiled", "agency-os-ai"];

pub(crate) fn t24_hostile_timestamps_are_refused_however_well_they_are_signed(service: &Service) {
    let no_times = [
        "0",
        "1",
        "-1",
        "+1",
        "1_000",
        "1e9",
        "NaN",
        "Infinity",
        "null",
        "true",
        "1779105600.5",
        "0x6a0b0000",
        "01779105600",
        "+177910560",
        "17791056000",
        "1779105600000000",
        "9223372036854775807",
        "-9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "2026-05-18",
        "2026-05-18T12:00:00",
        "2026-02-30T12:00:00Z",
        "\u{ff11}\u{ff17}\u{ff17}\u{ff19}\u{ff11}\u{ff10}\u{ff15}\u{ff16}\u{ff10}\u{ff10}",
    ];
    for sender in IN_HEADER {
        let event = Event::of(sender);
        for text in no_times {
            service.refuses(401, "timestamp_malformed", &event.with_stamp(text).request());
        }
        for (text, code) in [
            ("0000000000", "timestamp_stale"),
            ("9999999999", "timestamp_future"),
            ("9999999999999", "timestamp_future"),
            ("0000-01-01T00:00:00+23:59", "timestamp_stale"),
            ("9999-12-31T23:59:59-23:59", "timestamp_future"),
        ] {
            service.refuses(401, code, &event.with_stamp(text).request());
        }
        service.knows_nothing_of(&event);
    }
    for (raw, code) in [
        ("1e9", "timestamp_malformed"),
        ("18446744073709551616", "timestamp_malformed"),
        ("1e400", "timestamp_malformed"),
        ("\"1779105600\"", "timestamp_malformed"),
        ("[]", "timestamp_malformed"),
        ("NaN", "body_not_an_object"),
        ("\"9999-12-31T23:59:59Z\"", "timestamp_future"),
        ("\"0001-01-01T00:00:00Z\"", "timestamp_stale"),
    ] {
        let body = format!(r#"{{"id":"evt_of_no_time","type":"order.created","created_at":{raw},"data":{{}}}}"#);
        let status = if code == "body_not_an_object" { 400 } else { 401 };
        service.refuses(status, code, &Event::of("handl").with_body(body).request());
    }
    service.is_well();
}

pub(crate) fn t24_times_outside_of_the_window_are_refused(service: &Service) {
    // The table's window, and a minute to spare on either side of it.
    for (sender, past) in [("agiled", 7_200), ("handl", 97_200), ("angage", 54_000), ("agency-os-ai", 300)] {
        for (event, code) in
            [(Event::aged(sender, past + 60), "timestamp_stale"), (Event::ahead(sender, 120), "timestamp_future")]
        {
            service.refuses(401, code, &event.request());
            service.knows_nothing_of(&event);
        }
        service.handles(&Event::aged(sender, past - 60));
        service.handles(&Event::ahead(sender, 20));
    }
    service.is_well();
}

pub(crate) fn t25_a_changed_time_breaks_the_signature(service: &Service) {
    for sender in IN_HEADER {
        let event = Event::of(sender);
        let (header, _) = event.wire.timestamp.unwrap();
        for text in [(now() + 1).to_string(), (now() - 60).to_string(), format!("{}000", event.stamp)] {
            if text != event.stamp {
                service.refuses(401, "signature_mismatch", &event.request().with(header, text));
            }
        }
        // A capture that is too old does not become fresh.
        let old = Event::aged(sender, 100_000);
        service.refuses(401, "signature_mismatch", &old.request().with(header, now().to_string()));
        service.knows_nothing_of(&event);
        service.knows_nothing_of(&old);
    }
    service.is_well();
}

pub(crate) fn t26_a_time_that_is_missing_or_elsewhere_is_refused(service: &Service) {
    for sender in IN_HEADER {
        let event = Event::of(sender);
        let (header, _) = event.wire.timestamp.unwrap();
        let without = event.request().without(header);
        service.refuses(401, "timestamp_missing", &without);
        let elsewhere =
            ["Date", "X-Timestamp", "X-Webhook-Timestamp", "X-AOSAI-Timestamp", "X-Agiled-Webhook-Timestamp"];
        let elsewhere = elsewhere.iter().filter(|name| !name.eq_ignore_ascii_case(header));
        let moved = elsewhere.fold(without, |request, name| request.with(name, &event.stamp));
        service.refuses(401, "timestamp_missing", &moved);
        // Blank, it would leave the body alone under the signature.
        service.refuses(401, "timestamp_malformed", &event.with_stamp("").request());
        service.knows_nothing_of(&event);
    }
    let body = r#"{"id":"evt_1","type":"order.created","createdAt":"2026-01-01T00:00:00Z","data":{}}"#;
    service.refuses(401, "timestamp_missing", &Event::of("handl").with_body(body).request());
    let event = Event::of("handl");
    let twice =
        String::from_utf8(event.body.clone()).unwrap().replacen('{', r#"{"created_at":"2026-01-01T00:00:00Z","#, 1);
    service.refuses(401, "timestamp_repeated", &event.with_body(twice).request());
    service.knows_nothing_of(&event);
    service.is_well();
}
