//! The demo is the promise, played out: it fails where a promise does not hold.

use counterfoil_testkit::{PrivatePostgres, PrivateRedis};

use crate::Run;

/// Adversarial input T43: the process is killed between claim, effect, commit, completion and answer, wherever
/// each of hundreds of deliveries happens to be.
#[test]
fn t43_every_promise_holds_under_kill_9() {
    every_promise_holds(Run::new(&["demo", "--json"]));
}

/// Twice, because the second finds what the first has left.
#[test]
fn t43_on_postgres_every_promise_holds_again_and_again() {
    let postgres = PrivatePostgres::start();
    for _ in 0..2 {
        every_promise_holds(Run::new(&["demo", "--json"]).env("STORE", &postgres.url()));
    }
}

#[test]
fn t43_on_redis_every_promise_holds() {
    let redis = PrivateRedis::start(&[]);
    every_promise_holds(Run::new(&["demo", "--json"]).env("STORE", &redis.url()));
}

#[track_caller]
fn every_promise_holds(demo: Run) {
    let done = demo.done();
    assert_eq!(done.code, 0, "{}{}", done.stdout, done.stderr);
    let report = done.json();
    assert_eq!(report["held"], true);
    let rows = report["rows"].as_array().expect("rows");
    for sender in &counterfoil::senders::ALL {
        let ours: Vec<_> = rows.iter().filter(|row| row["sender"] == *sender.name).collect();
        // One more where the sender's endpoint is asked.
        assert_eq!(ours.len(), 5 + usize::from(sender.scheme.hmac().is_none()), "{}", sender.name);
        for row in ours {
            assert_eq!(row["broken"], serde_json::json!([]), "{row}");
        }
    }
    let storm = rows.iter().filter(|row| row["sent"].as_str().is_some_and(|sent| sent.contains("kill -9")));
    let (mut runs, mut applied) = (0, 0);
    for row in storm {
        runs += row["runs"].as_u64().expect("a count");
        applied += row["applied"].as_u64().expect("a count");
    }
    assert_eq!(applied, 420, "every event of the storm is applied once");
    assert!(runs >= applied, "{runs} runs");
}

#[test]
fn a_store_that_cannot_be_had_is_named_without_its_password() {
    for url in ["postgres://us:hunter2@127.0.0.1:1/shop", "redis://us:hunter2@127.0.0.1:1", "mysql://us:hunter2@host"] {
        let done = Run::new(&["demo"]).env("STORE", url).done();
        done.is_usage_error("the demo's server did not start: STORE");
        assert!(!done.stderr.contains("hunter2"), "{}", done.stderr);
    }
}

#[test]
fn the_table_is_plain_in_a_pipe() {
    let done = Run::new(&["demo"]).done();
    assert_eq!(done.code, 0, "{}{}", done.stdout, done.stderr);
    assert!(done.stdout.contains("Every promise held"), "{}", done.stdout);
    assert!(!done.stdout.contains('\u{1b}') && done.stderr.is_empty(), "{:?}", done.stderr);
}

#[test]
fn neither_proxies_nor_certificates_have_a_part_in_it() {
    let demo = Run::new(&["demo", "--json"]);
    let nothing = [("SSL_CERT_FILE", "/nonexistent"), ("SSL_CERT_DIR", "/nonexistent")];
    let proxies = [("http_proxy", "http://127.0.0.1:9"), ("HTTPS_PROXY", "http://127.0.0.1:9")];
    every_promise_holds(nothing.into_iter().chain(proxies).fold(demo, |demo, (name, value)| demo.env(name, value)));
}
