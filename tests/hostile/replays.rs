//! Deliveries that come again: at another replica, after a crash, at another route, under another secret.

use std::thread;

use crate::event::{Event, now};
use crate::place::{Kind, Place};
use crate::service::Service;
use crate::wire::{Connection, exchange};

const NEW: &str = "Zq7-canary-next-secret-Wx4";

pub(crate) fn t8_a_replay_after_a_crash_or_at_another_replica_is_a_duplicate(kind: Kind) {
    let place = Place::new(kind);
    let (first, replica) = (place.start(), place.start());
    let events = ["handl", "agiled", "angage", "agency-os-ai"].map(Event::of);
    for event in &events {
        first.handles(event);
    }
    let after = first.killed();
    for event in &events {
        for service in [&after, &replica] {
            service.refuses(200, "duplicate", &event.request());
        }
        // Signed for another attempt, a second later.
        if event.id.is_some() && !event.stamp.is_empty() {
            let stamp = (event.stamp.parse::<u64>().unwrap() + 1).to_string();
            after.refuses(200, "duplicate", &event.with_stamp(stamp).request());
        }
        after.holds_once(event);
    }
    after.is_well();
    replica.is_well();
}

pub(crate) fn t8_copies_in_parallel_at_two_replicas_are_handled_once(kind: Kind) {
    const COPIES: usize = 24;
    let place = Place::new(kind);
    let replicas = [place.start(), place.start()];
    for sender in ["handl", "angage"] {
        let event = Event::of(sender);
        let bytes = event.request().bytes();
        let answers = thread::scope(|scope| {
            let copies = (0..COPIES).map(|n| {
                let (bytes, replica) = (&bytes, &replicas[n % 2]);
                scope.spawn(move || exchange(replica.address, bytes).unwrap())
            });
            let copies: Vec<_> = copies.collect();
            copies.into_iter().map(|copy| copy.join().unwrap()).collect::<Vec<_>>()
        });
        let count = |status, code: &str| answers.iter().filter(|a| a.status == status && a.code() == code).count();
        assert_eq!(count(200, ""), 1, "{kind:?}: {answers:?}");
        assert_eq!(count(200, "duplicate") + count(503, "in_flight"), COPIES - 1, "{kind:?}: {answers:?}");
        let retries = answers.iter().filter(|answer| answer.status == 503);
        assert!(retries.clone().all(|answer| answer.header("retry-after").is_some()), "{kind:?}: {answers:?}");
        replicas[0].holds_once(&event);
    }
    replicas.iter().for_each(Service::is_well);
}

pub(crate) fn t9_the_key_is_the_one_of_the_documented_rule(service: &Service) {
    for sender in ["handl", "agiled", "angage", "angage-marketplace", "agency-os-ai", "agency-os-ai-plugin"] {
        // Found under a key that was computed here.
        service.handles(&Event::of(sender));
    }
    service.is_well();
}

pub(crate) fn t15_a_flood_that_proves_nothing_changes_no_row(kind: Kind) {
    let service = Place::new(kind).start();
    let known = Event::of("handl");
    service.handles(&known);
    let before = service.books.rows();
    let mut connection = Connection::open(service.address);
    for n in 0..300 {
        let (event, secret) = (Event::of("agiled"), format!("a guess at the secret {n}"));
        for (event, request) in [
            (&known, known.signed_under(&secret)),
            (&event, event.signed_under(&secret)),
            (&event, event.request().body(b"{}".as_slice())),
            (&known, known.request().to("/webhooks/angage")),
        ] {
            connection.write(&request.bytes()).unwrap_or_default();
            let reply = connection.reply().unwrap_or_else(|| service.send(&request));
            assert_eq!(reply.status, 401, "{kind:?}: {event:?}");
            if reply.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")) {
                connection = Connection::open(service.address);
            }
        }
    }
    assert_eq!(service.books.rows(), before, "{kind:?}");
    service.holds_once(&known);
    service.is_well();
}

pub(crate) fn t10_t21_t38_a_revoked_secret_proves_nothing_whatever_it_signs(kind: Kind) {
    let place = Place::new(kind);
    let service = place.start();
    let known = ["handl", "agiled"].map(Event::of);
    known.iter().for_each(|event| service.handles(event));
    drop(service);
    let service = place.secret(NEW).start();
    for event in &known {
        // Refused, and not told to be a duplicate: verification comes first.
        service.refuses(401, "signature_mismatch", &event.request());
        service.refuses(200, "duplicate", &event.signed_under(NEW));
        service.holds_once(event);
    }
    for sender in ["handl", "agiled"] {
        for event in [Event::of(sender), Event::aged(sender, 3600), Event::aged(sender, 1_000_000)] {
            service.refuses(401, "signature_mismatch", &event.request());
            service.knows_nothing_of(&event);
        }
    }
    let event = Event::of("handl");
    service.passes(&event, &event.signed_under(NEW));
    assert!(!service.log().contains(NEW), "{kind:?}");
}

pub(crate) fn t37_one_secret_at_two_routes_keeps_events_apart(service: &Service) {
    let event = Event::of("angage");
    service.handles(&event);
    // The same bytes under the same secret are another sender's event, with a key of its own.
    let twin = Event { wire: Event::of("angage-marketplace").wire, ..event.clone() };
    assert_ne!(twin.key(), event.key());
    service.refuses(401, "signature_missing", &event.request().to("/webhooks/angage-marketplace"));
    service.handles(&twin);
    // One header, one secret: signed over the body alone, where a time is due as well.
    let plugin = Event::of("agency-os-ai-plugin");
    let documented =
        Event { stamp: Event::of("agency-os-ai").stamp, wire: Event::of("agency-os-ai").wire, ..plugin.clone() };
    let elsewhere = plugin.request().to("/webhooks/agency-os-ai");
    service.refuses(401, "timestamp_missing", &elsewhere);
    service.refuses(401, "signature_mismatch", &elsewhere.with("x-aosai-timestamp", &documented.stamp));
    service.refuses(401, "signature_mismatch", &documented.request().to("/webhooks/agency-os-ai-plugin"));
    service.knows_nothing_of(&plugin);
    service.knows_nothing_of(&documented);
    service.is_well();
}

pub(crate) fn t49_a_completed_event_is_no_duplicate_to_who_cannot_sign_it(service: &Service) {
    for sender in ["handl", "agiled", "angage", "agency-os-ai"] {
        let event = Event::of(sender);
        service.handles(&event);
        service.refuses(401, "signature_mismatch", &event.signed_under("a guess at the secret"));
        service.refuses(401, "signature_missing", &event.unsigned());
        service.refuses(401, "signature_malformed", &event.under("00"));
        service.refuses(200, "duplicate", &event.request());
        service.holds_once(&event);
    }
    service.is_well();
}

pub(crate) fn t50_a_stale_copy_is_a_duplicate_if_its_event_is_done_and_refused_if_not(service: &Service) {
    let (done, unknown) = (Event::of("agiled"), Event::of("agiled"));
    service.handles(&done);
    // The body of the event, signed for an attempt of two days ago.
    let stale = |event: &Event| event.with_stamp((now() - 2 * 86_400).to_string()).request();
    service.refuses(200, "duplicate", &stale(&done));
    service.refuses(401, "timestamp_stale", &stale(&unknown));
    service.knows_nothing_of(&unknown);
    service.holds_once(&done);
    service.handles(&unknown);
    service.is_well();
}
