//! A sender that only its own endpoint can check, with a stand-in of that endpoint.

use agencyhandy_endpoint::{Endpoint, Fault, sign};
use tokio::runtime::Runtime;

use crate::{Done, Run};

const SECRET: &str = "agencyhandy_secret_example";
const BODY: &str = r#"{"event":"ORDER.UPDATED","_id":"o1","total":1.0}"#;

/// The endpoint, and the runtime that it lives on.
struct StandIn {
    endpoint: Endpoint,
    _runtime: Runtime,
}

impl StandIn {
    fn start() -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let endpoint = runtime.block_on(Endpoint::start("wh_1", SECRET)).expect("a port");
        Self { endpoint, _runtime: runtime }
    }

    fn verify(&self, signature: &str) -> Run {
        verify(&["--webhook-id", "wh_1", "--insecure-endpoint", &self.endpoint.url()])
            .args(&["-H", &format!("X-AH-Sig: {signature}")])
    }
}

fn verify(arguments: &[&str]) -> Run {
    Run::new(&["verify", "--sender", "agencyhandy", "--secret-env", "SECRET"])
        .args(arguments)
        .env("SECRET", SECRET)
        .stdin(BODY)
}

fn signature() -> String {
    sign(SECRET, BODY.as_bytes()).expect("an object")
}

#[track_caller]
fn rejected(done: &Done, code: &str) {
    assert_eq!((done.code, done.stderr.as_str()), (1, ""), "{}", done.stdout);
    assert_eq!((&done.json()["verdict"], &done.json()["code"]), (&"rejected".into(), &code.into()), "{}", done.stdout);
    assert!(!done.stdout.contains(SECRET), "{}", done.stdout);
}

#[test]
fn the_endpoint_is_asked_and_sent_the_body_as_it_is() {
    let stand_in = StandIn::start();
    let done = stand_in.verify(&signature()).done();
    assert_eq!(
        (done.code, done.stdout.as_str(), done.stderr.as_str()),
        (
            0,
            "{\"verdict\":\"valid\",\"event_id\":null,\"event_type\":null,\"unsigned_event_type\":null,\
             \"signed_at\":null,\"key\":\"d6ac939cb925eff183a9da7ca7f3abed\"}\n",
            ""
        )
    );
    assert_eq!(stand_in.endpoint.calls(), 1);
    let asked = stand_in.endpoint.last_request().expect("a request");
    assert!(asked.contains(&format!(r#""payload":{BODY}"#)), "{asked}");

    let again = stand_in.verify(&signature()).stdin(BODY.replace("1.0", "1")).done();
    assert_eq!(again.stdout, done.stdout, "the key is that of what the body says");
    let ids = ["--event-id-at", "/event", "--event-id-at", "/_id"];
    let with_id = stand_in.verify(&signature()).args(&ids).done().json();
    assert_eq!(with_id["event_id"], r#"["ORDER.UPDATED","o1"]"#);
}

#[test]
fn its_no_is_a_refusal_after_every_secret() {
    let stand_in = StandIn::start();
    rejected(&stand_in.verify("stand-in-0").done(), "signature_mismatch");
    assert_eq!(stand_in.endpoint.calls(), 1);
    let other = ["--secret-env", "OTHER"];
    let old = || stand_in.verify(&signature()).env("SECRET", "an_older_secret_example").args(&other);
    assert_eq!(old().env("OTHER", SECRET).done().code, 0);
    assert_eq!(stand_in.endpoint.calls(), 3);
    rejected(&old().env("OTHER", "another_secret_example").done(), "signature_mismatch");
}

#[test]
fn what_it_does_not_decide_is_not_verified() {
    let stand_in = StandIn::start();
    for fault in [
        Fault::ServerError,
        Fault::TooManyRequests,
        Fault::BrokenJson,
        Fault::Redirect,
        Fault::Close,
        Fault::FailedWith200,
        Fault::SuccessWith403,
        Fault::OtherForbidden,
        Fault::Hang,
    ] {
        stand_in.endpoint.set_fault(fault);
        rejected(&stand_in.verify(&signature()).done(), "could_not_verify");
    }
    assert_eq!(stand_in.endpoint.redirected(), 0);
    let url = stand_in.endpoint.url();
    drop(stand_in);
    let gone = verify(&["--webhook-id", "wh_1", "--insecure-endpoint", &url, "-H", "x-ah-sig: 1"]).done();
    rejected(&gone, "could_not_verify");
}

#[test]
fn what_cannot_be_its_own_is_not_asked_about() {
    let stand_in = StandIn::start();
    let unsigned = verify(&["--webhook-id", "wh_1", "--insecure-endpoint", &stand_in.endpoint.url()]);
    rejected(&unsigned.done(), "signature_missing");
    rejected(&stand_in.verify(&signature()).stdin("[]").done(), "body_not_an_object");
    rejected(&stand_in.verify(&signature()).stdin(r#"{"a":1,"a":2}"#).done(), "body_not_an_object");
    assert_eq!(stand_in.endpoint.calls(), 0);
}

#[test]
fn mistakes_are_named() {
    verify(&[]).done().is_usage_error(
        "`agencyhandy` is checked by its own endpoint, which wants the webhook's id: give --webhook-id ID",
    );
    for url in ["http://example.com", "http://localhost:3001", "http://us:hunter2@127.0.0.1:3001", "nowhere"] {
        let done = verify(&["--webhook-id", "wh_1", "-H", "x-ah-sig: 1", "--insecure-endpoint", url]).done();
        done.is_usage_error("--insecure-endpoint takes a loopback address");
        assert!(!done.stderr.contains("hunter2"), "{}", done.stderr);
    }
    let handl = ["verify", "--sender", "handl", "--secret-env", "SECRET", "--insecure-endpoint", "http://127.0.0.1:1"];
    let handl = Run::new(&handl).env("SECRET", SECRET).done();
    handl.is_usage_error("sender `handl` has no use for --insecure-endpoint");
    for command in [&["sign"][..], &["send", "--to", "http://127.0.0.1:1/"]] {
        let run = Run::new(command).args(&["--sender", "agencyhandy", "--secret-env", "SECRET"]).env("SECRET", SECRET);
        run.done()
            .is_usage_error("deliveries of sender `agencyhandy` cannot be signed here: how it signs is not public");
    }
}
