//! Secrets: absent, short, revoked.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use counterfoil::{ConfigError, Receiver, Rejection, Verifier};
use counterfoil_tests::{Example, secret};

use super::{code, till};
use crate::log;

const NEW: &str = "the_new_secret_of_the_rotation";

#[test]
fn t5_nothing_is_built_without_a_secret() {
    for example in Example::all() {
        assert!(matches!(example.builder().build(), Err(ConfigError::SecretMissing { .. })), "{}", example.wire.sender);
        let receiver = Receiver::builder(example.sender.clone()).tolerance(counterfoil::Tolerance::RetrySafe).build();
        assert!(matches!(receiver, Err(ConfigError::SecretMissing { .. })), "{}", example.wire.sender);
    }
}

#[test]
fn t10_t17_a_revoked_secret_is_refused_even_with_its_body_on_the_way() {
    for example in Example::all() {
        let verifier = example.verifier();
        let (old, new) = (example.headers(), example.signed(NEW, &example.stamp, &example.body));
        let middle = example.body.len() / 2;
        let (head, tail) = (example.body.slice(..middle), example.body.slice(middle..));
        let begin = |headers| {
            let mut presented = verifier.present(headers, example.now).unwrap();
            presented.push(head.clone());
            presented
        };
        let (mut of_old, mut of_new) = (begin(&old), begin(&new));
        verifier.clone().set_secrets(vec![(secret(NEW), None)], example.now).unwrap();
        of_old.push(tail.clone());
        of_new.push(tail);
        let refused = of_old.finish(&old, example.now).unwrap_err();
        assert!(matches!(refused, Rejection::SignatureMismatch { secrets: 1 }), "{}: {refused}", example.wire.sender);
        assert!(of_new.finish(&new, example.now).is_ok(), "{}", example.wire.sender);
        let verdict = |headers| code(verifier.verify_at(headers, example.body.clone(), example.now));
        assert_eq!((verdict(&old), verdict(&new)), ("signature_mismatch", "valid"), "{}", example.wire.sender);
    }
}

#[test]
fn t10_a_revocation_that_fails_changes_nothing() {
    let example = Example::of("handl");
    let verifier = example.verifier();
    let too_many = vec![(secret(NEW), None); 5];
    assert!(matches!(verifier.set_secrets(too_many, example.now), Err(ConfigError::SecretsTooMany { .. })));
    assert!(matches!(verifier.set_secrets(vec![], example.now), Err(ConfigError::SecretMissing { .. })));
    let ended = vec![(secret(NEW), Some(example.now))];
    assert!(matches!(verifier.set_secrets(ended, example.now), Err(ConfigError::SecretsEnded { .. })));
    assert_eq!(code(verifier.verify_at(&example.headers(), example.body.clone(), example.now)), "valid");
}

/// Two sets of different sizes take turns. A request that saw parts of both would be refused by a set of the
/// wrong size, or accepted at a place that its secret never had.
#[test]
fn t17_under_threads_every_request_sees_one_whole_set_of_secrets() {
    const WANTED: usize = 200;
    let example = Example::of("agiled");
    let verifier = example.verifier();
    let one = || vec![(secret("the_only_secret_of_one"), None)];
    let three =
        || ["first_of_three_00", "second_of_three_0", "third_of_three_00"].map(|text| (secret(text), None)).to_vec();
    verifier.set_secrets(one(), example.now).unwrap();
    let running = AtomicUsize::new(2);
    let work = |text: &str, place: usize, others: usize| {
        let headers = example.signed(text, &example.stamp, &example.body);
        let (mut accepted, mut refused, started) = (0, 0, Instant::now());
        while accepted < WANTED || refused < WANTED {
            assert!(started.elapsed() < Duration::from_secs(30), "{accepted} accepted, {refused} refused");
            match verifier.verify_at(&headers, example.body.clone(), example.now) {
                Ok(delivery) => {
                    assert_eq!(delivery.secret_index(), Some(place));
                    accepted += 1;
                }
                Err(Rejection::SignatureMismatch { secrets }) => {
                    assert_eq!(secrets, others);
                    refused += 1;
                }
                Err(other) => panic!("{other}"),
            }
        }
    };
    let worker = |text: &'static str, place, others| {
        // Counted down on a panic as well, so that a failure ends the test.
        let done = OnDrop(|| {
            running.fetch_sub(1, Ordering::SeqCst);
        });
        work(text, place, others);
        drop(done);
    };
    thread::scope(|scope| {
        scope.spawn(|| worker("the_only_secret_of_one", 0, 3));
        scope.spawn(|| worker("third_of_three_00", 2, 1));
        while running.load(Ordering::SeqCst) > 0 {
            verifier.set_secrets(three(), example.now).unwrap();
            thread::yield_now();
            verifier.set_secrets(one(), example.now).unwrap();
            thread::yield_now();
        }
    });
}

#[test]
fn t10_under_threads_a_revocation_holds_from_the_moment_it_returns() {
    let example = Example::of("agency-os-ai");
    let verifier = example.verifier();
    let (revoked, accepted) = (AtomicBool::new(false), AtomicUsize::new(0));
    let work = || {
        let headers = example.headers();
        while !revoked.load(Ordering::SeqCst) {
            let mut presented = verifier.present(&headers, example.now).unwrap();
            presented.push(example.body.clone());
            let before = !revoked.load(Ordering::SeqCst);
            let outcome = presented.finish(&headers, example.now);
            assert!(before || outcome.is_err(), "accepted after the revocation");
            accepted.fetch_add(usize::from(outcome.is_ok()), Ordering::SeqCst);
        }
        let outcome = verifier.verify_at(&headers, example.body.clone(), example.now);
        assert_eq!(code(outcome), "signature_mismatch");
    };
    thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
        thread::sleep(Duration::from_millis(50));
        verifier.set_secrets(vec![(secret(NEW), None)], example.now).unwrap();
        revoked.store(true, Ordering::SeqCst);
    });
    assert!(accepted.load(Ordering::SeqCst) > 0, "nothing was accepted before the revocation either");
}

#[test]
fn t12_a_short_secret_is_warned_about_and_never_shown() {
    log::collect();
    for (name, text) in [("t12-short", "fifteen_bytes_x"), ("t12-long", "sixteen_bytes_xx")] {
        let mut sender = till(counterfoil::scheme::TagEncoding::Hex, None);
        sender.name = name.into();
        Verifier::builder(sender).secret(secret(text)).build().unwrap();
    }
    let text = log::text();
    let lines_of = |name: &str| text.lines().filter(|line| line.contains(name)).collect::<Vec<_>>();
    let [line] = lines_of("t12-short")[..] else { panic!("{text}") };
    assert!(line.contains("WARN") && line.contains("short secret"), "{line}");
    assert!(!text.contains("fifteen_bytes_x"), "{text}");
    assert!(lines_of("t12-long").is_empty(), "{text}");
}

struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        self.0();
    }
}
