//! What a service refuses to start with, and what it warns of.

use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use agencyhandy_endpoint::{Endpoint, Fault};

use crate::event::{Event, SECRET};
use crate::place::{Kind, Place};
use crate::request::Request;
use crate::service::Service;

/// Longer than a service leaves an endpoint alone that has failed too often.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn t4_t5_t18_without_a_secret_of_its_own_it_does_not_start(kind: Kind) {
    for (value, said) in [
        ("", "blank"),
        ("  ", "blank"),
        ("\t\n", "blank"),
        ("env:HANDL_CANARY", "HANDL_SECRET"),
        ("$HANDL_CANARY", "HANDL_SECRET"),
        ("${HANDL_CANARY}", "HANDL_SECRET"),
    ] {
        let error = Place::new(kind)
            .told([("HANDL_SECRET", value), ("HANDL_CANARY", "a value of some length")])
            .refuses_to_start();
        assert!(error.contains("HANDL_SECRET") && error.contains(said), "{kind:?} {value:?}: {error}");
        assert!(!error.contains("CANARY"), "{kind:?} {value:?}: {error}");
    }
    let error = Place::new(kind).told([]).refuses_to_start();
    assert!(error.contains("no secret is set"), "{kind:?}: {error}");
}

pub(crate) fn t5_t7_where_a_sender_has_no_secret_there_is_no_route(kind: Kind) {
    let service = Place::new(kind).told([("HANDL_SECRET", SECRET)]).start();
    for sender in ["agiled", "angage", "angage-marketplace", "agency-os-ai", "agency-os-ai-plugin"] {
        let event = Event::of(sender);
        for request in [event.request(), event.unsigned(), event.signed_under("")] {
            assert_eq!(service.send(&request).status, 404, "{kind:?}: {request:?}");
        }
        service.knows_nothing_of(&event);
    }
    service.is_well();
}

pub(crate) fn t12_a_short_secret_is_warned_of_and_never_shown(kind: Kind) {
    let short = "fifteen_bytes_x";
    let service = Place::new(kind).told([("HANDL_SECRET", short), ("AGILED_SECRET", "sixteen_bytes_xx")]).start();
    // Python hears of what went before with the first delivery.
    service.refuses(401, "signature_missing", &Event::of("agiled").unsigned());
    let log = service.log();
    let warned: Vec<_> = log.lines().filter(|line| line.contains("short secret")).collect();
    assert!(matches!(&warned[..], [line] if line.contains("handl")), "{kind:?}: {log}");
    assert!(!log.contains(short), "{kind:?}: {log}");
}

pub(crate) fn t22_only_this_machine_can_stand_in_for_a_sender_that_is_asked(kind: Kind) {
    for url in [
        "http://example.com",
        "https://example.com",
        "http://127.0.0.1.example.com",
        "http://10.0.0.1",
        "ftp://127.0.0.1",
        "",
    ] {
        let secret = ("AGENCYHANDY_SECRET", "a secret of some length");
        let place = Place::new(kind).told([secret, ("AGENCYHANDY_WEBHOOK_ID", "wh_1"), ("AGENCYHANDY_ENDPOINT", url)]);
        let error = place.refuses_to_start();
        assert!(error.contains("AGENCYHANDY_ENDPOINT"), "{kind:?} {url}: {error}");
        assert!(!error.contains("a secret of"), "{kind:?} {url}: {error}");
    }
}

pub(crate) fn t22_a_sender_that_is_asked_is_asked_for_a_verdict_and_nothing_else(kind: Kind) {
    const ASKED: &str = "Zq7-canary-asked-secret-Wx4";
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let endpoint = runtime.block_on(Endpoint::start("wh_1", ASKED)).unwrap();
    // Whoever believed it would send the question there.
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let place = Place::new(kind).told([
        ("AGENCYHANDY_SECRET", ASKED),
        ("AGENCYHANDY_WEBHOOK_ID", "wh_1"),
        ("AGENCYHANDY_ENDPOINT", &endpoint.url()),
        ("HANDL_SECRET", SECRET),
        ("http_proxy", &address),
        ("HTTP_PROXY", &address),
        ("ALL_PROXY", &address),
    ]);
    let service = place.start();
    let body = br#"{"event":"ORDER.CREATED","id":"ord_1"}"#;
    let request = |signature: &str| Request::post("/webhooks/agencyhandy", body).with("x-ah-sig", signature);
    let right = agencyhandy_endpoint::sign(ASKED, body).unwrap();

    let calls = endpoint.calls();
    service.refuses(401, "signature_missing", &Request::post("/webhooks/agencyhandy", body));
    service.refuses(400, "body_not_an_object", &request(&right).body(br#"{"a":1,"a":2}"#.as_slice()));
    service.refuses(413, "body_too_large", &request(&right).body(vec![b' '; 256 * 1024 + 1]).announced());
    assert_eq!(endpoint.calls(), calls, "{kind:?}: it is asked of what it need not see");
    service.refuses(401, "signature_mismatch", &request("made-up"));
    // One fewer than make it stop asking for a while.
    for fault in [Fault::Redirect, Fault::SuccessWith403, Fault::BrokenJson, Fault::Close] {
        endpoint.set_fault(fault);
        let reply = service.send(&request(&right));
        assert_eq!((reply.status, &*reply.code()), (503, "could_not_verify"), "{kind:?} {fault:?}");
        assert!(reply.header("retry-after").is_some(), "{kind:?} {fault:?}");
        assert_eq!(endpoint.redirected(), 0, "{kind:?} {fault:?}");
        endpoint.set_fault(Fault::None);
    }
    // A slow machine may have used up the patience that was left with the endpoint.
    assert_eq!(until_it_is_asked_again(&service, &request(&right)), (200, String::new()), "{kind:?}");
    assert_eq!(proxy.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "{kind:?}: a proxy was asked");
    assert!(!service.log().contains("canary-asked") && !service.log().contains(&right), "{kind:?}: {}", service.log());
    service.handles(&Event::of("handl"));
}

/// Sends it again for longer than a service leaves an endpoint alone.
fn until_it_is_asked_again(service: &Service, request: &Request) -> (u16, String) {
    let started = Instant::now();
    loop {
        let answer = service.answer(request);
        if answer.0 != 503 || started.elapsed() > PATIENCE {
            return answer;
        }
        thread::sleep(Duration::from_millis(50));
    }
}
